"""The plainest caller of RingCX that can load: for leads that were there before, and for the floor to compare with."""

from types import TracebackType
from typing import Any, Self

import httpx

from connectors.sandbox.settings import SandboxSettings

_CAMPAIGN = 12345


class RawClient:
    """Signs in when it must and sends what it is told; it knows nothing of attempts or searches."""

    def __init__(self, url: str, timeout: float) -> None:
        self._settings = SandboxSettings()
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=False)
        self._signed_in = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def sign_in(self) -> None:
        """Get a token for the next requests."""
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._settings.jwt}
        client = (self._settings.client_id, self._settings.client_secret)
        platform = self._http.post("/restapi/oauth/token", data=grant, auth=client).raise_for_status().json()
        form = {"rcAccessToken": platform["access_token"], "rcTokenType": "Bearer"}
        token = self._http.post("/api/auth/login/rc/accesstoken", data=form).raise_for_status().json()["accessToken"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._signed_in = True

    def load(self, leads: list[dict[str, str]], load: dict[str, Any]) -> dict[str, Any]:
        """Send one direct load. Raises httpx.HTTPError or ValueError for whatever is no readable success."""
        if not self._signed_in:
            self.sign_in()
        body = {
            "description": "Chaos",
            "dialPriority": "NORMAL",
            "duplicateHandling": load["duplicate_handling"],
            "timeZoneOption": load["time_zone_option"],
            "uploadLeads": leads,
        }
        path = f"/voice/api/v1/admin/accounts/{self._settings.account_id}/campaigns/{_CAMPAIGN}/leadLoader/direct"
        answer = self._http.post(path, json=body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._signed_in = False
        result: dict[str, Any] = answer.raise_for_status().json()
        return result

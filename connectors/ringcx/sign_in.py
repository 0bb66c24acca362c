"""Signs in once and keeps one token for every request of the process.

A RingCX token lives five minutes and the exchange is limited to five a minute, so nothing signs in for itself. Tokens
are held in memory only.
"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, Final

import httpx

from connectors.ringcx.settings import Account
from connectors.ringcx.throttle import Call, Throttle
from connectors.ringcx.wire import error_message
from transforms.vocabulary.errors import ConfigurationError, LeadferryError, ServiceError

TOKEN_SECONDS: Final = 300
"""How long RingCX's guide says a token lives."""

_RENEW_AFTER: Final = 0.8
"""The share of its life after which a token is renewed, so that none runs out on the way."""

_TRIES: Final = 3
_SERVER_ERRORS: Final = 500

_LONGEST_WAIT: Final = 3600.0
"""No `Retry-After` is believed beyond this many seconds."""

_SECRET_FIELDS: Final = {"assertion", "rcAccessToken", "refresh_token"}

_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Session:
    """The current token of one account; safe to use from several threads."""

    def __init__(
        self, account: Account, http: httpx.Client, throttle: Throttle, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold no token yet; the first `authorization` signs in."""
        self._account, self._http, self._throttle, self._clock = account, http, throttle, clock
        self._lock = Lock()
        self._token = ""
        self._refresh_token = ""
        self._renew_at = 0.0
        self._account_ids: tuple[str, ...] = ()

    def authorization(self) -> dict[str, str]:
        """Return the header that signs a request, renewing the token when most of its life is over.

        Raises ConfigurationError for refused credentials and ServiceError where sign-in is out of reach.
        """
        if self._account.legacy_token:
            return {"X-Auth-Token": self._account.legacy_token}
        with self._lock:
            if not self._token:
                self._sign_in()
            elif self._clock() >= self._renew_at:
                self._renew()
            return {"Authorization": f"Bearer {self._token}"}

    def reject(self, header: dict[str, str]) -> bool:
        """Drop the token of `header` after a 401; return whether there is any hope in asking for another."""
        with self._lock:
            if self._account.legacy_token:
                return False
            if header.get("Authorization") == f"Bearer {self._token}":
                self._renew_at = 0.0  # another thread may have renewed it already, and then there is nothing to drop
        return True

    def account_id(self) -> str:
        """Return the sub-account to work in: the one the environment names, else the only one there is."""
        if self._account.account_id:
            return self._account.account_id
        if not self._account_ids:
            self.authorization()
        if len(self._account_ids) == 1:
            return self._account_ids[0]
        there = f"there are {', '.join(self._account_ids)}" if self._account_ids else "the sign-in names none"
        raise ConfigurationError(
            "ACCOUNT_UNKNOWN", f"The environment lacks RINGCX_ACCOUNT_ID and {there}.", "Set it to the account to load."
        )

    def _sign_in(self) -> None:
        token = self._post(
            f"{self._account.ringcentral_url.rstrip('/')}/restapi/oauth/token",
            {"grant_type": _JWT_GRANT, "assertion": self._account.jwt},
            auth=(self._account.client_id, self._account.client_secret),
        )
        self._throttle.wait_turn(Call.EXCHANGE)
        self._keep(
            self._post(
                f"{self._account.ringcx_url.rstrip('/')}/api/auth/login/rc/accesstoken?includeRefresh=true",
                {"rcAccessToken": str(token.get("access_token", "")), "rcTokenType": "Bearer"},
            )
        )

    def _renew(self) -> None:
        """Trade the refresh token for a new pair; a spent or revoked one means signing in from the start."""
        if not self._refresh_token:
            self._sign_in()
            return
        try:
            answer = self._post(
                f"{self._account.ringcx_url.rstrip('/')}/api/auth/token/refresh", {"refresh_token": self._refresh_token}
            )
        except ConfigurationError:
            self._refresh_token = ""
            self._sign_in()
        else:
            self._keep(answer)

    def _keep(self, answer: dict[str, Any]) -> None:
        token = answer.get("accessToken")
        if not isinstance(token, str) or not token:
            raise _not_understood()
        self._token = token
        self._refresh_token = str(answer.get("refreshToken") or "")
        self._renew_at = self._clock() + TOKEN_SECONDS * _RENEW_AFTER
        details = answer.get("agentDetails") or ()
        ids = [str(detail["accountId"]) for detail in details if isinstance(detail, dict) and detail.get("accountId")]
        self._account_ids = tuple(dict.fromkeys(ids)) or self._account_ids

    def _post(self, url: str, form: dict[str, str], auth: tuple[str, str] | None = None) -> dict[str, Any]:
        """Post a form and return the JSON object; nothing of form, answer or token ever goes into an error."""
        for _ in range(_TRIES):
            try:
                answer = self._http.post(url, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            except httpx.HTTPError as error:
                raise out_of_reach(url, error) from None
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and answer.status_code < _SERVER_ERRORS:
                return self._read(url, answer, form)
            self._throttle.rest(retry_after(answer, default=2.0))
        raise ServiceError(
            "SIGN_IN_FAILED",
            f"Sign-in failed ({answer.status_code} from {httpx.URL(url).host}).",
            "Try again in a minute.",
        )

    def _read(self, url: str, answer: httpx.Response, form: dict[str, str]) -> dict[str, Any]:
        if not answer.is_success:
            sent = [form[name] for name in _SECRET_FIELDS & form.keys()]
            words = error_message(answer.content, secrets=[*sent, self._account.client_secret, self._token])
            raise ConfigurationError(
                "CREDENTIALS_REFUSED",
                f"Sign-in was refused ({answer.status_code} from {httpx.URL(url).host}): {words}.",
                "Check RC_CLIENT_ID, RC_CLIENT_SECRET, RC_JWT and the base URLs.",
            )
        try:
            body = answer.json()
        except ValueError:
            raise _not_understood() from None
        if not isinstance(body, dict):
            raise _not_understood()
        return body


def retry_after(answer: httpx.Response, *, default: float) -> float:
    """Return the seconds that `Retry-After` (seconds or an HTTP date) asks for; `default` where it says nothing."""
    given = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = float(given) if given.isdecimal() else parsedate_to_datetime(given).timestamp() - time.time()
    except (ValueError, OverflowError):
        return default
    return min(max(0.0, seconds), _LONGEST_WAIT)


def out_of_reach(url: str, error: httpx.HTTPError) -> ServiceError:
    """Translate a transport error; its own text may hold an address with secrets, so only its kind is told."""
    return ServiceError(
        "RINGCX_OUT_OF_REACH",
        f"{httpx.URL(url).host} cannot be reached ({type(error).__name__}).",
        "Check the network, the proxy settings and RINGCX_BASE_URL, then run again.",
    )


def _not_understood() -> LeadferryError:
    return ServiceError(
        "SIGN_IN_NOT_UNDERSTOOD", "Sign-in answered with something else than a token.", "Check RINGCX_BASE_URL."
    )

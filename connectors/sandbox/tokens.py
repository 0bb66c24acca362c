"""The tokens: what was issued, what it opens, and when it stops doing so."""

import secrets
from dataclasses import dataclass

from connectors.sandbox.clock import SandboxClock
from connectors.sandbox.refusals import bad_request, oauth_error, unauthorized
from connectors.sandbox.settings import SandboxSettings

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A RingCX access token and the refresh token issued with it."""

    access_token: str
    refresh_token: str


class TokenDesk:
    """Issues, checks and withdraws tokens."""

    def __init__(self, settings: SandboxSettings, clock: SandboxClock) -> None:
        """Begin with no token issued."""
        self._settings = settings
        self._clock = clock
        self._platform_tokens: dict[str, float] = {}
        self._access_tokens: dict[str, float] = {}
        self._refresh_tokens: set[str] = set()

    def check_client(self, client_id: str | None, client_secret: str | None) -> None:
        """Refuse a wrong client id or secret as the RingCentral platform does."""
        if (client_id, client_secret) != (self._settings.client_id, self._settings.client_secret):
            raise oauth_error(401, "invalid_client", "Invalid client: the id or the secret is wrong")

    def check_grant(self, form: dict[str, str]) -> None:
        """Refuse a sign-in form that is not a JWT grant with the right assertion."""
        if form.get("grant_type") != JWT_GRANT:
            raise oauth_error(400, "unsupported_grant_type", f"grant_type must be {JWT_GRANT}")
        if not form.get("assertion"):
            raise oauth_error(400, "invalid_request", "assertion is missing")
        if form["assertion"] != self._settings.jwt:
            raise oauth_error(400, "invalid_grant", "The assertion is not valid")

    def issue_platform_token(self) -> str:
        """Issue the RingCentral token that can be exchanged for a RingCX one."""
        token = secrets.token_urlsafe(24)
        self._platform_tokens[token] = self._clock.now() + self._settings.platform_token_seconds
        return token

    def check_exchange(self, form: dict[str, str]) -> None:
        """Refuse an exchange without a living RingCentral token of type Bearer."""
        if form.get("rcTokenType") != "Bearer":
            raise bad_request("rcTokenType: must be Bearer")
        token = form.get("rcAccessToken")
        if not token:
            raise bad_request("rcAccessToken: is missing")
        if self._platform_tokens.get(token, 0.0) <= self._clock.now():
            raise unauthorized("The RingCentral access token is not valid")

    def check_refresh(self, refresh_token: str | None) -> None:
        """Refuse a refresh token that was never issued, or is spent."""
        if not refresh_token:
            raise bad_request("refresh_token: is missing")
        if refresh_token not in self._refresh_tokens:
            raise unauthorized("The refresh token is not valid or was used before")

    def spend_refresh(self, refresh_token: str) -> TokenPair:
        """Spend a refresh token for a new pair."""
        self._refresh_tokens.discard(refresh_token)
        return self.issue_pair()

    def issue_pair(self) -> TokenPair:
        """Issue a RingCX access token with its refresh token."""
        pair = TokenPair(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        self._access_tokens[pair.access_token] = self._clock.now() + self._settings.token_seconds
        self._refresh_tokens.add(pair.refresh_token)
        return pair

    def check_bearer(self, authorization: str | None) -> None:
        """Refuse an `Authorization` header that opens nothing, in the gateway's words."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("Jwt is missing")
        expiry = self._access_tokens.get(token)
        if expiry is None:
            raise unauthorized("Jwt verification fails")
        if expiry <= self._clock.now():
            raise unauthorized("Jwt is expired")

    def check_legacy(self, token: str | None) -> None:
        """Refuse anything but the permanent token of the legacy hosts."""
        if token != self._settings.legacy_token:
            raise unauthorized("X-Auth-Token is missing or not valid")

    def expire(self, authorization: str | None) -> None:
        """End one access token's life now."""
        token = (authorization or "").partition(" ")[2]
        if token in self._access_tokens:
            self._access_tokens[token] = self._clock.now()

    def revoke_all(self) -> None:
        """Withdraw every token, refresh tokens and RingCentral tokens included."""
        self._platform_tokens.clear()
        self._access_tokens.clear()
        self._refresh_tokens.clear()

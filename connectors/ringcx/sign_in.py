"""Signs in once and keeps one token for every request of the process.

A RingCX token lives five minutes and the exchange is limited to five a minute, so nothing signs in for itself: one
thread renews, the others wait for it and take what it got, or share its failure. Tokens are held in memory only.
"""

import base64
import hashlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, Final

import httpx

from connectors.ringcx.settings import Account
from connectors.ringcx.throttle import Call, Throttle
from connectors.ringcx.transport import is_untrusted, reason_of
from connectors.ringcx.wire import error_message
from transforms.vocabulary.errors import ConfigurationError, ServiceError

TOKEN_SECONDS: Final = 300
"""How long RingCX's guide says a token lives."""

_RENEW_AFTER: Final = 0.8
"""The share of its life after which a token is renewed, so that none runs out on the way."""

_TRUSTED_FOR: Final = 0.95
"""The share of its life for which a token that cannot be renewed is used all the same."""

_TRIES: Final = 3
_SERVER_ERRORS: Final = 500
_MAY_PASS: Final = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})

_LONGEST_REST: Final = 60.0
"""Seconds that a sign-in waits by itself, a window of the exchange's limit; more is left to whoever asked for it."""

_SHARED_SECONDS: Final = 0.5
"""How long a failure to sign in is everybody's, so that threads that waited for it do not all fail for themselves."""

_ASK_AGAIN: Final = 0.2
"""Seconds after which a thread that waits for another's sign-in looks whether it should stop."""

_TOKENS_REMEMBERED: Final = 16
_TOKEN: Final = re.compile(r"[!-~]+")
_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_-]+")

_LONGEST_WAIT: Final = 3600.0
"""No `Retry-After` is believed beyond this many seconds."""

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
        self._renew_at = self._trusted_until = self._quiet_until = clock()
        self._failure: ServiceError | None = None
        self._account_ids: tuple[str, ...] = ()
        self._tokens: deque[str] = deque(maxlen=_TOKENS_REMEMBERED)

    def authorization(self) -> dict[str, str]:
        """Return the header that signs a request, renewing the token when most of its life is over.

        Raises ConfigurationError for refused credentials, ServiceError where sign-in is out of reach and no living
        token is left, and RunInterruptedError when asked to stop meanwhile.
        """
        if self._account.legacy_token:
            return {"X-Auth-Token": self._account.legacy_token}
        with self._held():
            if self._clock() >= self._renew_at:
                self._obtain()
            return {"Authorization": f"Bearer {self._token}"}

    def reject(self, header: dict[str, str]) -> bool:
        """Drop the token of `header` after a 401; return whether there is any hope in asking for another."""
        with self._lock:
            if self._account.legacy_token:
                return False
            if header.get("Authorization") == f"Bearer {self._token}":
                # Another thread may have renewed it already, and then there is nothing to drop.
                self._renew_at = self._trusted_until = self._clock()
        return True

    def secrets(self) -> list[str]:
        """Return all that no word of ours may hold, should a server repeat it."""
        account = self._account
        basic = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
        return [account.client_secret, account.jwt, account.legacy_token, basic, *tuple(self._tokens)]

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the session's lock. Raises RunInterruptedError when asked to stop while another thread has it."""
        while not self._lock.acquire(timeout=_ASK_AGAIN):
            self._throttle.rest(0)
        try:
            yield
        finally:
            self._lock.release()

    def _obtain(self) -> None:
        """Get a token that is not to be renewed; while that fails, a living one will do."""
        if self._failure is None or self._clock() >= self._quiet_until:
            try:
                if self._token:
                    self._renew()
                else:
                    self._sign_in()
            except ServiceError as error:
                self._failure = error
                self._quiet_until = max(self._quiet_until, self._clock() + _SHARED_SECONDS)
            else:
                self._failure = None
        if self._failure is not None and not self._is_trusted():
            # A new one for each thread: they would write their tracebacks into each other's.
            raise ServiceError(self._failure.code, self._failure.message, self._failure.next_step)

    def _is_trusted(self) -> bool:
        return bool(self._token) and self._clock() < self._trusted_until

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
        granted = self._post(
            f"{self._account.ringcentral_url.rstrip('/')}/restapi/oauth/token",
            {"grant_type": _JWT_GRANT, "assertion": self._account.jwt},
            auth=(self._account.client_id, self._account.client_secret),
        )
        platform_token = self._read_token(granted, "access_token")
        self._throttle.wait_turn(Call.EXCHANGE, self._exchange_scope())
        self._keep(
            self._post(
                f"{self._account.ringcx_url.rstrip('/')}/api/auth/login/rc/accesstoken?includeRefresh=true",
                {"rcAccessToken": platform_token, "rcTokenType": "Bearer"},
            )
        )

    def _exchange_scope(self) -> str:
        """Name what exchanges are counted for; no account is known yet, and a client id is nobody else's business."""
        app = hashlib.sha256(self._account.client_id.encode()).hexdigest()[:16]
        return f"{httpx.URL(self._account.ringcx_url).netloc.decode()}/sign-in/{app}"

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
        self._token = self._read_token(answer, "accessToken")
        self._refresh_token = self._read_token(answer, "refreshToken") if answer.get("refreshToken") else ""
        self._renew_at = self._clock() + TOKEN_SECONDS * _RENEW_AFTER
        self._trusted_until = self._clock() + TOKEN_SECONDS * _TRUSTED_FOR
        details = answer.get("agentDetails") or ()
        ids = [str(detail.get("accountId")) for detail in details if isinstance(detail, dict)]
        self._account_ids = tuple(dict.fromkeys(filter(_ACCOUNT_ID.fullmatch, ids))) or self._account_ids

    def _read_token(self, answer: dict[str, Any], name: str) -> str:
        """Return a token that can stand in a header. Raises ServiceError where there is none."""
        token = answer.get(name)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise _not_understood()
        self._tokens.append(token)
        return token

    def _post(self, url: str, form: dict[str, str], auth: tuple[str, str] | None = None) -> dict[str, Any]:
        """Post a form and return the JSON object; nothing of form, answer or token ever goes into an error."""
        for left in reversed(range(1 if self._is_trusted() else _TRIES)):
            try:
                answer = self._http.post(url, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            except httpx.HTTPError as error:
                raise out_of_reach(url, error) from None
            if answer.status_code not in _MAY_PASS and answer.status_code < _SERVER_ERRORS:
                return self._read(url, answer)
            seconds = retry_after(answer, default=2.0)
            if seconds > _LONGEST_REST or not left:
                break
            self._throttle.rest(seconds)
        if seconds > _LONGEST_REST:
            self._quiet_until = self._clock() + seconds
        raise ServiceError(
            "SIGN_IN_FAILED",
            f"Sign-in failed ({answer.status_code} from {httpx.URL(url).host}).",
            "Try again in a minute.",
        )

    def _read(self, url: str, answer: httpx.Response) -> dict[str, Any]:
        host = httpx.URL(url).host
        if answer.is_redirect:
            raise ConfigurationError(
                "SIGN_IN_REDIRECTED",
                f"{host} answered the sign-in with a redirect ({answer.status_code}): credentials do not follow it.",
                "Check the base URLs, and whether the network asks for a log-in of its own.",
            )
        if not answer.is_success:
            words = error_message(answer.content, secrets=self.secrets())
            raise ConfigurationError(
                "CREDENTIALS_REFUSED",
                f"Sign-in was refused ({answer.status_code} from {host}): {words}.",
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
    host = httpx.URL(url).host
    if is_untrusted(error):
        return ServiceError(
            "CERTIFICATE_NOT_TRUSTED",
            f"{host} was not spoken to: {reason_of(error)}.",
            "Where a proxy of your own opens TLS, name the file with its authority's certificate in SSL_CERT_FILE.",
        )
    return ServiceError(
        "RINGCX_OUT_OF_REACH",
        f"{host} cannot be reached ({reason_of(error)}).",
        "Check the network, the proxy settings and RINGCX_BASE_URL, then run again.",
    )


def _not_understood() -> ServiceError:
    return ServiceError(
        "SIGN_IN_NOT_UNDERSTOOD", "Sign-in answered with something else than a token.", "Check RINGCX_BASE_URL."
    )

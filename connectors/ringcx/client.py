"""The calls a load needs, each translated into what its answer proves."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import httpx

from connectors.ringcx.answers import Campaign, Found, LoadAnswer, NotSent, Refused, Unknown
from connectors.ringcx.searching import LeadSearch
from connectors.ringcx.settings import Account
from connectors.ringcx.sign_in import Session, out_of_reach, retry_after
from connectors.ringcx.throttle import Call, Throttle
from connectors.ringcx.transport import Passage, Transport, reason_of
from connectors.ringcx.wire import (
    error_message,
    read_campaigns,
    read_load_answer,
    read_objects,
    says_too_large,
)
from transforms.vocabulary.errors import ConfigurationError, ServiceError

_JSON: Final = "application/json"
_THROTTLED: Final = httpx.codes.TOO_MANY_REQUESTS
_UNAUTHORIZED: Final = httpx.codes.UNAUTHORIZED
_TIMED_OUT: Final = httpx.codes.REQUEST_TIMEOUT
_SERVER_ERRORS: Final = 500
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 20.0

_TURNED_AWAY: Final = 20
"""Answers of 429 to one reading call that say when to come back, after which they are failures like any other."""

_REFUSES_THE_CALLER: Final = frozenset({402, 403, 404, 405, 407, 451})
"""Statuses that turn away whoever asks, or the campaign asked for: nothing was done, and no lead is to blame."""

_REFUSALS: Final = frozenset({400, 410, 411, 413, 414, 415, 417, 421, 422, 426, 428, 431})
"""Statuses that say the request was not taken. Any other (a redirect, a 409 after a gateway's own second try) may
follow a request that was."""


def _do_nothing() -> None:
    """Stand in for a caller that keeps no record of its attempts."""


class RingCx:
    """One sub-account of RingCX; safe to use from several threads."""

    def __init__(
        self,
        account: Account,
        throttle: Throttle,
        *,
        version: str,
        timeout_seconds: float,
        patience_seconds: float,
        connections: int,
    ) -> None:
        """`timeout_seconds` is how long one request may take from its beginning to the last byte of its answer.

        `patience_seconds` is how long reading calls are repeated while RingCX is out of reach. Raises
        ConfigurationError for an account or a proxy that cannot be used.
        """
        account.check()
        self._account, self._throttle, self._patience = account, throttle, patience_seconds
        self._timeout = timeout_seconds
        self._http = httpx.Client(
            transport=Transport(account.addresses, timeout_seconds=timeout_seconds, connections=connections),
            headers={"User-Agent": f"leadferry/{version}"},
            # Credentials go to the hosts that were checked, and nowhere they point to.
            follow_redirects=False,
            trust_env=False,
        )
        self._session = Session(account, self._http, throttle)
        self.search = LeadSearch(self._ask)
        """Finds leads again."""

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def sign_in(self) -> str:
        """Sign in and return the account id. Raises ConfigurationError or ServiceError."""
        self._session.authorization()
        return self._session.account_id()

    def campaigns(self) -> list[Campaign]:
        """Return every campaign of the account, dial group by dial group."""
        groups = self._read_objects("dialGroups/withChildren", "dialGroupId")
        for group in groups:
            if group.get("campaigns") is None:
                path = f"dialGroups/{int(group['dialGroupId'])}/campaigns"
                group["campaigns"] = self._read_objects(path, "campaignId")
        return read_campaigns(groups)

    def load(self, campaign_id: int, body: bytes, *, on_turn: Callable[[], None] = _do_nothing) -> LoadAnswer:
        """Send one `leadLoader/direct` request, once; never raises for what the network or the server does.

        `on_turn` is called when the throttle has let the request through, right before its first byte may leave. A 401
        proves that nothing was done, so the request goes out again with a new token, and `on_turn` is called again.
        """
        path = f"campaigns/{campaign_id}/leadLoader/direct"
        for _ in range(2):
            try:
                self._session.authorization()
                turn = self._throttle.wait_turn(Call.DIRECT, self._scope())
                header = self._session.authorization()  # the wait may have outlasted the token
            except ServiceError as error:
                return NotSent(error.code, error.message)
            # Its time begins before its record is written: what is recorded as begun is over when that says so.
            passage = Passage(self._timeout, turn.has_left)
            on_turn()
            if passage.is_over:
                return NotSent("NO_TIME_LEFT", "Recording the attempt took all its time.")
            try:
                answer = self._request("POST", path, header, passage, content=body)
            except httpx.HTTPError as error:
                if passage.proves_nothing_left(error):
                    return NotSent("NO_CONNECTION", f"No connection ({reason_of(error)}).")
                return Unknown("NO_ANSWER", f"The answer did not arrive whole ({reason_of(error)}).")
            if answer.status_code != _UNAUTHORIZED or not self._session.reject(header):
                break
        return self._class_of(answer)

    def _class_of(self, answer: httpx.Response) -> LoadAnswer:
        if answer.is_success:
            return read_load_answer(answer.content, secrets=self._session.secrets())
        status, words = answer.status_code, self._words(answer)
        if status == _THROTTLED:
            seconds = retry_after(answer, default=5.0)
            self._throttle.pause(Call.DIRECT, self._scope(), seconds)
            return NotSent("THROTTLED", "RingCX answered 429.", seconds)
        told = f"RingCX answered {status}: {words.rstrip('. ')}."
        if status == _UNAUTHORIZED:
            return NotSent("NOT_AUTHORIZED", told)
        if status in _REFUSES_THE_CALLER:
            return NotSent(f"HTTP_{status}", told)
        if status in _REFUSALS:
            return Refused(f"HTTP_{status}", told, too_large=says_too_large(status, answer.content))
        return Unknown(f"HTTP_{status}", told)

    def count_leads(self, campaign_id: int, extern_ids: Sequence[str]) -> int | None:
        """Return how many leads of the campaign have one of `extern_ids`; None where the answer says no number."""
        return self.search.count(campaign_id, extern_ids=extern_ids)

    def find_leads(self, campaign_id: int, extern_ids: Sequence[str]) -> Found:
        """Return the leads of the campaign that have one of `extern_ids`, every page, checked against the count."""
        return self.search.find(campaign_id, extern_ids)

    def _ask(self, path: str, call: Call, content: bytes, media_type: str) -> bytes:
        return self._read("POST", path, call, content, media_type).content

    def _read_objects(self, path: str, key: str) -> list[dict[str, Any]]:
        objects = read_objects(self._read("GET", path, Call.OTHER, None).content, key)
        if objects is None:
            raise ServiceError(
                "ANSWER_NOT_UNDERSTOOD",
                f"RingCX answered {path} with something else than documented.",
                "Check RINGCX_BASE_URL.",
            )
        return objects

    def _read(
        self, method: str, path: str, call: Call, content: bytes | None, media_type: str = _JSON
    ) -> httpx.Response:
        """Make a call that changes nothing, again and again while that may help.

        Patience begins with the first failure and leaves out waits for the throttle, which are nobody's failure.
        Raises ConfigurationError where RingCX refuses it, ServiceError where patience ends.
        """
        give_up_at: float | None = None
        tried: Counter[int] = Counter()
        for wait in _growing_waits():
            begun = time.monotonic()
            turn = self._throttle.wait_turn(call, self._scope())
            if give_up_at is not None:
                give_up_at += time.monotonic() - begun
            try:
                header = self._session.authorization()
                passage = Passage(self._timeout, turn.has_left)
                answer = self._request(method, path, header, passage, content=content, media_type=media_type)
            except httpx.HTTPError as error:
                trouble, pause = out_of_reach(self._account.ringcx_url, error), wait
            except ServiceError as error:
                trouble, pause = error, wait
            else:
                if answer.is_success:
                    return answer
                trouble, pause = self._trouble(answer, path, header, call, wait)
                tried[answer.status_code] += 1
                if answer.status_code == _UNAUTHORIZED and tried[_UNAUTHORIZED] == 1:
                    continue  # its token had run out, and a new one is at hand
                if "Retry-After" in answer.headers and tried[_THROTTLED] in range(1, _TURNED_AWAY):
                    continue  # the throttle keeps the pause that RingCX asked for, for all threads at once
            give_up_at = time.monotonic() + self._patience if give_up_at is None else give_up_at
            if time.monotonic() + pause > give_up_at:
                raise trouble
            self._throttle.rest(pause)
        raise AssertionError("waits grow without end")

    def _trouble(
        self, answer: httpx.Response, path: str, header: dict[str, str], call: Call, wait: float
    ) -> tuple[ServiceError, float]:
        """Return what went wrong with a reading call and how long to wait; raise where waiting cannot help."""
        status, words = answer.status_code, self._words(answer)
        if status == _THROTTLED:
            seconds = retry_after(answer, default=5.0)
            self._throttle.pause(call, self._scope(), seconds)
            return ServiceError("THROTTLED", "RingCX keeps answering 429.", "Try again in a minute."), seconds
        if status == _UNAUTHORIZED and self._session.reject(header):
            return ServiceError(
                "NOT_AUTHORIZED", f"RingCX keeps answering 401: {words}.", "Check the app's rights."
            ), wait
        if status >= _SERVER_ERRORS or status == _TIMED_OUT:
            return ServiceError(f"HTTP_{status}", f"RingCX answers {status}: {words}.", "Try again later."), wait
        raise ConfigurationError(
            f"HTTP_{status}",
            f"RingCX answered {status} to {path.partition('?')[0]}: {words}.",
            "Check RINGCX_ACCOUNT_ID, the base URLs and the rights of the signed-in user.",
        )

    def _words(self, answer: httpx.Response) -> str:
        """Return the server's words about a request, without anything secret."""
        if answer.is_redirect:
            return "a redirect, which is not followed"
        return error_message(answer.content, secrets=self._session.secrets())

    def _scope(self) -> str:
        """Name what RingCX counts calls for: the sub-account, on its host."""
        return f"{httpx.URL(self._account.ringcx_url).netloc.decode()}/{self._session.account_id()}"

    def _request(
        self,
        method: str,
        path: str,
        header: dict[str, str],
        passage: Passage,
        *,
        content: bytes | None = None,
        media_type: str = _JSON,
    ) -> httpx.Response:
        url = f"{self._account.admin_url}/accounts/{self._session.account_id()}/{path}"
        kind = {"Content-Type": media_type} if content is not None else {}
        return self._http.request(method, url, headers=header | kind, content=content, extensions=passage.extensions)


def _growing_waits() -> Iterator[float]:
    wait = _FIRST_WAIT
    while True:
        yield wait
        wait = min(wait * 2, _LONGEST_WAIT)

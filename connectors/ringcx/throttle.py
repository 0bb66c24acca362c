"""Holds every call inside RingCX's throttles, so that the server never has to say 429.

The windows are counted in one place for all processes that load into a sub-account (`Windows`), for RingCX counts them
together. It counts requests as they arrive, we as they leave; what travels slower than its neighbour can arrive inside
a window it left outside of. Each window is therefore held a little longer than RingCX's own, and a request that had to
wait for its record, a connection or a slow line is counted as of the moment when its last byte had left.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from threading import Event, Lock
from typing import Final, Protocol

from transforms.vocabulary.errors import ConfigurationError, RunInterruptedError

_SLACK_SECONDS: Final = 0.1
"""How much longer than documented a window is held."""

_AT_ONCE: Final = 0.02
"""Seconds within which a request has left as soon as it might."""

_ASK_AGAIN: Final = 0.2
"""Seconds after which a thread in the queue looks whether it should stop."""


class Call(StrEnum):
    """The kinds of call that RingCX counts apart."""

    DIRECT = "leadLoader/direct"
    SEARCH = "leadSearch"
    COUNT = "leadSearch?count=true"
    PHONES = "leadSearchByPhoneList"
    EXCHANGE = "token exchange"
    OTHER = "other"


LIMITS: Final[dict[Call, tuple[tuple[int, int], ...]]] = {
    Call.DIRECT: ((30, 10), (120, 60)),
    Call.SEARCH: ((15, 10), (60, 30)),
    Call.COUNT: ((90, 10), (180, 30)),
    Call.PHONES: ((30, 10), (120, 60)),
    Call.EXCHANGE: ((5, 60),),
}
"""Requests and seconds of each window, per sub-account (RingCX API reference, rate limits of each operation)."""


class Windows(Protocol):
    """Where calls are counted: sliding windows, shared by whoever shares a sub-account."""

    def take(self, scope: str, call: str, limits: Sequence[tuple[int, float]]) -> float:
        """Count a call and return 0.0 if `limits` (calls, seconds) and pauses allow it, else the seconds to wait."""
        ...

    def count_anew(self, scope: str, call: str, seconds: float) -> None:
        """Count a call as of now that was counted `seconds` ago."""
        ...

    def pause(self, scope: str, call: str, seconds: float) -> None:
        """Let nobody make `call` for `seconds`; a longer pause that is on already holds."""
        ...


class Turn:
    """One call that the throttle has let through."""

    def __init__(self, windows: Windows, scope: str, call: Call, *, counted: bool) -> None:
        """It has been `counted` in `windows` just now, or is of a kind that is not."""
        self._windows, self._scope, self._call, self._counted = windows, scope, call, counted
        self._counted_at = time.monotonic()

    def has_left(self) -> None:
        """Hear that the last byte of the request is on its way."""
        seconds = time.monotonic() - self._counted_at
        if self._counted and seconds > _AT_ONCE:
            # What is lost is a moment in a window, and at worst a 429; the request has to have its answer read.
            with suppress(ConfigurationError):
                self._windows.count_anew(self._scope, self._call.value, seconds)


class Throttle:
    """The throttles of one process, counted in `windows` together with those of all others."""

    def __init__(self, windows: Windows, stop: Event, *, limited: bool = True) -> None:
        """`stop` ends a wait; without `limited` only a 429 makes anybody wait."""
        self._windows, self._stop = windows, stop
        self._limits = {
            call: tuple((limit, seconds + _SLACK_SECONDS) for limit, seconds in binding(windows)) if limited else ()
            for call, windows in LIMITS.items()
        }
        self._gates = {call: Lock() for call in Call}

    def wait_turn(self, call: Call, scope: str) -> Turn:
        """Return when `call` may be made, and count it. Raises RunInterruptedError when asked to stop meanwhile."""
        # One thread asks, the others queue behind it: sixty asking at once would only be in each other's way.
        while not self._gates[call].acquire(timeout=_ASK_AGAIN):
            if self._stop.is_set():
                raise interrupted()
        try:
            limits = self._limits.get(call, ())
            while (seconds := self._windows.take(scope, call.value, limits)) > 0:
                self.rest(seconds)
            return Turn(self._windows, scope, call, counted=bool(limits))
        finally:
            self._gates[call].release()

    def pause(self, call: Call, scope: str, seconds: float) -> None:
        """Let nobody make `call` for `seconds`: RingCX said 429 because of traffic that is not ours."""
        self._windows.pause(scope, call.value, seconds)

    def rest(self, seconds: float) -> None:
        """Wait for `seconds`. Raises RunInterruptedError when asked to stop meanwhile."""
        if self._stop.wait(seconds):
            raise interrupted()


def most_calls(call: Call, seconds: int) -> int | None:
    """Return how many of `call` RingCX takes at most in any stretch of `seconds`; None where it has no limit."""
    return min((limit * -(-seconds // window) for limit, window in LIMITS.get(call, ())), default=None)


def binding(windows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the windows (limit, seconds) that can bind, shortest first.

    Whoever keeps to 15 in 10 seconds makes at most 45 requests in 30: a limit of 60 there holds by itself.
    """
    kept: list[tuple[int, int]] = []
    for limit, seconds in sorted(windows, key=lambda window: window[1]):
        if all(limit < other * -(-seconds // shorter) for other, shorter in kept):
            kept.append((limit, seconds))
    return kept


def interrupted() -> RunInterruptedError:
    """Return the error that a stopped wait raises."""
    return RunInterruptedError("INTERRUPTED", "The run was asked to stop.", "Resume it to go on.")

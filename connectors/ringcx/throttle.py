"""Holds every call inside RingCX's throttles, so that the server never has to say 429.

RingCX counts requests as they arrive, we as they leave; what travels slower than its neighbour can arrive inside a
window it left outside of. Each window is therefore held a little longer than RingCX's own.
"""

import time
from collections.abc import Iterable
from enum import StrEnum
from threading import Event, Lock
from typing import Final

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from transforms.vocabulary.errors import RunInterruptedError

_SLACK_MS: Final = 150
"""How much longer than documented a window is held, in milliseconds."""


_ASK_AGAIN: Final = 0.05


class Call(StrEnum):
    """The kinds of call that RingCX counts apart."""

    DIRECT = "leadLoader/direct"
    SEARCH = "leadSearch"
    COUNT = "leadSearch?count=true"
    EXCHANGE = "token exchange"
    OTHER = "other"


LIMITS: Final[dict[Call, tuple[tuple[int, int], ...]]] = {
    Call.DIRECT: ((30, 10), (120, 60)),
    Call.SEARCH: ((15, 10), (60, 30)),
    Call.COUNT: ((90, 10), (180, 30)),
    Call.EXCHANGE: ((5, 60),),
}
"""Requests and seconds of each window, per sub-account (RingCX API reference, rate limits of each operation)."""


class Throttle:
    """One sub-account's throttles, shared by all threads of this process."""

    def __init__(self, stop: Event) -> None:
        """Start with every window empty; `stop` ends a wait."""
        self._stop = stop
        self._lock = Lock()
        self._paused_until: dict[Call, float] = {}
        self._buckets = {
            call: InMemoryBucket([Rate(limit, seconds * 1000 + _SLACK_MS) for limit, seconds in binding(windows)])
            for call, windows in LIMITS.items()
        }

    def wait_turn(self, call: Call) -> None:
        """Return when `call` may be made, and count it. Raises RunInterruptedError when asked to stop meanwhile."""
        while (seconds := self._take(call)) > 0:
            if self._stop.wait(seconds):
                raise interrupted()

    def pause(self, call: Call, seconds: float) -> None:
        """Let nobody make `call` for `seconds`: RingCX said 429 because of traffic that is not ours."""
        with self._lock:
            self._paused_until[call] = max(self._paused_until.get(call, 0.0), time.monotonic() + seconds)

    def rest(self, seconds: float) -> None:
        """Wait for `seconds`. Raises RunInterruptedError when asked to stop meanwhile."""
        if self._stop.wait(seconds):
            raise interrupted()

    def _take(self, call: Call) -> float:
        """Take a place in `call`'s windows and return 0, or return the seconds until one may be free."""
        with self._lock:
            paused = self._paused_until.get(call, 0.0) - time.monotonic()
            bucket = self._buckets.get(call)
            if paused > 0 or bucket is None:
                return max(paused, 0.0)
            now = time.monotonic_ns() // 1_000_000
            bucket.leak(now)
            item = RateItem(call.value, now)
            if bucket.put(item):
                return 0.0
            milliseconds = bucket.waiting(item)
            return max(milliseconds, 1) / 1000 if isinstance(milliseconds, int) else _ASK_AGAIN


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

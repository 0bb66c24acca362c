"""The documented request limits: two sliding windows per call, both kept at once, shared by the sub-account."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many requests in so many seconds."""

    requests: int
    seconds: float


LIMITS: Final[Mapping[str, tuple[Window, ...]]] = {
    "direct": (Window(30, 10), Window(120, 60)),
    "search": (Window(15, 10), Window(60, 30)),
    "count": (Window(90, 10), Window(180, 30)),
    "search_phones": (Window(30, 10), Window(120, 60)),
    "actions": (Window(30, 10), Window(120, 60)),
    "update_lead": (Window(12, 3), Window(150, 60)),
    "exchange": (Window(5, 60),),
}


@dataclass(slots=True)
class Throttles:
    """When which call was admitted. A refused request uses nothing up."""

    _admitted: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, call: str, now: float) -> float | None:
        """Admit a request and return None, or return the seconds until one would be admitted."""
        windows = LIMITS.get(call)
        if windows is None:
            return None
        times = self._admitted.setdefault(call, deque())
        _forget(times, now - max(window.seconds for window in windows))
        wait = max(_wait(times, window, now) for window in windows)
        if wait > 0:
            return wait
        times.append(now)
        return None


def _forget(times: deque[float], before: float) -> None:
    """Drop the times no window reaches back to."""
    while times and times[0] <= before:
        times.popleft()


def _wait(times: deque[float], window: Window, now: float) -> float:
    """Return how long the window stays full: until its oldest request that counts slides out."""
    if len(times) < window.requests:
        return 0.0
    return max(0.0, times[-window.requests] + window.seconds - now)

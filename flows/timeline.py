"""What delivery met over time, in few enough stretches of time to be drawn, however many requests there were.

The ledger's events are read twice and never held: once for when the run was at work, once to count.
"""

import datetime as dt
import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.ledger import EventMoment, EventState
from connectors.ringcx.throttle import LIMITS, Call, most_calls

MOST_BUCKETS: Final = 60
"""Stretches of time that a chart can show apart."""

_MOST_SITTINGS: Final = 8
_MOST_FAULTS: Final = 100
_PAUSE_SECONDS: Final = 300.0
"""A pause between requests from which on a run was not at work: it had been stopped and was resumed."""

_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds that a stretch may be long."""

_KINDS: Final = {
    EventState.ACCEPTED: "accepted",
    EventState.REFUSED: "refused",
    EventState.NOT_SENT: "turned_away",
    EventState.UNKNOWN: "unknown",
    EventState.SENDING: "unknown",
}


@dataclass
class _Sitting:
    """A stretch of the run in which requests followed each other."""

    begin: dt.datetime
    end: dt.datetime
    counts: dict[int, Counter[str]] = field(default_factory=dict)

    def buckets(self, width: int) -> int:
        return int((self.end - self.begin).total_seconds()) // width + 1


@dataclass
class _Fault:
    """One kind of fault: when it was first and last met, how often, and the server's words the first time."""

    first: dt.datetime
    last: dt.datetime
    message: str | None
    times: int = 0


def tell_timeline(moments: Callable[[], Iterable[EventMoment]]) -> dict[str, Any] | None:
    """Return what requests met over time; None where none was made. `moments` is called twice.

    `bucket_seconds`, `ceiling` (the requests that RingCX's throttle lets through in a bucket at most), `limits`
    (`requests`, `seconds`), `buckets` (`at`, `sitting`, `requests`, `accepted`, `refused`, `turned_away`, `unknown`; a
    new `sitting` begins after a pause, within which there are no buckets) and `faults` (`state`, `code`, `message`,
    `first`, `last`, `times`; in the order first met). Times are ISO 8601, in UTC.
    """
    sittings = _find_sittings(moments())
    if not sittings:
        return None
    width = next(
        (width for width in _WIDTHS if sum(sitting.buckets(width) for sitting in sittings) <= MOST_BUCKETS), None
    )
    if width is None:  # a run over months
        spans = sum((sitting.end - sitting.begin).total_seconds() for sitting in sittings)
        width = _WIDTHS[-1] * (int(spans / (MOST_BUCKETS - len(sittings)) / _WIDTHS[-1]) + 1)
    faults = _count(moments(), sittings, width)
    return {
        "bucket_seconds": width,
        "ceiling": most_calls(Call.DIRECT, width),
        "limits": [{"requests": requests, "seconds": seconds} for requests, seconds in LIMITS[Call.DIRECT]],
        "buckets": [
            _tell_bucket(number, sitting, place, width)
            for number, sitting in enumerate(sittings)
            for place in range(sitting.buckets(width))
        ],
        "faults": [_tell_fault(*fault) for fault in faults.items()],
    }


def _find_sittings(moments: Iterable[EventMoment]) -> list[_Sitting]:
    """Return when requests were made, the longest pauses between them left out."""
    first = last = None
    pauses: list[tuple[float, dt.datetime, dt.datetime]] = []
    for moment in moments:
        if moment.state.is_search:
            continue
        at = _utc(moment.started_at)
        if first is None or last is None:
            first = last = at
        if (at - last).total_seconds() > _PAUSE_SECONDS:
            heapq.heappush(pauses, ((at - last).total_seconds(), last, at))
            if len(pauses) == _MOST_SITTINGS:
                heapq.heappop(pauses)
        last = max(last, at)
    if first is None or last is None:
        return []
    begun = sorted((before, after) for _, before, after in pauses)
    begins = [first, *(after for _, after in begun)]
    ends = [*(before for before, _ in begun), last]
    return [_Sitting(begin, end) for begin, end in zip(begins, ends, strict=True)]


def _count(
    moments: Iterable[EventMoment], sittings: list[_Sitting], width: int
) -> dict[tuple[EventState, str | None], _Fault]:
    """Count the requests of each sitting's buckets and return the faults met."""
    begins = [sitting.begin for sitting in sittings]
    faults: dict[tuple[EventState, str | None], _Fault] = {}
    for moment in moments:
        if moment.state.is_search:
            continue
        at = _utc(moment.started_at)
        sitting = sittings[max(bisect_right(begins, at) - 1, 0)]
        # Hosts' clocks differ: a request may seem to be earlier than the first, or within a pause.
        place = int((at - sitting.begin).total_seconds()) // width
        place = min(max(place, 0), sitting.buckets(width) - 1)
        sitting.counts.setdefault(place, Counter())[_KINDS[moment.state]] += 1
        key = (moment.state, moment.code)
        if moment.state is EventState.ACCEPTED or (key not in faults and len(faults) == _MOST_FAULTS):
            continue
        fault = faults.setdefault(key, _Fault(at, at, moment.message))
        fault.first, fault.last, fault.times = min(fault.first, at), max(fault.last, at), fault.times + 1
    return faults


def _tell_bucket(number: int, sitting: _Sitting, place: int, width: int) -> dict[str, Any]:
    counts = sitting.counts.get(place, Counter())
    return {
        "at": (sitting.begin + dt.timedelta(seconds=place * width)).isoformat(timespec="seconds"),
        "sitting": number,
        "requests": counts.total(),
        **{kind: counts[kind] for kind in dict.fromkeys(_KINDS.values())},
    }


def _tell_fault(key: tuple[EventState, str | None], fault: _Fault) -> dict[str, Any]:
    state, code = key
    return {
        "state": state.value,
        "code": code,
        "message": fault.message,
        "first": fault.first.isoformat(timespec="seconds"),
        "last": fault.last.isoformat(timespec="seconds"),
        "times": fault.times,
    }


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)

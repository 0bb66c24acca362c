"""Whether a call is decent for everybody, when a lead's sources name zones of different clocks.

Calls are allowed from 8:00 to 21:00 where the called person is (47 CFR 64.1200 (c) (1)). Nobody knows which of the
zones that is, so a zone is safe only if the hours kept in it lie within 8:00 to 21:00 in all of the others too.
Clocks are compared at the very minutes of the year at which calls could be made, both sides of each change.
"""

import datetime as dt
from collections.abc import Iterable
from functools import cache
from typing import Final

from transforms.zone_clocks import Stretches

FIRST_MINUTE: Final = 8 * 60
LAST_MINUTE: Final = 21 * 60
"""The allowed hours, in minutes from midnight."""

_DAY: Final = 24 * 60

_LONG_AFTER: Final = 10**9


def minutes_of(hours: tuple[dt.time, dt.time]) -> tuple[int, int]:
    """Return a span of the day in minutes from midnight, begun minutes counted whole."""
    first, last = hours
    return first.hour * 60 + first.minute, last.hour * 60 + last.minute + bool(last.second or last.microsecond)


@cache
def gaps(here: Stretches, there: Stretches, span: tuple[int, int]) -> frozenset[int]:
    """Return by how many minutes the clock `there` can be ahead of the one `here` while it is `span` here.

    `span` is in minutes from midnight, both ends included. Gaps that last only a part of a night are left out.
    """
    begins = sorted({begin for begin, _ in (*here, *there)})
    found = set()
    for begin, end in zip(begins, [*begins[1:], _LONG_AFTER], strict=True):
        own = _offset(here, begin)
        if _meets(begin, end, own, span):
            found.add(_offset(there, begin) - own)
    return frozenset(found)


def fits(here: Stretches, others: Iterable[Stretches], hours: tuple[dt.time, dt.time]) -> bool:
    """Return whether all calls within `hours` here are within 8:00 to 21:00 here and in all of `others`, all year.

    Raises ValueError where `hours` do not begin before they end.
    """
    first, last = minutes_of(hours)
    if first >= last:
        raise ValueError("calling hours begin before they end: write the earlier time first")
    starts = [(first + gap) % _DAY for other in (here, *others) for gap in gaps(here, other, (first, last))]
    return all(start >= FIRST_MINUTE and start + last - first <= LAST_MINUTE for start in starts)


def latest_safe_minute(here: Stretches, others: Iterable[Stretches]) -> int | None:
    """Return until when (minutes from midnight) calls begun at 8:00 here stay within 8:00 to 21:00 in all of `others`.

    None where 8:00 here is, on some day of the year, too early or too late in one of them.
    """
    # What the clocks do later in the evening does not matter where calls have ended by then.
    others = list(others)
    from_mornings = _latest_under(here, others, FIRST_MINUTE)
    return from_mornings and _latest_under(here, others, from_mornings)


def _latest_under(here: Stretches, others: Iterable[Stretches], last: int) -> int | None:
    """Return the latest safe minute as the gaps met from 8:00 to `last` have it; None where 8:00 is not safe."""
    starts = [(FIRST_MINUTE + gap) % _DAY for other in others for gap in gaps(here, other, (FIRST_MINUTE, last))]
    if any(not FIRST_MINUTE <= start < LAST_MINUTE for start in starts):
        return None
    return LAST_MINUTE - max((start - FIRST_MINUTE for start in starts), default=0)


def _offset(clock: Stretches, minute: int) -> int:
    return next(offset for begin, offset in reversed(clock) if begin <= minute)


def _meets(begin: int, end: int, offset: int, span: tuple[int, int]) -> bool:
    """Return whether it is within `span` on a clock of that offset at some minute from `begin` to before `end`."""
    if end - begin >= _DAY:
        return True
    first, last = span
    started = (begin + offset) % _DAY
    ended = started + end - begin
    return any(day + first < ended and started <= day + last for day in (0, _DAY))

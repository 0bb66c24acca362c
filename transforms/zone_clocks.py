"""What a zone's clock does in the course of a year, and what RingCX calls it: all that zones are compared by."""

import datetime as dt
import zoneinfo
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

RINGCX_OFFSETS: Final = {
    "ADT": -3.0, "AKDT": -8.0, "AKST": -9.0, "AST": -4.0, "CDT": -5.0, "CST": -6.0, "EDT": -4.0, "EST": -5.0,
    "HADT": -9.0, "HAST": -10.0, "MDT": -6.0, "MST": -7.0, "NDT": -2.5, "NST": -3.5, "PDT": -7.0, "PMDT": -2.0,
    "PMST": -3.0, "PST": -8.0, "WSDT": -10.0, "WSST": -11.0,
}  # fmt: skip
"""Every time zone name in RingCX's guide (Searching for Leads, Lead Timezones), with its hours from UTC."""

_OTHER_NAMES: Final = {"HST": "HAST", "HDT": "HADT", "SST": "WSST"}
"""tzdata's abbreviations for zones that RingCX calls otherwise."""

_NAMES_BY_ZONE: Final = {("America/Miquelon", -3.0): "PMST", ("America/Miquelon", -2.0): "PMDT"}
"""Zones for which tzdata has numbers in place of letters."""

_MONTHS: Final = 12

_LONG_AGO: Final = -(10**9)

Zones = tuple[str, ...]
"""The zones of which one is a lead's: one that is settled, several that are left open, or () where nothing is known.

Several are each of another clock. They settle nothing, but a lead that is in none of them is somewhere else.
"""

Stretches = tuple[tuple[int, int], ...]
"""The stretches of a year in which a clock stands still against UTC: the minute (of UTC, from the beginning of 1970) at
which each begins, and the clock's minutes from UTC. The first has begun before the year does, the last ends after it.
"""


@cache
def iana_zones() -> frozenset[str]:
    """Return the name of every zone in the pinned `tzdata` package."""
    return frozenset(_tzdata().joinpath("zones").read_text(encoding="utf-8").split())


@cache
def _tzdata() -> Traversable:
    return resources.files("tzdata")


@cache
def zone_info(zone: str) -> zoneinfo.ZoneInfo:
    """Return an IANA zone as the pinned `tzdata` package has it, whatever older table the machine keeps.

    Raises zoneinfo.ZoneInfoNotFoundError for a name that is no IANA zone.
    """
    if zone not in iana_zones():
        raise zoneinfo.ZoneInfoNotFoundError(f"No IANA time zone is named {zone!r}")
    with _tzdata().joinpath("zoneinfo", *zone.split("/")).open("rb") as packed:
        return zoneinfo.ZoneInfo.from_file(packed, key=zone)


@dataclass(frozen=True)
class ZoneNaming:
    """How zones are written: as of `as_of` (`EST` or `EDT`), or `always_standard`."""

    as_of: dt.date
    always_standard: bool = False


def ringcx_name(zone: str, naming: ZoneNaming) -> str | None:
    """Return RingCX's name for an IANA zone, or None where RingCX has none (Guam, Saipan).

    Raises zoneinfo.ZoneInfoNotFoundError for a name that is no IANA zone.
    """
    noon = dt.datetime.combine(naming.as_of, dt.time(12), zone_info(zone))
    if naming.always_standard and noon.dst():
        halves = (noon.replace(month=1, day=1), noon.replace(month=7, day=1))
        noon = next((half for half in halves if not half.dst()), noon)
    hours = _hours(noon.utcoffset())
    letters = noon.tzname() or ""
    name = _NAMES_BY_ZONE.get((zone, hours)) or _OTHER_NAMES.get(letters, letters)
    return name if RINGCX_OFFSETS.get(name) == hours else None


def standard_name(name: str) -> str:
    """Return the name of RingCX that a clock with one of its names has without daylight saving time."""
    return f"{name[:-2]}ST" if name.endswith("DT") else name


@cache
def names_in(zone: str, year: int) -> frozenset[str]:
    """Return the names that RingCX has for a zone in the course of `year`."""
    names = (ringcx_name(zone, ZoneNaming(dt.date(year, month, 15))) for month in range(1, _MONTHS + 1))
    return frozenset(name for name in names if name is not None)


@cache
def clock_of(zone: str, year: int) -> tuple[tuple[int, float], ...]:
    """Return each change of a zone's clock in `year`: the day (0 is 1 January) and the hours from UTC at its noon.

    Zones equal in all of it keep one clock. January and July do not tell: British Columbia left the Pacific clock in
    November 2026. Noon does not ask at what hour of the night the clocks are changed.
    """
    offsets = list(map(zone_info(zone).utcoffset, _noons(year)))
    return tuple((day, _hours(now)) for day, now in enumerate(offsets) if day == 0 or offsets[day - 1] != now)


@cache
def stretches_of(zone: str, year: int) -> Stretches:
    """Return when a zone's clock is changed in `year`, to the minute, and what it shows from then on."""
    (_, first), *changes = clock_of(zone, year)
    stretches = [(_LONG_AGO, round(first * 60))]
    for day, hours in changes:
        # Two days back: a zone that moves over the date line leaves a day out, and its noon with it.
        before, after = (_minute_of(_noons(year)[noon], zone) for noon in (max(day - 2, 0), day))
        stretches.append((_first_minute(before, after, zone), round(hours * 60)))
    return tuple(stretches)


def _minute_of(noon: dt.datetime, zone: str) -> int:
    return round(noon.replace(tzinfo=zone_info(zone)).timestamp() / 60)


def stretches_of_name(name: str) -> Stretches:
    """Return the clock of a RingCX name, which stands still all year."""
    return ((_LONG_AGO, round(RINGCX_OFFSETS[name] * 60)),)


@cache
def apart(zones: Zones, year: int) -> Zones:
    """Return the first of `zones` for each clock that they keep in `year`, in their order."""
    if len(set(zones)) <= 1:
        return zones[:1]
    first: dict[tuple[tuple[int, float], ...], str] = {}
    for zone in zones:
        first.setdefault(clock_of(zone, year), zone)
    return tuple(first.values())


@cache
def _noons(year: int) -> tuple[dt.datetime, ...]:
    first = dt.datetime(year, 1, 1, 12)  # noqa: DTZ001 - each zone's own noon
    return tuple(first + dt.timedelta(days=day) for day in range((dt.date(year, 12, 31) - first.date()).days + 1))


def _hours(offset: dt.timedelta | None) -> float:
    return offset.total_seconds() / 3600 if offset is not None else 0.0


def _offset_at(minute: int, zone: str) -> int:
    """Return a clock's minutes from UTC at a minute of UTC, counted from the beginning of 1970."""
    return round(_hours(dt.datetime.fromtimestamp(minute * 60, zone_info(zone)).utcoffset()) * 60)


def _first_minute(before: int, after: int, zone: str) -> int:
    """Return the first minute from `before` to `after` at which the clock shows what it shows at `after`."""
    changed = _offset_at(after, zone)
    return before + bisect_left(range(before, after), 1, key=lambda at: int(_offset_at(at, zone) == changed))

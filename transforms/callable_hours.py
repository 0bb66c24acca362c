"""How many leads may be called at which hours: 8:00 to 21:00 where the called person is (47 CFR 64.1200 (c) (1)).

A job may call at fewer hours than that. Where a lead's evidence names zones of different clocks, nobody knows in which
of them the person is, so the hours are those that are allowed in all of them.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import polars as pl

from transforms.calling_hours import FIRST_MINUTE, LAST_MINUTE, minutes_of
from transforms.vocabulary.outcomes import Outcome
from transforms.zone_clocks import RINGCX_OFFSETS, iana_zones, zone_info

_DO_NOT_CALL: Final = ("DO-NOT-CALL", "DO_NOT_CALL")
"""The state of a lead that RingCX took over and will not dial, as its two documents write it."""

_HOUR, _DAY = 60, 24 * 60

Span = tuple[int, int]
"""Minutes in UTC from one up to before the other, counted from midnight; they may lie in the days beside."""


class _Kind(NamedTuple):
    """Leads whose zones are the same ones."""

    zone: str | None
    others: frozenset[str]
    leads: int
    loaded: int
    barred: int


@dataclass
class _Zone:
    """The leads of one zone, and the hours (on its own clock) of those in dispute; None where no hour is left."""

    leads: int = 0
    loaded: int = 0
    disputed: int = 0
    disputed_span: Span | None = (FIRST_MINUTE, LAST_MINUTE)
    spans: list[tuple[Span, int, int]] = field(default_factory=list)


def count_zones(kinds: pl.DataFrame) -> pl.DataFrame:
    """Return how many of the leads that were to be sent have which zones, and which evidence: `time_zone`,
    `leadTimezone`, `other_zones` (null where all agree), `leads`, `loaded`, and `barred` (loaded as do-not-call).
    `kinds` are a tally's."""
    sendable = ~pl.col("outcome").is_in([Outcome.REJECTED.value, Outcome.DUPLICATE.value])
    loaded = pl.col("outcome") == Outcome.LOADED.value
    barred = loaded & pl.col("leadState").is_in(_DO_NOT_CALL)
    rows = pl.col("rows")
    counts = (
        rows.sum().alias("leads"),
        rows.filter(loaded).sum().alias("loaded"),
        rows.filter(barred).sum().alias("barred"),
    )
    return kinds.filter(sendable).group_by("time_zone", "leadTimezone", "other_zones").agg(counts)


def tell_callable(counted: pl.DataFrame, day: dt.date, hours: tuple[dt.time, dt.time] | None) -> dict[str, Any] | None:
    """Return when leads may be called on `day`, or None where no lead was to be sent. `counted` is of `count_zones`.

    `hours` are the job's own calling hours in the lead's zone. The answer has `date`; `first` and `last` (the hours in
    the lead's zone, `HH:MM`); `clock` (the zone with most leads, None where none is known); `zones` (most leads first):
    `zone`, `leads`, `loaded`, `first` and `last` on the clock of `clock`, `disputed` (leads of unsettled evidence) and
    their `disputed_first` and `disputed_last` in the zone itself (None where no hour will do for all of them);
    `by_hour`: `hour` of `clock`, and the `leads` and `loaded` that may be called for the whole of it; `unknown`:
    `leads` and `loaded`; `do_not_call`: loaded leads that RingCX has as do-not-call, which no hour counts.
    """
    first, last = (FIRST_MINUTE, LAST_MINUTE) if hours is None else minutes_of(hours)
    zones: dict[str, _Zone] = {}
    unknown = [0, 0]
    for kind in _kinds(counted):
        if kind.zone is None:
            unknown = [unknown[0] + kind.leads, unknown[1] + kind.loaded]
            continue
        _add(zones.setdefault(kind.zone, _Zone()), kind, day, (first, last))
    if not zones and not any(unknown):
        return None
    ranked = sorted(zones, key=lambda name: (-zones[name].loaded, -zones[name].leads, name))
    clock = ranked[0] if ranked else None
    ahead = _offset(clock, day) if clock else 0
    return {
        "date": day.isoformat(),
        "first": _tell(first),
        "last": _tell(last),
        "clock": clock,
        "zones": [_tell_zone(name, zones[name], (first, last), ahead - _offset(name, day)) for name in ranked],
        "by_hour": list(_by_hour(zones.values(), ahead)) if clock else [],
        "unknown": {"leads": unknown[0], "loaded": unknown[1]},
        "do_not_call": int(counted["barred"].sum()),
    }


def _kinds(counted: pl.DataFrame) -> Iterator[_Kind]:
    for row in counted.iter_rows(named=True):
        zone = row["time_zone"] or row["leadTimezone"]
        others = frozenset((row["other_zones"] or "").split("|")) - {""}
        known = zone in RINGCX_OFFSETS or zone in iana_zones()
        yield _Kind(zone if known else None, others, row["leads"], row["loaded"], row["barred"])


def _add(zone: _Zone, kind: _Kind, day: dt.date, span: Span) -> None:
    """Count leads of a zone: when they may be called in UTC, and what a dispute leaves of the day."""
    ahead = _offset(str(kind.zone), day)
    allowed: Span | None = (span[0] - ahead, span[1] - ahead)
    for other in kind.others:
        allowed = allowed and _overlap(allowed, (FIRST_MINUTE - _offset(other, day), LAST_MINUTE - _offset(other, day)))
    zone.leads += kind.leads
    zone.loaded += kind.loaded
    if allowed:
        zone.spans.append((allowed, kind.leads - kind.barred, kind.loaded - kind.barred))
    if kind.others:
        zone.disputed += kind.leads
        here = allowed and (allowed[0] + ahead, allowed[1] + ahead)
        zone.disputed_span = zone.disputed_span and here and _overlap(zone.disputed_span, here)


def _overlap(one: Span, other: Span) -> Span | None:
    """Return the longest time that is in both, on whichever day; None where there is none."""
    shared = [(max(one[0], other[0] + days * _DAY), min(one[1], other[1] + days * _DAY)) for days in (-1, 0, 1)]
    first, last = max(shared, key=lambda span: span[1] - span[0])
    return (first, last) if first < last else None


def _by_hour(zones: Iterable[_Zone], ahead: int) -> Iterator[dict[str, int]]:
    """Count what may be called in each hour of a clock that is `ahead` minutes of UTC."""
    spans = [span for zone in zones for span in zone.spans]
    for hour in range(_DAY // _HOUR):
        begin = hour * _HOUR - ahead
        open_now = [
            (leads, loaded)
            for (first, last), leads, loaded in spans
            if any(first <= begin + days * _DAY and begin + days * _DAY + _HOUR <= last for days in (-1, 0, 1))
        ]
        yield {
            "hour": hour,
            "leads": sum(leads for leads, _ in open_now),
            "loaded": sum(loaded for _, loaded in open_now),
        }


def _tell_zone(name: str, zone: _Zone, span: Span, later: int) -> dict[str, Any]:
    disputed = zone.disputed_span if zone.disputed else None
    return {
        "zone": name,
        "leads": zone.leads,
        "loaded": zone.loaded,
        "first": _tell(span[0] + later),
        "last": _tell(span[1] + later),
        "disputed": zone.disputed,
        "disputed_first": disputed and _tell(disputed[0]),
        "disputed_last": disputed and _tell(disputed[1]),
    }


def _offset(zone: str, day: dt.date) -> int:
    """Return a zone's minutes from UTC at noon of `day`; a RingCX name has the same ones all year."""
    if zone in RINGCX_OFFSETS:
        return round(RINGCX_OFFSETS[zone] * 60)
    offset = dt.datetime.combine(day, dt.time(12), zone_info(zone)).utcoffset()
    return round(offset.total_seconds() / 60) if offset is not None else 0


def _tell(minutes: int) -> str:
    """Write minutes from midnight as `HH:MM`; what is before midnight is of the day before."""
    return f"{minutes % _DAY // 60:02d}:{minutes % 60:02d}"

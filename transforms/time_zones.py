"""A lead's time zone: what its own cell, its ZIP code, its number and its state say, and which of them is followed.

Rows of the same evidence come to the same verdict, so each combination that occurs is judged once, in plain Python,
and the rows read their verdict from the list of these.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple, get_args

import polars as pl

from transforms.calling_hours import LAST_MINUTE, fits, latest_safe_minute
from transforms.postal import state_numbers, zip_numbers
from transforms.text import find_unread
from transforms.vocabulary.reasons import Reason
from transforms.zone_clocks import (
    RINGCX_OFFSETS,
    Stretches,
    ZoneNaming,
    clock_of,
    iana_zones,
    names_in,
    ringcx_name,
    settle,
    stretches_of,
    stretches_of_name,
    zone_info,
)
from transforms.zone_tables import ZoneTables, zone_tables

__all__ = [
    "RINGCX_OFFSETS",
    "ZoneNaming",
    "ZonePolicy",
    "ZoneSource",
    "clock_of",
    "derive_time_zones",
    "ringcx_name",
    "settle",
    "zone_info",
]

ZoneSource = Literal["source", "zip", "number", "state"]

_PLACES: Final[tuple[ZoneSource, ...]] = ("zip", "number", "state")
"""The sources that tables know; `source` is the lead's own cell."""

_TAKEN: Final[dict[ZoneSource, str]] = {
    "source": "the source's own is taken",
    "zip": "the ZIP's is taken",
    "number": "the number's is taken",
    "state": "the state's is taken",
}
_NOT_UNDERSTOOD: Final = "?"
"""Stands for every zone of the source's own that is neither an IANA name nor one of RingCX's."""

_NATIONAL_LENGTH: Final = 10
_LINES: Final = 10_000
"""Digits of a national number, and how many numbers an exchange has."""


@dataclass(frozen=True)
class ZonePolicy:
    """How a lead's zone is chosen and written.

    `order` is the order of trust; a source left out is never asked. Where sources name zones of different clocks,
    `conflict` says what to do: `trust` follows the first; `refuse` follows none; `safe` follows the first in which
    calls at any time of `calling_hours` are within 8:00 to 21:00 in all of them, or, where nobody said when calls are
    made, the one where no call of the morning is too early elsewhere.
    """

    naming: ZoneNaming
    order: tuple[ZoneSource, ...] = ("source", "zip", "number", "state")
    conflict: Literal["safe", "trust", "refuse"] = "safe"
    calling_hours: tuple[dt.time, dt.time] | None = None


class _Evidence(NamedTuple):
    """What one source says: an IANA zone, or a RingCX name, which is no zone but stands for a clock."""

    source: ZoneSource
    zone: str | None
    name: str | None = None


class _Verdict(NamedTuple):
    """What a combination of evidence comes to: the columns of the answer, in their order."""

    time_zone: str | None = None
    time_zone_source: str | None = None
    time_zone_conflict: bool = False
    zip_zone: str | None = None
    number_zone: str | None = None
    state_zone: str | None = None
    ringcx_zone: str | None = None
    zone_fault: str | None = None
    zone_note: str | None = None
    given_ok: bool = True


_Places = tuple[str | None, str | None, str | None]
"""The zones of ZIP, number and state."""

_FLAGS: Final = {"time_zone_conflict", "given_ok"}
_ZONES: Final = {"time_zone", "zip_zone", "number_zone", "state_zone"}


@cache
def _schema() -> dict[str, pl.DataType]:
    """Return the types of the answer; a zone is two bytes, for a load's rows are held with all of theirs."""
    zone = pl.Enum(sorted(iana_zones()))
    known = dict.fromkeys(_FLAGS, pl.Boolean()) | dict.fromkeys(_ZONES, zone)
    known["time_zone_source"] = pl.Enum(get_args(ZoneSource))
    return {name: known.get(name, pl.String()) for name in _Verdict._fields}


def derive_time_zones(frame: pl.DataFrame, policy: ZonePolicy) -> pl.DataFrame:
    """Return the zone of each row of `frame`, same height and order, and nothing of `frame` itself.

    `frame` may have `zip`, `leadPhone`, `leadPhoneE164`, `state` and `leadTimezone` (IANA name or RingCX name), cleaned
    text and nullable. A RingCX name names no IANA zone: `time_zone` is then the first that agrees with it, or null.

    Columns, zones and sources as categories: `time_zone` and `time_zone_source` (null where nothing is settled or
    `zone_fault` is not null),
    `time_zone_conflict`, `zip_zone`, `number_zone` and `state_zone` (IANA, null where not settled or not asked),
    `ringcx_zone` (the name to send), `zone_fault` (`TIME_ZONE_CONFLICT` or null), `zone_note` (of few different texts),
    `given_ok` (whether `leadTimezone` was absent, not asked, or understood).
    """
    tables = zone_tables(policy.naming.as_of.year)
    combinations, rows = _combine_places(frame, policy, tables)
    given = frame["leadTimezone"] if "source" in policy.order and "leadTimezone" in frame.columns else None
    if given is None or given.null_count() == given.len():
        verdicts = [_judge(policy, None, *places) for places in combinations]
    else:
        texts, spoken = _own_texts(given)
        pairs, rows = _different(rows * len(texts) + spoken, len(combinations) * len(texts))
        verdicts = [_judge(policy, texts[pair % len(texts)], *combinations[pair // len(texts)]) for pair in pairs]
    return _read(verdicts, rows)


def _combine_places(frame: pl.DataFrame, policy: ZonePolicy, tables: ZoneTables) -> tuple[list[_Places], pl.Series]:
    """Return the combinations of what ZIP, number and state say, and for each row the place of its own among them."""
    names, base = (None, *tables.zones), len(tables.zones) + 1
    numbers = pl.DataFrame({source: _numbers_of(source, frame, policy, tables) for source in _PLACES})
    # Worked out on columns as they are: an expression of three takes several times as long for few rows.
    zip_number, exchange, state = numbers.select_seq(_NULL_AS_0)
    keys = (zip_number.cast(pl.UInt32) * base + exchange) * base + state
    different, rows = _different(keys, base ** len(_PLACES))
    return [(names[key // base**2], names[key // base % base], names[key % base]) for key in different], rows


_NULL_AS_0: Final = pl.all().fill_null(0)


def _numbers_of(source: ZoneSource, frame: pl.DataFrame, policy: ZonePolicy, tables: ZoneTables) -> pl.Series:
    """Return for each row the number of the zone that the source names, 0 or null for none, or where nobody asks."""
    if source not in policy.order:
        return _zeros(frame.height)
    if source == "zip" and "zip" in frame.columns:
        return tables.by_zip[_zip_places(frame["zip"])]
    if source == "number" and not {"leadPhone", "leadPhoneE164"}.isdisjoint(frame.columns):
        return tables.by_exchange[_exchanges(frame)]
    if source == "state" and "state" in frame.columns:
        return tables.by_state[state_numbers(frame["state"])]
    return _zeros(frame.height)


def _own_texts(cells: pl.Series) -> tuple[list[str | None], pl.Series]:
    """Return what the source's own zones come to, and for each row which of it: nothing, what nobody knows, a zone."""
    known = sorted(text for text in cells.drop_nulls().unique() if text in RINGCX_OFFSETS or text in iana_zones())
    texts = [None, _NOT_UNDERSTOOD, *known]
    numbers = {text: number for number, text in enumerate(texts)} | {"": 0}
    return texts, cells.replace_strict(numbers, default=numbers[_NOT_UNDERSTOOD], return_dtype=pl.UInt32)


def _zip_places(cells: pl.Series) -> pl.Series:
    places = zip_numbers(cells)
    rest = find_unread(cells, places)
    if rest.is_empty():
        return places
    return places.scatter(rest, cells[rest].str.extract(r"^([0-9]{5})-[0-9]{4}$").cast(pl.UInt32))


_EXCHANGE: Final = pl.when(pl.first().str.len_bytes() == _NATIONAL_LENGTH).then(
    (pl.first().cast(pl.UInt64, strict=False) // _LINES).cast(pl.UInt32, strict=False)
)
"""Area code and exchange of a number of ten digits."""

_FIRST_EXCHANGE: Final = pl.first().str.extract(r"^([0-9]{6})[0-9]{4}\|").cast(pl.UInt32)
"""That of the first of several numbers."""


def _exchanges(frame: pl.DataFrame) -> pl.Series:
    """Return area code and exchange of each lead's first number: of `leadPhone`, else of an E.164 number in +1."""
    if "leadPhone" in frame.columns:
        cells = frame["leadPhone"]
    else:
        cells = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    places = cells.to_frame().select(_EXCHANGE).to_series()
    if places.null_count() > cells.null_count():
        rest = find_unread(cells, places)
        places = places.scatter(rest, cells[rest].to_frame().select(_FIRST_EXCHANGE).to_series())
    if "leadPhoneE164" in frame.columns:
        abroad = frame["leadPhoneE164"]
        rest = find_unread(abroad, cells)
        first = abroad[rest].str.extract(r"^\+1([0-9]{6})[0-9]{4}$")
        places = places.scatter(rest, first.cast(pl.UInt32))
    return places


def _different(keys: pl.Series, size: int) -> tuple[list[int], pl.Series]:
    """Return the different ones of `keys`, all below `size`, and for each row the place of its own among them."""
    different = keys.unique()
    places = pl.Series(range(different.len()), dtype=pl.UInt32)
    return different.to_list(), _zeros(size).scatter(different, places)[keys]


def _zeros(height: int) -> pl.Series:
    return pl.Series([0], dtype=pl.UInt32).new_from_index(0, height)


def _read(verdicts: list[_Verdict], rows: pl.Series) -> pl.DataFrame:
    """Return the verdict of each row; a column of one value is not read row by row."""
    if rows.is_empty():
        return pl.DataFrame(schema=_schema())
    columns = []
    for name, values in zip(_schema(), zip(*verdicts, strict=True), strict=True):
        told = _column(name, values)
        columns.append(told[rows] if len(set(values)) > 1 else told.new_from_index(0, rows.len()))
    return pl.DataFrame(columns)


def _column(name: str, values: Sequence[str | bool | None]) -> pl.Series:
    """Return a column of the answer; categories are taken from a column of all, for to make their type costs more."""
    categories = _categories("time_zone" if name in _ZONES else name)
    if categories is None:
        return pl.Series(name, values, _schema()[name])
    every, places = categories
    return every[pl.Series([places.get(value) for value in values], dtype=pl.UInt32)].alias(name)


@cache
def _categories(name: str) -> tuple[pl.Series, dict[str | bool | None, int]] | None:
    """Return every category of a column of the answer, and the place of each; None for any other column.

    Columns of zones have the same ones, which are made once.
    """
    dtype = _schema()[name]
    if not isinstance(dtype, pl.Enum):
        return None
    every = pl.Series(dtype.categories, dtype=dtype)
    return every, {category: place for place, category in enumerate(every)}


@cache
def _judge(
    policy: ZonePolicy, given: str | None, zip_zone: str | None, number_zone: str | None, state_zone: str | None
) -> _Verdict:
    said = {
        "source": _own_evidence(given),
        "zip": _Evidence("zip", zip_zone),
        "number": _Evidence("number", number_zone),
        "state": _Evidence("state", state_zone),
    }
    evidence = tuple(said[source] for source in policy.order if said[source].zone or said[source].name)
    own = said["source"]
    asked = _Verdict(
        zip_zone=zip_zone,
        number_zone=number_zone,
        state_zone=state_zone,
        given_ok=not given or own in evidence,
    )
    if not evidence:
        return asked
    conflict = _disagree(evidence, policy.naming.as_of.year)
    chosen, note = _choose(evidence, policy) if conflict else (evidence[0], None)
    if chosen is None:
        return asked._replace(time_zone_conflict=True, zone_fault=Reason.TIME_ZONE_CONFLICT.value)
    return asked._replace(
        time_zone=chosen.zone or _first_agreeing(chosen, evidence, policy.naming.as_of.year),
        time_zone_source=chosen.source,
        time_zone_conflict=conflict,
        ringcx_zone=chosen.name or (ringcx_name(chosen.zone, policy.naming) if chosen.zone else None),
        zone_note=note,
    )


def _own_evidence(given: str | None) -> _Evidence:
    # EST and MST are tzdata's names too, for Panama and Phoenix; a source that writes them means RingCX's.
    if given in RINGCX_OFFSETS:
        return _Evidence("source", None, given)
    return _Evidence("source", given if given in iana_zones() else None)


def _disagree(evidence: tuple[_Evidence, ...], year: int) -> bool:
    """Return whether the zones keep different clocks, or one of them never goes by the given RingCX name."""
    zones = [said.zone for said in evidence if said.zone]
    strangers = (zone for said in evidence if said.name for zone in zones if said.name not in names_in(zone, year))
    return len({clock_of(zone, year) for zone in zones}) > 1 or any(strangers)


def _first_agreeing(chosen: _Evidence, evidence: tuple[_Evidence, ...], year: int) -> str | None:
    return next((said.zone for said in evidence if said.zone and chosen.name in names_in(said.zone, year)), None)


def _choose(evidence: tuple[_Evidence, ...], policy: ZonePolicy) -> tuple[_Evidence | None, str | None]:
    """Return whose zone is followed where they disagree, and a note that says why; nobody's where none will do."""
    if policy.conflict == "refuse":
        return None, None
    if policy.conflict == "trust":
        return evidence[0], _note(evidence[0], "as the first in the order of trust")
    year = policy.naming.as_of.year
    clocks = [_stretches(said, year) for said in evidence]
    if policy.calling_hours is None:
        return _first_without_early_calls(evidence, clocks)
    for said, clock in zip(evidence, clocks, strict=True):
        if fits(clock, clocks, policy.calling_hours):
            return said, _note(said, "in which the calling hours are within 8:00 to 21:00 in all of them")
    return None, None


def _first_without_early_calls(
    evidence: tuple[_Evidence, ...], clocks: list[Stretches]
) -> tuple[_Evidence | None, str | None]:
    limits = [latest_safe_minute(clock, clocks) for clock in clocks]
    latest = max((limit for limit in limits if limit is not None), default=None)
    if latest is None:
        return None, None
    chosen = evidence[limits.index(latest)]
    late = f" (calls after {latest // 60}:{latest % 60:02} there are past 21:00 elsewhere)"
    return chosen, _note(chosen, "as 8:00 there is too early nowhere else" + (late if latest < LAST_MINUTE else ""))


def _stretches(said: _Evidence, year: int) -> Stretches:
    return stretches_of(said.zone, year) if said.zone else stretches_of_name(said.name or "")


def _note(chosen: _Evidence, why: str) -> str:
    return f"time zone in dispute: {_TAKEN[chosen.source]}, {why}"

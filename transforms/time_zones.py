"""A lead's time zone: what its own cell, its ZIP code, its numbers and its state say, and which of them is followed.

A source that leaves several zones open is not followed, but it is a dispute where it leaves out the zone that another
names: a number from New York with the state of Texas. Of all zones in a dispute one may then be the safe choice.

Rows of the same evidence come to the same verdict, so each combination that occurs is judged once, in plain Python,
and the rows read their verdict from the list of these.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Final, Literal, NamedTuple, get_args

import polars as pl

from transforms.calling_hours import LAST_MINUTE, fits, latest_safe_minute
from transforms.postal import ZIP_CODES, state_numbers, zip_numbers
from transforms.postal_code_zones import postal_areas
from transforms.text import find_unread
from transforms.vocabulary.reasons import Reason
from transforms.zone_clocks import (
    RINGCX_OFFSETS,
    Stretches,
    ZoneNaming,
    Zones,
    clock_of,
    iana_zones,
    names_in,
    ringcx_name,
    standard_name,
    stretches_of,
    stretches_of_name,
    zone_info,
)
from transforms.zone_tables import LONGEST_PREFIX, ZoneTable, ZoneTables, zone_tables, zones_abroad

__all__ = [
    "RINGCX_OFFSETS",
    "ZoneNaming",
    "ZonePolicy",
    "ZoneSource",
    "clock_of",
    "derive_time_zones",
    "ringcx_name",
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

_MOST_KEYS: Final = 1_000_000
"""Combinations for which a list of all is made; rows with several numbers may make them many more."""


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
    other_zones: str | None = None
    ringcx_zone: str | None = None
    zone_fault: str | None = None
    zone_note: str | None = None
    given_ok: bool = True


_OfNumbers = tuple[tuple[Zones, ...], ...]
"""What the numbers of leads say: for each lead those of its numbers that say something."""


class _Said(NamedTuple):
    """What ZIP, numbers and state say: the zones each leaves open; a number that says nothing is left out."""

    zip: Zones
    numbers: tuple[Zones, ...]
    state: Zones


_FLAGS: Final = {"time_zone_conflict", "given_ok"}
_ZONES: Final = {"time_zone", "zip_zone", "number_zone", "state_zone"}

_USUAL_ZONES: Final = (
    "America/New_York", "America/Chicago", "America/Los_Angeles", "America/Denver", "America/Detroit",
    "America/Phoenix", "America/Indiana/Indianapolis", "Pacific/Honolulu",
)  # fmt: skip
_USUAL_NAMES: Final = ("EST", "EDT", "CST", "CDT", "PST", "PDT", "MST", "MDT")
"""What most leads have, eight of each: in a file each value takes as many bits as the greatest number of a category
that is met, which is three for these.
"""


@cache
def _schema() -> dict[str, pl.DataType]:
    """Return the types of the answer; a zone is two bytes, for a load's rows are held with all of theirs."""
    zone = _categories_of(iana_zones(), _USUAL_ZONES)
    known: dict[str, pl.DataType] = dict.fromkeys(_FLAGS, pl.Boolean()) | dict.fromkeys(_ZONES, zone)
    known["time_zone_source"] = pl.Enum(get_args(ZoneSource))
    known["other_zones"] = pl.Categorical()
    known["ringcx_zone"] = _categories_of(RINGCX_OFFSETS, _USUAL_NAMES)
    return {name: known.get(name, pl.String()) for name in _Verdict._fields}


def _categories_of(names: Iterable[str], first: Sequence[str]) -> pl.Enum:
    return pl.Enum([*first, *sorted(set(names).difference(first))])


def derive_time_zones(frame: pl.DataFrame, policy: ZonePolicy) -> pl.DataFrame:
    """Return the zone of each row of `frame`, same height and order, and nothing of `frame` itself.

    `frame` may have `zip`, `leadPhone`, `leadPhoneE164`, `state` and `leadTimezone` (IANA name or RingCX name), cleaned
    text and nullable. A RingCX name names no IANA zone: `time_zone` is then the first that agrees with it, or null.

    Columns, zones, names and sources as categories: `time_zone` and `time_zone_source` (null where nothing is settled
    or `zone_fault` is not null), `time_zone_conflict`, `zip_zone`, `number_zone` and `state_zone` (IANA, null where not
    settled or not asked; of several numbers the first that settles one), `other_zones` (in a conflict all that keep
    another clock than `time_zone`, joined with `|`: IANA names, and a RingCX name where the source wrote one),
    `ringcx_zone` (the name to send), `zone_fault` (`TIME_ZONE_CONFLICT` or null), `zone_note` (of few different texts),
    `given_ok` (whether `leadTimezone` was absent, not asked, or understood).
    """
    said, rows = _combine_places(frame, policy, zone_tables(policy.naming.as_of.year))
    given = frame["leadTimezone"] if "source" in policy.order and "leadTimezone" in frame.columns else None
    if given is None or given.null_count() == given.len():
        verdicts = [_judge(policy, None, each) for each in said]
    else:
        texts, spoken = _own_texts(given)
        pairs, rows = _different(rows * len(texts) + spoken, len(said) * len(texts))
        verdicts = [_judge(policy, texts[pair % len(texts)], said[pair // len(texts)]) for pair in pairs]
    return _read(verdicts, rows)


def _combine_places(frame: pl.DataFrame, policy: ZonePolicy, tables: ZoneTables) -> tuple[list[_Said], pl.Series]:
    """Return the combinations of what ZIP, numbers and state say, and for each row the place of its own among them."""
    of_zip: tuple[Zones, ...] = ((),)
    of_state: tuple[Zones, ...] = ((),)
    of_numbers: _OfNumbers = ((),)
    zips = numbers = states = _zeros(frame.height)
    if "zip" in policy.order and "zip" in frame.columns:
        of_zip, zips = tables.by_zip.zones, tables.by_zip.places[_zip_places(frame["zip"])]
    if "number" in policy.order and not {"leadPhone", "leadPhoneE164"}.isdisjoint(frame.columns):
        of_numbers, numbers = _numbers_places(frame, tables.by_exchange, policy.naming.as_of.year)
    if "state" in policy.order and "state" in frame.columns:
        of_state, states = tables.by_state.zones, tables.by_state.places[state_numbers(frame["state"])]
    # Worked out on columns as they are: an expression of three takes several times as long for few rows.
    asked = pl.DataFrame([zips.alias("zip"), numbers.alias("number"), states.alias("state")])
    zip_place, number_place, state_place = asked.select_seq(_NULL_AS_0)
    keys = (zip_place.cast(pl.UInt32) * len(of_numbers) + number_place) * len(of_state) + state_place
    different, rows = _different(keys, len(of_zip) * len(of_numbers) * len(of_state))
    pairs = ((*divmod(key // len(of_state), len(of_numbers)), key % len(of_state)) for key in different)
    return [_Said(of_zip[zips], of_numbers[numbers], of_state[state]) for zips, numbers, state in pairs], rows


_NULL_AS_0: Final = pl.all().fill_null(0)


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
    plus_4 = cells[rest].str.extract(r"^([0-9]{5})-[0-9]{4}$").cast(pl.UInt32)
    if plus_4.null_count():
        plus_4 = pl.select(pl.coalesce(plus_4, ZIP_CODES + postal_areas(cells[rest]))).to_series()
    return places.scatter(rest, plus_4)


_EXCHANGE: Final = pl.when(pl.first().str.len_bytes() == _NATIONAL_LENGTH).then(
    (pl.first().cast(pl.UInt64, strict=False) // _LINES).cast(pl.UInt32, strict=False)
)
"""Area code and exchange of a number of ten digits."""

_OF_NANP: Final = pl.col("number").str.extract(r"^(?:\+1)?([2-9][0-9]{5})[0-9]{4}$").cast(pl.UInt32)
_OF_ABROAD: Final = pl.col("number").str.extract(rf"^\+([2-9][0-9]{{0,{LONGEST_PREFIX - 1}}})")
"""Area code and exchange of a number in +1 or of ten digits; the first digits of any other in E.164 form."""


def _numbers_places(frame: pl.DataFrame, table: ZoneTable, year: int) -> tuple[_OfNumbers, pl.Series]:
    """Return everything that leads' numbers say, and for each row the place of its own in it, null for 0."""
    has_e164 = "leadPhoneE164" in frame.columns
    cells = frame["leadPhone"] if "leadPhone" in frame.columns else _no_texts(frame.height)
    exchanges = cells.to_frame().select(_EXCHANGE).to_series()
    said: _OfNumbers = tuple((zones,) if zones else () for zones in table.zones)
    places = table.places[exchanges]
    rest = find_unread(cells, exchanges) if exchanges.null_count() > cells.null_count() else _zeros(0)
    if has_e164:
        rest = pl.concat([rest, frame["leadPhoneE164"].is_not_null().arg_true()]).unique()
    if rest.is_empty():
        return said, places
    several = [cells[rest], *([frame["leadPhoneE164"][rest]] if has_e164 else [])]
    joined = pl.select(pl.concat_str(several, separator="|", ignore_nulls=True)).to_series()
    more, of_rest = _zones_of_several(joined, table, year)
    numbered: dict[tuple[Zones, ...], int] = {zones: place for place, zones in enumerate(said)}
    found = pl.Series([numbered.setdefault(zones, len(numbered)) for zones in more], dtype=pl.UInt32)
    return tuple(numbered), places.cast(pl.UInt32).scatter(rest, found[of_rest])


def _zones_of_several(texts: pl.Series, table: ZoneTable, year: int) -> tuple[_OfNumbers, pl.Series]:
    """Return what the numbers in `texts` (joined with `|`) say, and for each text the place of its own in it."""
    lines = pl.DataFrame([texts.str.split("|").alias("number")]).with_row_index().explode("number")
    nanp, heads = lines.select(_OF_NANP.alias("nanp"), _OF_ABROAD.alias("head"))
    countries = heads.drop_nulls().unique(maintain_order=True)
    every = [*table.zones, *(zones_abroad(head, year) for head in countries)]
    of_countries = pl.int_range(len(table.zones), len(every), dtype=pl.UInt32, eager=True)
    abroad = heads.replace_strict(countries, of_countries, default=None, return_dtype=pl.UInt32)
    place = pl.coalesce(table.places[nanp].cast(pl.UInt32), abroad, 0).cast(pl.String).alias("key")
    keys = lines.select("index", place).group_by("index", maintain_order=True).agg(pl.col("key").str.join(","))["key"]
    different = keys.unique(maintain_order=True)
    spoken = ((every[int(number)] for number in key.split(",")) for key in different)
    found = tuple(tuple(dict.fromkeys(zones for zones in each if zones)) for each in spoken)
    return found, keys.replace_strict(different, range(len(different)), return_dtype=pl.UInt32)


def _different(keys: pl.Series, size: int) -> tuple[list[int], pl.Series]:
    """Return the different ones of `keys`, all below `size`, and for each row the place of its own among them."""
    different = keys.unique()
    places = pl.Series(range(different.len()), dtype=pl.UInt32)
    if size > _MOST_KEYS:
        return different.to_list(), keys.replace_strict(different, places, return_dtype=pl.UInt32)
    return different.to_list(), _zeros(size).scatter(different, places)[keys]


def _no_texts(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, height)


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
    # What is no category is an error, never a null: nobody would miss the zone.
    asked = [None if value is None else places[value] for value in values]
    return every[pl.Series(asked, dtype=pl.UInt32)].alias(name)


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
def _judge(policy: ZonePolicy, given: str | None, said: _Said) -> _Verdict:
    year = policy.naming.as_of.year
    own = _own_evidence(given)
    of_numbers = [_Evidence("number", zones[0]) for zones in said.numbers if len(zones) == 1]
    settled: dict[ZoneSource, list[_Evidence]] = {
        "source": [own],
        "zip": [_Evidence("zip", _settled(said.zip))],
        "number": of_numbers,
        "state": [_Evidence("state", _settled(said.state))],
    }
    evidence = tuple(each for source in policy.order for each in settled[source] if each.zone or each.name)
    asked = _Verdict(
        zip_zone=_settled(said.zip),
        number_zone=of_numbers[0].zone if of_numbers else None,
        state_zone=_settled(said.state),
        given_ok=not given or own in evidence,
    )
    if not evidence:
        return asked
    elsewhere = _left_open(said, evidence, year)
    conflict = bool(elsewhere) or any(not _agree(one, other, year) for one, other in combinations(evidence, 2))
    chosen, note = _choose((*evidence, *elsewhere), policy) if conflict else (evidence[0], None)
    if conflict:
        others = _others(chosen, (*evidence, *elsewhere), year)
        asked = asked._replace(time_zone_conflict=True, other_zones="|".join(others))
    if chosen is None:
        return asked._replace(zone_fault=Reason.TIME_ZONE_CONFLICT.value)
    return asked._replace(
        time_zone=chosen.zone or _first_agreeing(chosen, evidence, year),
        time_zone_source=chosen.source,
        ringcx_zone=_name_of(chosen, policy.naming),
        zone_note=note,
    )


def _settled(zones: Zones) -> str | None:
    return zones[0] if len(zones) == 1 else None


def _name_of(chosen: _Evidence, naming: ZoneNaming) -> str | None:
    """Return the name to send; one that the source wrote is turned into no other but that of standard time."""
    if chosen.zone:
        return ringcx_name(chosen.zone, naming)
    return standard_name(str(chosen.name)) if naming.always_standard else chosen.name


def _left_open(said: _Said, evidence: tuple[_Evidence, ...], year: int) -> list[_Evidence]:
    """Return the zones of each source that leaves several open and none of them that agrees with the evidence."""
    several: list[tuple[ZoneSource, Zones]] = [
        ("zip", said.zip),
        *(("number", zones) for zones in said.numbers),
        ("state", said.state),
    ]
    return [
        _Evidence(source, zone)
        for source, zones in several
        if len(zones) > 1 and not _allow_any(zones, evidence, year)
        for zone in zones
    ]


def _allow_any(zones: Zones, evidence: tuple[_Evidence, ...], year: int) -> bool:
    """Return whether one of `zones`, which a source leaves open, agrees with some of the evidence."""
    return any(_agree(each, _Evidence(each.source, zone), year) for each in evidence for zone in zones)


def _agree(one: _Evidence, other: _Evidence, year: int) -> bool:
    """Return whether two zones keep one clock, or a zone ever goes by the given RingCX name."""
    if one.zone and other.zone:
        return clock_of(one.zone, year) == clock_of(other.zone, year)
    if one.zone or other.zone:
        return (one.name or other.name) in names_in(str(one.zone or other.zone), year)
    return one.name == other.name


def _others(chosen: _Evidence | None, evidence: tuple[_Evidence, ...], year: int) -> list[str]:
    """Return the zones and names with which `chosen` does not agree, each once; all of them where nothing is chosen."""
    strangers = (each for each in evidence if chosen is None or not _agree(chosen, each, year))
    return list(dict.fromkeys(each.zone or str(each.name) for each in strangers))


def _own_evidence(given: str | None) -> _Evidence:
    # EST and MST are tzdata's names too, for Panama and Phoenix; a source that writes them means RingCX's.
    if given in RINGCX_OFFSETS:
        return _Evidence("source", None, given)
    return _Evidence("source", given if given in iana_zones() else None)


def _first_agreeing(chosen: _Evidence, evidence: tuple[_Evidence, ...], year: int) -> str | None:
    return next((said.zone for said in evidence if said.zone and chosen.name in names_in(said.zone, year)), None)


def _choose(evidence: tuple[_Evidence, ...], policy: ZonePolicy) -> tuple[_Evidence | None, str | None]:
    """Return whose zone is followed where they disagree, and a note that says why; nobody's where none will do.

    What is settled comes first in `evidence`, and behind it the zones that are left open elsewhere.
    """
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

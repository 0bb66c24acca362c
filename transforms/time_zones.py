"""A lead's time zone, from its ZIP code, its number and its state, each only where it settles one zone.

An area code or a state that spans two time zones settles nothing and the next source is asked; a guess here is a
call at six in the morning. Zones that keep the same clock all year (`America/Detroit`, `America/New_York`) are one
for this purpose.
"""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import polars as pl
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.postal import zip_table

RINGCX_OFFSETS: Final = {
    "ADT": -3.0, "AKDT": -8.0, "AKST": -9.0, "AST": -4.0, "CDT": -5.0, "CST": -6.0, "EDT": -4.0, "EST": -5.0,
    "HADT": -9.0, "HAST": -10.0, "MDT": -6.0, "MST": -7.0, "NDT": -2.5, "NST": -3.5, "PDT": -7.0, "PMDT": -2.0,
    "PMST": -3.0, "PST": -8.0, "WSDT": -10.0, "WSST": -11.0,
}  # fmt: skip
"""Every time zone name in RingCX's guide (Searching for Leads, Lead Timezones), with its hours from UTC."""

_AREA_CODE: Final = 3
_EXCHANGE: Final = 6
"""Digits of an area code, and of an area code with its exchange."""

_OTHER_NAMES: Final = {"HST": "HAST", "HDT": "HADT", "SST": "WSST"}
"""tzdata's abbreviations for zones that RingCX calls otherwise."""

_NAMES_BY_ZONE: Final = {("America/Miquelon", -3.0): "PMST", ("America/Miquelon", -2.0): "PMDT"}
"""Zones for which tzdata has numbers in place of letters."""

_OVERLAYS: Final = {
    "236": "250", "257": "250", "364": "270", "367": "418", "448": "850", "458": "541", "581": "418", "672": "250",
    "729": "423", "778": "250", "930": "812", "986": "208",
}  # fmt: skip
"""Area codes laid over the ground of an older one, which spans two zones: `phonenumbers` names one for most."""

_PROVINCE_ZONES: Final = {
    "AB": "America/Edmonton",
    "MB": "America/Winnipeg",
    "NB": "America/Moncton",
    "NS": "America/Halifax",
    "NT": "America/Edmonton",
    "PE": "America/Halifax",
    "YT": "America/Whitehorse",
}
"""Canadian provinces that keep one clock. BC, NL, NU, ON, QC and SK keep more than one and settle nothing."""


@cache
def zone_info(zone: str) -> zoneinfo.ZoneInfo:
    """Return an IANA zone as the pinned `tzdata` package has it, whatever older table the machine keeps.

    Raises zoneinfo.ZoneInfoNotFoundError for a name that is no IANA zone.
    """
    if zone not in _iana_zones():
        raise zoneinfo.ZoneInfoNotFoundError(f"No IANA time zone is named {zone!r}")
    with resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as packed:
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
    offset = noon.utcoffset()
    hours = offset.total_seconds() / 3600 if offset is not None else 0.0
    letters = noon.tzname() or ""
    name = _NAMES_BY_ZONE.get((zone, hours)) or _OTHER_NAMES.get(letters, letters)
    return name if RINGCX_OFFSETS.get(name) == hours else None


@cache
def clock_of(zone: str, year: int) -> tuple[float, ...]:
    """Return a zone's hours from UTC in each month of `year`: zones equal in all of them keep one clock.

    January and July do not tell: British Columbia left the Pacific clock in November 2026.
    """
    info = zone_info(zone)
    offsets = [dt.datetime(year, month, 15, 12, tzinfo=info).utcoffset() for month in range(1, 13)]
    return tuple(offset.total_seconds() / 3600 if offset is not None else 0.0 for offset in offsets)


def settle(zones: list[str], year: int) -> str | None:
    """Return the zone that all of `zones` amount to, or None where they keep different clocks."""
    clocks = {clock_of(zone, year) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


@cache
def area_code_zones(year: int) -> pl.DataFrame:
    """Return NANP area codes of one clock: `area_code` (3 digits), `area_zone` (IANA).

    Source: the prefix table of `phonenumbers`. It names a zone for each area code and, in area codes that span two,
    some exchanges that differ; an exchange it does not list may lie on either side, so such a code settles nothing.
    """
    prefixes = _nanp_prefixes()
    split = {
        prefix[:_AREA_CODE]
        for prefix, zones in prefixes.items()
        if settle([*zones, *prefixes.get(prefix[:_AREA_CODE], ())], year) is None
    }
    split |= {overlay for overlay, older in _OVERLAYS.items() if older in split}
    rows = [
        (prefix, zones[0]) for prefix, zones in prefixes.items() if len(prefix) == _AREA_CODE and prefix not in split
    ]
    return pl.DataFrame(rows, schema={"area_code": pl.String, "area_zone": pl.String}, orient="row")


@cache
def exchange_zones(year: int) -> pl.DataFrame:
    """Return the area code and exchange pairs that the table lists: `exchange` (6 digits), `exchange_zone`.

    `exchange_zone` is null where the pair itself spans several clocks, and then nothing is settled.
    """
    zones: dict[str, str | None] = {}
    for prefix, names in sorted(_nanp_prefixes().items(), key=lambda item: len(item[0])):
        missing = _EXCHANGE - len(prefix)
        if len(prefix) > _AREA_CODE and missing >= 0:
            tails = (str(tail).zfill(missing) if missing else "" for tail in range(10**missing))
            zones |= {prefix + tail: settle(list(names), year) for tail in tails}
    return pl.DataFrame(list(zones.items()), schema={"exchange": pl.String, "exchange_zone": pl.String}, orient="row")


def _nanp_prefixes() -> dict[str, tuple[str, ...]]:
    return {prefix[1:]: zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith("1") and prefix != "1"}


@cache
def state_zones(year: int) -> pl.DataFrame:
    """Return the states and provinces that keep one clock: `state`, `state_zone`."""
    by_size = zip_table().group_by("zip_state", "zip_zone").len().sort("zip_state", "len", "zip_zone", descending=True)
    zones: dict[str, list[str]] = {}
    for state, zone, _ in by_size.iter_rows():
        zones.setdefault(state, []).append(zone)
    settled = {state: settle(names, year) for state, names in zones.items()} | _PROVINCE_ZONES
    rows = [(state, zone) for state, zone in settled.items() if zone is not None]
    return pl.DataFrame(rows, schema={"state": pl.String, "state_zone": pl.String}, orient="row")


def derive_time_zones(frame: pl.DataFrame, naming: ZoneNaming) -> pl.DataFrame:
    """Add `time_zone` (IANA), `time_zone_source`, `time_zone_conflict` and `ringcx_zone` to `frame`.

    `frame` has `zip`, `leadPhone`, `state` and `given_zone` (IANA name or RingCX name from the source), all text
    and nullable, and may have `leadPhoneE164`. Order of trust: the source's own zone, ZIP, number, state.
    A RingCX name names no IANA zone: `time_zone` is then the first that agrees with it, or null.
    """
    year = naming.as_of.year
    found = _look_up(frame, year)
    sources = {"source": "given_iana", "zip": "zip_zone", "number": "number_zone", "state": "state_zone"}
    winner = pl.coalesce(pl.when(pl.col(column).is_not_null()).then(pl.lit(name)) for name, column in sources.items())
    clocks = _clock_numbers(found, list(sources.values()), year)
    agrees = _agreements(list(sources.values()), {zone: _names_in(zone, year) for zone in clocks})
    zone = pl.coalesce(pl.when(agree).then(pl.col(column)) for column, agree in agrees.items())
    found = found.with_columns(zone.alias("time_zone"), winner.alias("time_zone_source"))
    numbered = [
        pl.col(column).replace_strict(clocks, default=None, return_dtype=pl.Int32) for column in sources.values()
    ]
    conflict = (pl.min_horizontal(numbered) != pl.max_horizontal(numbered)).fill_null(value=False)
    names = {zone: ringcx_name(zone, naming) for zone in clocks}
    named = pl.col("time_zone").replace_strict(names, default=None, return_dtype=pl.String)
    return found.with_columns(
        (conflict | ~pl.all_horizontal(agrees.values())).alias("time_zone_conflict"),
        pl.coalesce("given_name", named).alias("ringcx_zone"),
        pl.when(pl.col("given_name").is_not_null())
        .then(pl.lit("source"))
        .otherwise(pl.col("time_zone_source"))
        .alias("time_zone_source"),
    ).drop("given_name", *sources.values())


def _agreements(columns: list[str], names: Mapping[str, frozenset[str]]) -> dict[str, pl.Expr]:
    """Return for each zone column whether its zone goes by the given RingCX name; true where one of them is absent.

    A name such as EST is no zone: it agrees with every zone that goes by it at some time of the year.
    """
    known = [f"{name} {zone}" for zone, own in names.items() for name in sorted(own)]
    return {
        column: pl.concat_str("given_name", column, separator=" ").is_in(known).fill_null(value=True)
        for column in columns
    }


def _look_up(frame: pl.DataFrame, year: int) -> pl.DataFrame:
    # EST and MST are tzdata's names too, for Panama and Phoenix; a source that writes them means RingCX's.
    given, is_name = pl.col("given_zone"), pl.col("given_zone").is_in(list(RINGCX_OFFSETS))
    first_number = _national_number(frame).str.slice(0, 10)
    frame = frame.with_columns(
        pl.when(is_name).then(given).alias("given_name"),
        pl.when(~is_name & given.is_in(sorted(_iana_zones()))).then(given).alias("given_iana"),
        pl.col("zip").str.extract(r"^([0-9]{5})(-[0-9]{4})?$", 1).alias("zip5"),
        first_number.str.slice(0, _EXCHANGE).alias("exchange"),
        first_number.str.slice(0, _AREA_CODE).alias("area_code"),
    )
    tables = {
        "zip5": zip_table().select(pl.col("zip").alias("zip5"), "zip_zone"),
        "exchange": exchange_zones(year).with_columns(pl.lit(value=True).alias("exchange_known")),
        "area_code": area_code_zones(year),
        "state": state_zones(year),
    }
    for key, table in tables.items():
        frame = frame.join(table, on=key, how="left", maintain_order="left")
    # A listed exchange has the last word, also when it says that it spans several clocks.
    number_zone = pl.when("exchange_known").then("exchange_zone").otherwise("area_zone").alias("number_zone")
    return frame.with_columns(number_zone).drop(
        "zip5", "exchange", "area_code", "exchange_zone", "exchange_known", "area_zone"
    )


def _national_number(frame: pl.DataFrame) -> pl.Expr:
    """Return the numbers by which a lead's zone is found: `leadPhone`, else a `leadPhoneE164` of country code 1."""
    national = pl.col("leadPhone")
    if "leadPhoneE164" not in frame.columns:
        return national
    return pl.coalesce(national, pl.col("leadPhoneE164").str.extract(r"^\+1([0-9]{10})$", 1))


@cache
def _names_in(zone: str, year: int) -> frozenset[str]:
    """Return the names RingCX has for a zone in the course of `year`."""
    names = (ringcx_name(zone, ZoneNaming(dt.date(year, month, 15))) for month in range(1, 13))
    return frozenset(name for name in names if name is not None)


def _clock_numbers(frame: pl.DataFrame, columns: list[str], year: int) -> dict[str, int]:
    """Number the clocks of all zones that occur, so that conflicts are found by comparing integers."""
    zones = pl.concat([frame.get_column(column) for column in columns]).drop_nulls().unique().sort().to_list()
    clocks = sorted({clock_of(zone, year) for zone in zones})
    return {zone: clocks.index(clock_of(zone, year)) for zone in zones}


@cache
def _iana_zones() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())

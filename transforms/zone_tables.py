"""Tables from which a lead's zone is read: by ZIP code, by area code and exchange, by state.

An area code or a state that spans two time zones settles nothing and the next source is asked; a guess here is a
call at six in the morning. Zones that keep the same clock all year (`America/Detroit`, `America/New_York`) are one
for this purpose.
"""

from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Final

import polars as pl
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.made_once import made_once
from transforms.postal import STATE_CODES, ZIP_CODES, state_numbers, zip_table
from transforms.text import bytes_of
from transforms.zone_clocks import settle

_AREA_CODE: Final = 3
_EXCHANGE: Final = 6
"""Digits of an area code, and of an area code with its exchange."""

_AREA_CODES: Final = 1_000
_EXCHANGES: Final = 1_000_000

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
def area_code_zones(year: int) -> pl.DataFrame:
    """Return NANP area codes of one clock: `area_code` (3 digits), `area_zone` (IANA).

    Source: the prefix table of `phonenumbers`. It names a zone for each area code and, in area codes that span two,
    some exchanges that differ; an exchange it does not list may lie on either side, so such a code settles nothing.
    """
    prefixes = _nanp_prefixes()
    split = {
        prefix[:_AREA_CODE]
        for prefix, zones in prefixes.items()
        if _settle((*zones, *prefixes.get(prefix[:_AREA_CODE], ())), year) is None
    }
    split |= {overlay for overlay, older in _OVERLAYS.items() if older in split}
    codes = [prefix for prefix in prefixes if len(prefix) == _AREA_CODE and prefix not in split]
    columns = {"area_code": codes, "area_zone": [prefixes[code][0] for code in codes]}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


@cache
def exchange_zones(year: int) -> pl.DataFrame:
    """Return the area code and exchange pairs that the table lists: `exchange` (6 digits), `exchange_zone`.

    `exchange_zone` is null where the pair itself spans several clocks, and then nothing is settled.
    """
    zones: dict[str, str | None] = {}
    for prefix, names in sorted(_nanp_prefixes().items(), key=lambda item: len(item[0])):
        missing = _EXCHANGE - len(prefix)
        if len(prefix) > _AREA_CODE and missing >= 0:
            settled = _settle(names, year)
            zones.update((prefix + tail, settled) for tail in _tails(missing))
    columns = {"exchange": list(zones), "exchange_zone": list(zones.values())}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


@cache
def _tails(digits: int) -> tuple[str, ...]:
    return tuple(str(tail).zfill(digits) for tail in range(10**digits)) if digits else ("",)


@cache
def _nanp_prefixes() -> dict[str, tuple[str, ...]]:
    return {prefix[1:]: zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith("1") and prefix != "1"}


@cache
def _settle(zones: tuple[str, ...], year: int) -> str | None:
    """Return what `settle` does; thousands of prefixes have some dozens of combinations."""
    return settle(zones, year)


@cache
def state_zones(year: int) -> pl.DataFrame:
    """Return the states and provinces that keep one clock: `state`, `state_zone`."""
    sizes = zip_table().group_by("zip_state", "zip_zone").len()
    zones: dict[str, list[str]] = {}
    for state, zone, _ in sorted(sizes.iter_rows(), key=itemgetter(0, 2, 1), reverse=True):
        zones.setdefault(state, []).append(zone)
    settled = {state: _settle(tuple(names), year) for state, names in zones.items()} | _PROVINCE_ZONES
    rows = [(state, zone) for state, zone in settled.items() if zone is not None]
    return pl.DataFrame(rows, schema={"state": pl.String, "state_zone": pl.String}, orient="row")


@dataclass(frozen=True)
class ZoneTables:
    """The same tables for reading by place in place of joining: each holds, at a key's number, the number of its zone.

    `zones[n - 1]` is zone number n, and 0 means that nothing is settled. `by_zip` is read at the ZIP code,
    `by_exchange` at area code and exchange (6 digits), `by_state` at the number of the state's code.
    """

    zones: tuple[str, ...]
    by_zip: pl.Series
    by_exchange: pl.Series
    by_state: pl.Series


@made_once
def zone_tables(year: int) -> ZoneTables:
    """Return the tables for the clocks of `year`."""
    zips, areas, exchanges, states = zip_table(), area_code_zones(year), exchange_zones(year), state_zones(year)
    found = (zips["zip_zone"], areas["area_zone"], exchanges["exchange_zone"], states["state_zone"])
    zones = sorted(set().union(*(column.unique().drop_nulls() for column in found)))
    zip_zones, area_zones, listed_zones, one_zones = (_numbered(column, zones) for column in found)
    by_area = _spread(_AREA_CODES, areas["area_code"].cast(pl.UInt32), area_zones)
    # The zone of an area code is that of all its exchanges, until one is listed.
    runs = b"".join(bytes([zone]) * (_EXCHANGES // _AREA_CODES) for zone in by_area)
    return ZoneTables(
        tuple(zones),
        by_zip=_spread(ZIP_CODES, zips["zip"].cast(pl.UInt32), zip_zones),
        # A listed exchange has the last word, also when it says that it spans several clocks.
        by_exchange=bytes_of(pl.Series([runs])).scatter(exchanges["exchange"].cast(pl.UInt32), listed_zones),
        by_state=_spread(STATE_CODES, state_numbers(states["state"]), one_zones),
    )


def _numbered(zones: pl.Series, names: list[str]) -> pl.Series:
    return (zones.cast(pl.Enum(names)).to_physical() + 1).fill_null(0).cast(pl.UInt8)


def _spread(size: int, places: pl.Series, values: pl.Series) -> pl.Series:
    return pl.zeros(size, dtype=pl.UInt8, eager=True).scatter(places, values)

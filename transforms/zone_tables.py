"""Tables from which a lead's zone is read: by ZIP code, by area code and exchange, by state.

An area code or a state that spans two time zones settles nothing and the next source is asked; a guess here is a
call at six in the morning. Zones that keep the same clock all year (`America/Detroit`, `America/New_York`) are one
for this purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Final, cast

import polars as pl
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.made_once import made_once
from transforms.postal import STATE_CODES, state_number, zips_by_number
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


def area_code_zones(year: int) -> pl.DataFrame:
    """Return NANP area codes of one clock: `area_code` (3 digits), `area_zone` (IANA).

    Source: the prefix table of `phonenumbers`. It names a zone for each area code and, in area codes that span two,
    some exchanges that differ; an exchange it does not list may lie on either side, so such a code settles nothing.
    """
    return _frame("area_code", _areas(year), "area_zone")


def exchange_zones(year: int) -> pl.DataFrame:
    """Return the area code and exchange pairs that the table lists: `exchange` (6 digits), `exchange_zone`.

    `exchange_zone` is null where the pair itself spans several clocks, and then nothing is settled.
    """
    zones = {f"{exchange:06}": zone for prefix, zone in _listed(year).items() for exchange in _exchanges_of(prefix)}
    return _frame("exchange", zones, "exchange_zone")


def state_zones(year: int) -> pl.DataFrame:
    """Return the states and provinces that keep one clock: `state`, `state_zone`."""
    return _frame("state", _states(year), "state_zone")


def _frame(key: str, zones: Mapping[str, str | None], zone: str) -> pl.DataFrame:
    return pl.DataFrame({key: list(zones), zone: list(zones.values())}, schema={key: pl.String, zone: pl.String})


def _areas(year: int) -> dict[str, str]:
    """Return the zone of each area code that keeps one clock."""
    prefixes = _nanp_prefixes()
    named = {(prefix[:_AREA_CODE], zones) for prefix, zones in prefixes.items()}
    split = {area for area, zones in named if _settle((*zones, *prefixes.get(area, ())), year) is None}
    split |= {overlay for overlay, older in _OVERLAYS.items() if older in split}
    return {prefix: zones[0] for prefix, zones in prefixes.items() if len(prefix) == _AREA_CODE and prefix not in split}


def _listed(year: int) -> dict[str, str | None]:
    """Return the zone of each prefix longer than an area code, the shorter first; None where it spans clocks."""
    longer = [prefix for prefix in _nanp_prefixes() if _AREA_CODE < len(prefix) <= _EXCHANGE]
    return {prefix: _settle(_nanp_prefixes()[prefix], year) for prefix in sorted(longer, key=len)}


def _exchanges_of(prefix: str) -> range:
    """Return the area codes with exchange that begin with `prefix`, as numbers."""
    size = 10 ** (_EXCHANGE - len(prefix))
    return range(int(prefix) * size, (int(prefix) + 1) * size)


@cache
def _nanp_prefixes() -> dict[str, tuple[str, ...]]:
    return {prefix[1:]: zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith("1") and prefix != "1"}


@cache
def _settle(zones: tuple[str, ...], year: int) -> str | None:
    """Return what `settle` does; thousands of prefixes have some dozens of combinations."""
    return settle(zones, year)


def _states(year: int) -> dict[str, str]:
    """Return the zone of each state and province that keeps one clock; of several, the one of most ZIP codes."""
    zones: dict[str, list[str]] = {}
    for state, zone, _ in sorted(_count_zips(), key=itemgetter(0, 2, 1), reverse=True):
        zones.setdefault(state, []).append(zone)
    settled = {state: _settle(tuple(names), year) for state, names in zones.items()} | _PROVINCE_ZONES
    return {state: zone for state, zone in settled.items() if zone is not None}


def _count_zips() -> list[tuple[str, str, int]]:
    """Return each state with each zone that its ZIP codes have, and how many do."""
    states, zones = _categories("zip_state"), _categories("zip_zone")
    state, zone = (column.to_physical().cast(pl.UInt16) for column in zips_by_number())
    counts = (state * len(zones) + zone).value_counts().iter_rows()
    named = ((states[pair // len(zones)], zones[pair % len(zones)], count) for pair, count in counts)
    return [(state, zone, count) for state, zone, count in named if zone]


def _categories(column: str) -> list[str]:
    return cast(pl.Enum, zips_by_number().schema[column]).categories.to_list()


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
    areas, listed, states, zip_zones = _areas(year), _listed(year), _states(year), _categories("zip_zone")
    found = {*zip_zones, *areas.values(), *listed.values(), *states.values()}
    zones = sorted(zone for zone in found if zone)
    numbers: dict[str | None, int] = {zone: number for number, zone in enumerate(zones, 1)}
    by_exchange, by_state = bytearray(_EXCHANGES), bytearray(STATE_CODES)
    # A listed exchange has the last word, also when it says that it spans several clocks.
    for prefix, zone in (*areas.items(), *listed.items()):
        size = 10 ** (_EXCHANGE - len(prefix))
        first = int(prefix) * size
        by_exchange[first : first + size] = bytes([numbers.get(zone, 0)]) * size
    for state, zone in states.items():
        by_state[state_number(state)] = numbers[zone]
    zip_numbers = pl.Series([numbers.get(zone, 0) for zone in zip_zones], dtype=pl.UInt8)
    return ZoneTables(
        tuple(zones),
        by_zip=zip_numbers[zips_by_number()["zip_zone"].to_physical()],
        by_exchange=bytes_of(pl.Series([bytes(by_exchange)])),
        by_state=bytes_of(pl.Series([bytes(by_state)])),
    )

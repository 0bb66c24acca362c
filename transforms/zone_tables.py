"""Tables from which a lead's zone is read: by ZIP or postal code, by area code and exchange, by state.

An area code or a state that spans two time zones settles nothing and the next source is asked; a guess here is a
call at six in the morning. It does tell where the lead is not, though: nobody in Texas keeps New York's clock. Zones
that keep the same clock all year (`America/Detroit`, `America/New_York`) are one for this purpose.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Final, cast

import polars as pl
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.made_once import made_once
from transforms.postal import STATE_CODES, state_number, zips_by_number
from transforms.postal_code_zones import POSTAL_AREAS, POSTAL_ZONES, areas_of
from transforms.text import bytes_of
from transforms.zone_clocks import Zones, apart

_AREA_CODE: Final = 3
_EXCHANGE: Final = 6
"""Digits of an area code, and of an area code with its exchange."""

_EXCHANGES: Final = 1_000_000

LONGEST_PREFIX: Final = max(map(len, TIMEZONE_DATA))
"""Digits of a number that the table of `phonenumbers` asks for at most, the country's code among them."""

_OVERLAYS: Final = {
    "236": "250", "257": "250", "364": "270", "367": "418", "448": "850", "458": "541", "581": "418", "672": "250",
    "729": "423", "778": "250", "930": "812", "986": "208",
}  # fmt: skip
"""Area codes laid over the ground of an older one, which spans two zones: `phonenumbers` names one for most."""

_CORRECTED: Final = {"310": "424", "474": "306", "689": "407", "879": "709"}
"""Area codes that share the ground of another, to which `phonenumbers` gives another zone, or zones to few exchanges.

310 is Los Angeles, 474 Saskatchewan, 689 Orlando, 879 Newfoundland and Labrador.
"""

_ALSO: Final = {
    "250": ("America/Dawson_Creek",),
    "418": ("America/Blanc-Sablon",),
    "807": ("America/Atikokan",),
    "867": ("America/Cambridge_Bay", "America/Rankin_Inlet", "America/Iqaluit", "America/Atikokan"),
}
"""Zones that `phonenumbers` leaves out of area codes of several: parts of Canada keep clocks of their own."""

_PROVINCE_ZONES: Final = {
    "AB": ("America/Edmonton",),
    "BC": ("America/Vancouver", "America/Edmonton", "America/Dawson_Creek"),
    "MB": ("America/Winnipeg",),
    "NB": ("America/Moncton",),
    "NL": ("America/St_Johns", "America/Goose_Bay"),
    "NS": ("America/Halifax",),
    "NT": ("America/Edmonton",),
    "NU": ("America/Iqaluit", "America/Rankin_Inlet", "America/Cambridge_Bay", "America/Atikokan"),
    "ON": ("America/Toronto", "America/Winnipeg", "America/Atikokan"),
    "PE": ("America/Halifax",),
    "QC": ("America/Toronto", "America/Halifax", "America/Blanc-Sablon"),
    "SK": ("America/Regina", "America/Edmonton", "America/Winnipeg"),
    "YT": ("America/Whitehorse",),
}
"""The zones of the Canadian provinces: Lloydminster goes by Alberta's clock, Creighton by Manitoba's."""


def area_code_zones(year: int) -> dict[str, Zones]:
    """Return the zones of NANP area codes (3 digits).

    Source: the prefix table of `phonenumbers`. It names a zone for each area code and, in area codes that span two,
    some exchanges that differ; an exchange it does not list may lie on either side, so such a code settles nothing.
    """
    prefixes = _nanp_prefixes()
    named: dict[str, list[str]] = {}
    for prefix in sorted(prefixes, key=len):
        named.setdefault(prefix[:_AREA_CODE], []).extend(prefixes[prefix])
    for area, zones in _ALSO.items():
        named[area].extend(zones)
    areas = {area: apart(tuple(zones), year) for area, zones in named.items()}
    # Where exchanges alone are listed, those that are not may be anywhere.
    areas = {area: zones for area, zones in areas.items() if area in prefixes or len(zones) > 1}
    areas |= {overlay: areas[older] for overlay, older in _OVERLAYS.items() if len(areas[older]) > 1}
    return areas | {overlay: areas[older] for overlay, older in _CORRECTED.items()}


def exchange_zones(year: int) -> dict[str, Zones]:
    """Return the zones of area code and exchange (6 digits), for the pairs that the table of `phonenumbers` lists."""
    return {f"{exchange:06}": zones for prefix, zones in _listed(year).items() for exchange in _exchanges_of(prefix)}


def zones_abroad(digits: str, year: int) -> Zones:
    """Return the zones of a number outside +1, of whose digits in E.164 form the first are enough.

    Source: the longest prefix of it that the table of `phonenumbers` lists.
    """
    known = (TIMEZONE_DATA.get(digits[:length]) for length in range(LONGEST_PREFIX, 0, -1))
    return apart(next((zones for zones in known if zones), ()), year)


def state_zones(year: int) -> dict[str, Zones]:
    """Return the zones of each state and province; of zones that keep one clock, the one of most ZIP codes."""
    zones: dict[str, list[str]] = {}
    for state, zone, _ in sorted(_count_zips(), key=itemgetter(0, 2, 1), reverse=True):
        zones.setdefault(state, []).append(zone)
    named = {state: tuple(names) for state, names in zones.items()} | _PROVINCE_ZONES
    return {state: apart(names, year) for state, names in named.items()}


def _listed(year: int) -> dict[str, Zones]:
    """Return the zones of each prefix longer than an area code, the shorter first."""
    longer = [prefix for prefix in _nanp_prefixes() if _AREA_CODE < len(prefix) <= _EXCHANGE]
    return {prefix: apart(_nanp_prefixes()[prefix], year) for prefix in sorted(longer, key=len)}


def _exchanges_of(prefix: str) -> range:
    """Return the area codes with exchange that begin with `prefix`, as numbers."""
    size = 10 ** (_EXCHANGE - len(prefix))
    return range(int(prefix) * size, (int(prefix) + 1) * size)


@cache
def _nanp_prefixes() -> dict[str, Zones]:
    return {prefix[1:]: zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith("1") and prefix != "1"}


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
class ZoneTable:
    """A table for reading by place in place of joining: `places` has, at a key's number, the place of its zones.

    `zones[0]` is (), for a key of which nothing is known.
    """

    zones: tuple[Zones, ...]
    places: pl.Series


@dataclass(frozen=True)
class ZoneTables:
    """The tables of one year: read at the ZIP code, at area code and exchange (6 digits), at the state's number.

    Behind the ZIP codes come the areas of the Canadian postal codes, each at its number beyond `ZIP_CODES`.
    """

    by_zip: ZoneTable
    by_exchange: ZoneTable
    by_state: ZoneTable


@made_once
def zone_tables(year: int) -> ZoneTables:
    """Return the tables for the clocks of `year`."""
    areas, listed, states = area_code_zones(year), _listed(year), state_zones(year)
    # A listed exchange has the last word, also when it says that it spans several clocks.
    prefixes = [*areas.items(), *listed.items()]
    named, numbers = _numbered(zones for _, zones in prefixes)
    by_exchange = bytearray(_EXCHANGES)
    for prefix, zones in prefixes:
        size = 10 ** (_EXCHANGE - len(prefix))
        first = int(prefix) * size
        by_exchange[first : first + size] = bytes([numbers[zones]]) * size
    of_states, state_places = _numbered(states.values())
    by_state = bytearray(STATE_CODES)
    for state, zones in states.items():
        by_state[state_number(state)] = state_places[zones]
    postal = {prefix: apart(zones, year) for prefix, zones in POSTAL_ZONES.items()}
    of_zips, zip_places = _numbered([*((zone,) for zone in _categories("zip_zone") if zone), *postal.values()])
    places = pl.Series([zip_places[(zone,) if zone else ()] for zone in _categories("zip_zone")], dtype=pl.UInt8)
    by_area = bytearray(POSTAL_AREAS)
    for prefix, zones in postal.items():
        areas_within = areas_of(prefix)
        by_area[areas_within.start : areas_within.stop] = bytes([zip_places[zones]]) * len(areas_within)
    by_zip = places[zips_by_number()["zip_zone"].to_physical()]
    return ZoneTables(
        ZoneTable(of_zips, by_zip.append(bytes_of(pl.Series([bytes(by_area)]))).rechunk()),
        ZoneTable(named, bytes_of(pl.Series([bytes(by_exchange)]))),
        ZoneTable(of_states, bytes_of(pl.Series([bytes(by_state)]))),
    )


def _numbered(every: Iterable[Zones]) -> tuple[tuple[Zones, ...], dict[Zones, int]]:
    """Return each different one of `every` behind (), and the place of each."""
    named = tuple(dict.fromkeys([(), *every]))
    return named, {zones: place for place, zones in enumerate(named)}

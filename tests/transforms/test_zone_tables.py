"""The tables say the same read by place as they do as frames, and have each key once."""

from collections import Counter
from itertools import repeat
from string import ascii_uppercase

import polars as pl
import pytest
import zipcodes
from phonenumbers import parse, region_code_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.postal import ZIP_CODES, state_numbers, zip_table
from transforms.postal_code_zones import POSTAL_AREAS, POSTAL_ZONES, postal_areas
from transforms.zone_clocks import clock_of
from transforms.zone_tables import area_code_zones, exchange_zones, state_zones, zone_tables

YEARS = [2025, 2026, 2027]
CORRECTED = {"310", "474", "689", "879"}
IN_CANADA = {"250", "418", "807", "867"}
OVERLAYS = {"236", "257", "364", "367", "448", "458", "581", "672", "729", "778", "930", "986"} | CORRECTED


def zones_at(table, keys):
    return [table.zones[place] for place in table.places.gather(keys)]


def test_every_table_knows_something():
    for table in (area_code_zones(2026), exchange_zones(2026), state_zones(2026)):
        assert len(table) > 50
        assert all(table.values())


@pytest.mark.parametrize("year", YEARS)
def test_every_zip_is_read_at_its_number(year):
    by_zip, table = zone_tables(year).by_zip, zip_table()
    assert zones_at(by_zip, table["zip"].cast(pl.UInt32)) == [(zone,) for zone in table["zip_zone"]]
    assert (by_zip.places.head(ZIP_CODES) > 0).sum() == table.height
    assert by_zip.places.len() == ZIP_CODES + POSTAL_AREAS


@pytest.mark.parametrize("year", YEARS)
def test_the_zones_of_a_postal_area_are_among_those_of_its_province(year):
    states, areas = state_zones(year), zone_tables(year).by_zip
    provinces = {"A": "NL", "B": "NS", "C": "PE", "E": "NB", "R": "MB", "S": "SK", "T": "AB", "V": "BC", "X": "NT"}
    provinces |= dict.fromkeys("GHJ", "QC") | dict.fromkeys("KLMNP", "ON") | {"Y": "YT"}
    names = [f"{a}{b}{c}" for a in ascii_uppercase for b in range(10) for c in ascii_uppercase]
    numbers = postal_areas(pl.Series([f"{name} 1A1" for name in names]))
    assert numbers.to_list() == list(range(POSTAL_AREAS))
    for name, zones in zip(names, zones_at(areas, ZIP_CODES + numbers), strict=True):
        known = [*states.get(provinces.get(name[0]), ()), *(states["NU"] if name[0] == "X" else ())]
        assert {clock_of(zone, year) for zone in zones} <= {clock_of(zone, year) for zone in known}
        own = POSTAL_ZONES.get(name, POSTAL_ZONES.get(name[0], ()))
        assert {clock_of(zone, year) for zone in zones} == {clock_of(zone, year) for zone in own}
        assert bool(zones) == (name[0] in provinces)


@pytest.mark.parametrize("year", YEARS)
def test_every_state_is_read_at_its_number(year):
    by_state, table = zone_tables(year).by_state, state_zones(year)
    assert zones_at(by_state, state_numbers(pl.Series(list(table)))) == list(table.values())
    assert (by_state.places > 0).sum() == len(table)


@pytest.mark.parametrize("year", YEARS)
def test_every_exchange_is_that_of_its_area_code_unless_it_is_listed(year):
    by_exchange, areas, listed = zone_tables(year).by_exchange, area_code_zones(year), exchange_zones(year)
    samples = [f"{area}{exchange:03}" for area in range(200, 1000) for exchange in (200, 222, 555, 999)]
    samples += list(listed)
    found = zones_at(by_exchange, pl.Series(samples).cast(pl.UInt32))
    assert found == [listed.get(sample, areas.get(sample[:3], ())) for sample in samples]


def test_the_tables_say_what_the_clocks_of_every_single_prefix_come_to():
    listed = {key[1:]: zones for key, zones in TIMEZONE_DATA.items() if key.startswith("1") and 4 <= len(key) <= 7}
    clocks = {prefix: {clock_of(zone, 2026) for zone in zones} for prefix, zones in listed.items()}
    areas, exchanges = area_code_zones(2026), exchange_zones(2026)
    for area in (prefix for prefix in listed if len(prefix) == 3 and prefix not in OVERLAYS | IN_CANADA):
        together = set().union(*(found for prefix, found in clocks.items() if prefix.startswith(area)))
        assert {clock_of(zone, 2026) for zone in areas[area]} == together
        assert len(areas[area]) == len(together)
        assert areas[area][0] == listed[area][0]
    for exchange, zones in exchanges.items():
        prefix = next(exchange[:digits] for digits in (6, 5, 4) if exchange[:digits] in listed)
        assert {clock_of(zone, 2026) for zone in zones} == clocks[prefix]
        assert zones[0] == listed[prefix][0]
    tails = {prefix: 10 ** (6 - len(prefix)) for prefix in listed if len(prefix) > 3}
    assert all(sum(map(str.startswith, exchanges, repeat(prefix))) == tails[prefix] for prefix in list(tails)[::50])


def test_an_area_code_on_the_border_settles_nothing():
    assert area_code_zones(2026)["850"] == ("America/New_York", "America/Chicago")


def test_an_area_code_leaves_open_what_the_older_one_under_it_does():
    areas = area_code_zones(2026)
    assert areas["448"] == areas["850"]
    assert areas["986"] == areas["208"]  # of which exchanges alone are listed
    assert areas["474"] == areas["306"] == ("America/Regina",)


def test_an_area_code_that_shares_anothers_ground_keeps_its_clock():
    """`phonenumbers` puts Orlando's 689 in Chicago's zone, and knows of Los Angeles's 310 eight exchanges alone."""
    areas = area_code_zones(2026)
    assert areas["689"] == areas["407"] == ("America/New_York",)
    assert areas["310"] == areas["424"] == ("America/Los_Angeles",)
    assert areas["879"] == areas["709"] == ("America/Halifax", "America/St_Johns")


def test_the_area_codes_of_most_zip_codes_keep_the_clock_of_these():
    """An American area code that settles a zone settles that of the most of its ZIP codes."""
    areas = area_code_zones(2026)
    known = zip_table().rows_by_key("zip", unique=True)
    seen = {}
    for entry in zipcodes.list_all():
        for area in entry["area_codes"] if entry["zip_code"] in known else ():
            seen.setdefault(area, Counter())[clock_of(known[entry["zip_code"]][1], 2026)] += 1
    american = {
        area: clocks for area, clocks in seen.items() if region_code_for_number(parse(f"+1{area}2345678")) == "US"
    }
    assert len(american) > 300
    for area, clocks in american.items():
        zones = areas[area]
        assert len(zones) != 1 or clock_of(zones[0], 2026) == clocks.most_common(1)[0][0], area


def test_what_settles_a_state_holds_for_all_its_zip_codes():
    states = state_zones(2026)
    for state, zone in zip_table().select("zip_state", "zip_zone").unique().iter_rows():
        assert clock_of(zone, 2026) in {clock_of(one, 2026) for one in states[state]}


def test_a_town_beyond_its_states_line_leaves_the_state_unsettled():
    """West Wendover keeps Mountain time, so Nevada alone proves nothing."""
    assert state_zones(2026)["NV"] == ("America/Los_Angeles", "America/Denver")
    assert state_zones(2026)["UT"] == ("America/Denver",)


def test_provinces_of_one_clock_name_it_and_no_others():
    zones = state_zones(2026)
    settled = {
        code: zones[code][0]
        for code in ["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"]
        if len(zones[code]) == 1
    }
    assert settled == {
        "AB": "America/Edmonton",
        "MB": "America/Winnipeg",
        "NB": "America/Moncton",
        "NS": "America/Halifax",
        "NT": "America/Edmonton",
        "PE": "America/Halifax",
        "YT": "America/Whitehorse",
    }


@pytest.mark.parametrize("overlay", sorted(OVERLAYS - CORRECTED))
def test_no_overlay_of_an_area_code_on_a_border_settles_anything(overlay):
    assert len(area_code_zones(2026)[overlay]) > 1

"""The tables say the same read by place as they do as frames, and have each key once."""

from itertools import repeat

import polars as pl
import pytest
from phonenumbers.tzdata import TIMEZONE_DATA

from transforms.postal import state_numbers, zip_table
from transforms.zone_clocks import clock_of
from transforms.zone_tables import area_code_zones, exchange_zones, state_zones, zone_tables

YEARS = [2025, 2026, 2027]


def named(tables, numbers):
    return pl.Series([None, *tables.zones]).gather(numbers).to_list()


def test_no_table_has_a_key_twice():
    for table in (area_code_zones(2026), exchange_zones(2026), state_zones(2026)):
        assert table.to_series().is_unique().all()
        assert table.height > 50


@pytest.mark.parametrize("year", YEARS)
def test_every_zip_is_read_at_its_number(year):
    tables, table = zone_tables(year), zip_table()
    assert named(tables, tables.by_zip.gather(table["zip"].cast(pl.UInt32))) == table["zip_zone"].to_list()
    assert (tables.by_zip > 0).sum() == table.height


@pytest.mark.parametrize("year", YEARS)
def test_every_state_is_read_at_its_number(year):
    tables, table = zone_tables(year), state_zones(year)
    assert named(tables, tables.by_state.gather(state_numbers(table["state"]))) == table["state_zone"].to_list()
    assert (tables.by_state > 0).sum() == table.height


@pytest.mark.parametrize("year", YEARS)
def test_every_exchange_is_that_of_its_area_code_unless_it_is_listed(year):
    tables, areas, listed = zone_tables(year), area_code_zones(year), exchange_zones(year)
    expected = dict(areas.iter_rows())
    listed_zones = dict(listed.iter_rows())
    samples = [f"{area}{exchange:03}" for area in range(200, 1000) for exchange in (200, 222, 555, 999)]
    samples += list(listed_zones)
    found = named(tables, tables.by_exchange.gather(pl.Series(samples).cast(pl.UInt32)))
    assert found == [listed_zones.get(sample, expected.get(sample[:3])) for sample in samples]


def test_the_tables_say_what_the_clocks_of_every_single_prefix_come_to():
    listed = {key[1:]: zones for key, zones in TIMEZONE_DATA.items() if key.startswith("1") and 4 <= len(key) <= 7}
    clocks = {prefix: {clock_of(zone, 2026) for zone in zones} for prefix, zones in listed.items()}
    areas, exchanges = dict(area_code_zones(2026).iter_rows()), dict(exchange_zones(2026).iter_rows())
    for area in (prefix for prefix in listed if len(prefix) == 3):
        together = set().union(*(found for prefix, found in clocks.items() if prefix.startswith(area)))
        assert areas.get(area) in ({listed[area][0], None} if len(together) == 1 else {None})
    for exchange, zone in exchanges.items():
        prefix = next(exchange[:digits] for digits in (6, 5, 4) if exchange[:digits] in listed)
        assert zone == (listed[prefix][0] if len(clocks[prefix]) == 1 else None)
    tails = {prefix: 10 ** (6 - len(prefix)) for prefix in listed if len(prefix) > 3}
    assert all(sum(map(str.startswith, exchanges, repeat(prefix))) == tails[prefix] for prefix in list(tails)[::50])


def test_an_area_code_on_the_border_settles_nothing():
    assert "850" not in area_code_zones(2026).get_column("area_code")


def test_what_settles_a_state_holds_for_all_its_zip_codes():
    settled = dict(state_zones(2026).iter_rows())
    for state, zone in zip_table().select("zip_state", "zip_zone").unique().iter_rows():
        if state in settled:
            assert clock_of(zone, 2026) == clock_of(settled[state], 2026)


def test_a_town_beyond_its_states_line_leaves_the_state_unsettled():
    """West Wendover keeps Mountain time, so Nevada alone proves nothing."""
    settled = state_zones(2026)["state"].to_list()
    assert "NV" not in settled
    assert "UT" in settled

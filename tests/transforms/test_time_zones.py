"""The zone of a lead: proved by its ZIP code, number or state, or not given at all."""

import datetime as dt
import zoneinfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.postal import zip_table
from transforms.time_zones import (
    RINGCX_OFFSETS,
    ZoneNaming,
    area_code_zones,
    clock_of,
    derive_time_zones,
    exchange_zones,
    ringcx_name,
    settle,
    state_zones,
    zone_info,
)

WINTER = ZoneNaming(dt.date(2026, 1, 15))
SUMMER = ZoneNaming(dt.date(2026, 7, 15))
COLUMNS = ["zip", "leadPhone", "state", "given_zone"]
FOUND = ["time_zone", "time_zone_source", "time_zone_conflict", "ringcx_zone"]


def derive(naming=WINTER, **cells):
    frame = pl.DataFrame({name: [cells.get(name)] for name in COLUMNS}, schema=dict.fromkeys(COLUMNS, pl.String))
    return derive_time_zones(frame, naming).select(FOUND).row(0)


def names_of(zone):
    return ringcx_name(zone, WINTER), ringcx_name(zone, SUMMER)


# --- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "names"),
    [
        ("America/New_York", ("EST", "EDT")),
        ("America/Chicago", ("CST", "CDT")),
        ("America/Denver", ("MST", "MDT")),
        ("America/Phoenix", ("MST", "MST")),
        ("America/Los_Angeles", ("PST", "PDT")),
        ("America/Anchorage", ("AKST", "AKDT")),
        ("America/Adak", ("HAST", "HADT")),
        ("Pacific/Honolulu", ("HAST", "HAST")),
        ("Pacific/Pago_Pago", ("WSST", "WSST")),
        ("America/Halifax", ("AST", "ADT")),
        ("America/Puerto_Rico", ("AST", "AST")),
        ("America/St_Johns", ("NST", "NDT")),
        ("America/Miquelon", ("PMST", "PMDT")),
        ("America/Regina", ("CST", "CST")),
        ("Pacific/Guam", (None, None)),
        ("Pacific/Saipan", (None, None)),
        ("Europe/London", (None, None)),
    ],
)
def test_a_zone_has_ringcxs_name_for_the_season(zone, names):
    assert names_of(zone) == names


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Manila", "America/Havana", "Asia/Jerusalem"])
def test_the_same_letters_on_another_clock_are_no_name(zone):
    assert zone_info(zone).tzname(dt.datetime(2026, 1, 15)) in {"CST", "PST", "IST"}  # noqa: DTZ001 - local by intent
    assert names_of(zone) == (None, None)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (dt.date(2026, 3, 7), "EST"),
        (dt.date(2026, 3, 8), "EDT"),
        (dt.date(2026, 10, 31), "EDT"),
        (dt.date(2026, 11, 1), "EST"),
    ],
)
def test_names_change_on_the_days_when_the_clocks_of_2026_do(day, name):
    assert ringcx_name("America/New_York", ZoneNaming(day)) == name
    assert ringcx_name("America/New_York", ZoneNaming(day, always_standard=True)) == "EST"
    assert ringcx_name("America/Phoenix", ZoneNaming(day)) == "MST"


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("America/Chicago", "CST"),
        ("America/Adak", "HAST"),
        ("America/St_Johns", "NST"),
        ("America/Miquelon", "PMST"),
        ("Pacific/Pago_Pago", "WSST"),
    ],
)
def test_always_standard_has_one_name_all_year(zone, name, month):
    assert ringcx_name(zone, ZoneNaming(dt.date(2026, month, 15), always_standard=True)) == name


def test_a_name_that_is_no_zone_is_refused():
    for name in ("America/Atlantis", "../zones", "localtime", ""):
        with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
            ringcx_name(name, WINTER)


def test_every_name_comes_with_its_documented_offset():
    met = set()
    for zone in zip_table().get_column("zip_zone").unique():
        for naming in (WINTER, SUMMER):
            name = ringcx_name(zone, naming)
            noon = dt.datetime.combine(naming.as_of, dt.time(12), zone_info(zone))
            if name is not None:
                assert noon.utcoffset() == dt.timedelta(hours=RINGCX_OFFSETS[name])
                met.add(name)
    assert met >= {
        "EST",
        "EDT",
        "CST",
        "CDT",
        "MST",
        "MDT",
        "PST",
        "PDT",
        "AKST",
        "AKDT",
        "HAST",
        "HADT",
        "AST",
        "WSST",
    }


# --- clocks ---------------------------------------------------------------------------------------------------


def test_zones_of_one_clock_settle_and_others_do_not():
    assert settle(["America/Detroit", "America/New_York"], 2026) == "America/Detroit"
    assert settle(["America/Phoenix", "America/Denver"], 2026) is None
    assert settle(["America/Phoenix", "America/Los_Angeles"], 2026) is None
    assert settle([], 2026) is None


def test_a_zone_that_leaves_another_in_autumn_no_longer_keeps_its_clock():
    """British Columbia and Manitoba gave up changing their clocks in November 2026."""
    assert clock_of("America/Vancouver", 2025) == clock_of("America/Los_Angeles", 2025)
    assert clock_of("America/Vancouver", 2026) != clock_of("America/Los_Angeles", 2026)
    assert settle(["America/Winnipeg", "America/Chicago"], 2026) is None


def test_zones_are_those_of_the_pinned_package_and_not_of_the_machine():
    assert ringcx_name("America/Winnipeg", ZoneNaming(dt.date(2026, 12, 1))) == "EST"
    assert ringcx_name("America/Edmonton", ZoneNaming(dt.date(2026, 12, 1))) == "CST"
    assert derive(given_zone="localtime") == (None, None, False, None)


# --- ZIP ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zip_code", "zone", "winter", "summer"),
    [
        ("85001", "America/Phoenix", "MST", "MST"),
        ("86515", "America/Denver", "MST", "MDT"),  # Window Rock, Navajo Nation
        ("86503", "America/Denver", "MST", "MDT"),  # Chinle, Navajo Nation
        ("46201", "America/Indiana/Indianapolis", "EST", "EDT"),
        ("46402", "America/Chicago", "CST", "CDT"),  # Gary
        ("47708", "America/Chicago", "CST", "CDT"),  # Evansville
        ("96813", "Pacific/Honolulu", "HAST", "HAST"),
        ("00901", "America/Puerto_Rico", "AST", "AST"),
        ("99546", "America/Adak", "HAST", "HADT"),
        ("96799", "Pacific/Pago_Pago", "WSST", "WSST"),
        ("32501", "America/Chicago", "CST", "CDT"),  # Pensacola
        ("96910", "Pacific/Guam", None, None),
        ("96950", "Pacific/Saipan", None, None),
    ],
)
def test_a_zip_code_names_its_zone(zip_code, zone, winter, summer):
    assert derive(zip=zip_code) == (zone, "zip", False, winter)
    assert derive(SUMMER, zip=f"{zip_code}-1234") == (zone, "zip", False, summer)


@pytest.mark.parametrize("code", ["85011234", "1000", "10001x", "K1A 0B1", "00000", "1000\u0661"])
def test_what_is_no_known_zip_code_names_no_zone(code):
    """Eight digits are a ZIP+4 that lost its zero: 08501 lies in New Jersey and 85011 in Arizona."""
    assert derive(zip=code) == (None, None, False, None)


# --- numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("2125550123", "America/New_York"),
        ("6025550123", "America/Phoenix"),
        ("8085550123", "Pacific/Honolulu"),
        ("7875550123", "America/Puerto_Rico"),
        ("6715550123", "Pacific/Guam"),
        ("3125550123|2125550123", "America/Chicago"),
    ],
)
def test_an_area_code_of_one_clock_names_it_and_the_first_number_counts(number, zone):
    assert derive(leadPhone=number)[:3] == (zone, "number", False)


def test_an_area_code_of_two_zones_settles_nothing_unless_the_exchange_is_listed():
    assert derive(leadPhone="8505550123") == (None, None, False, None)
    assert derive(leadPhone="8502000123") == ("America/Chicago", "number", False, "CST")
    assert "850" not in area_code_zones(2026).get_column("area_code")


def test_an_exchange_that_itself_spans_two_clocks_settles_nothing():
    unsettled = exchange_zones(2026).filter(pl.col("exchange_zone").is_null())
    assert unsettled.height
    assert derive(leadPhone=f"{unsettled.item(0, 'exchange')}0123") == (None, None, False, None)


@pytest.mark.parametrize("number", ["7095550123", "2085550123", "9065550123", "5745550123", "8675550123"])
def test_an_area_code_of_two_zones_settles_nothing(number):
    assert derive(leadPhone=number) == (None, None, False, None)


@pytest.mark.parametrize("overlay", ["448", "364", "930", "458", "581", "778"])
def test_an_overlay_settles_no_more_than_the_area_code_under_it(overlay):
    """448 serves Pensacola and Tallahassee as 850 does, whatever one zone the table names for it."""
    assert derive(leadPhone=f"{overlay}5550123") == (None, None, False, None)


@pytest.mark.parametrize("number", ["8005550123", "8885550123", "9005550123", "", "12", "abc"])
def test_a_number_without_a_place_settles_nothing(number):
    assert derive(leadPhone=number) == (None, None, False, None)


def test_a_number_in_e164_form_of_country_code_1_counts_where_there_is_no_other():
    rows = [(None, "+12125550123"), (None, "+442125550123"), ("3125550123", "+12125550123")]
    frame = pl.DataFrame(rows, schema=["leadPhone", "leadPhoneE164"], orient="row").with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("zip", "state", "given_zone")
    )
    zones = derive_time_zones(frame, WINTER).get_column("time_zone").to_list()
    assert zones == ["America/New_York", None, "America/Chicago"]


def test_no_table_has_a_key_twice():
    for table in (area_code_zones(2026), exchange_zones(2026), state_zones(2026)):
        assert table.to_series().is_unique().all()
        assert table.height > 50


# --- states ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "zone"),
    [
        ("NY", "America/New_York"),
        ("CA", "America/Los_Angeles"),
        ("HI", "Pacific/Honolulu"),
        ("PR", "America/Puerto_Rico"),
        ("AS", "Pacific/Pago_Pago"),
        ("NS", "America/Halifax"),
        ("YT", "America/Whitehorse"),
    ],
)
def test_a_state_of_one_clock_names_it(state, zone):
    assert derive(state=state)[:3] == (zone, "state", False)


@pytest.mark.parametrize(
    "state",
    [
        "AK",
        "AZ",
        "FL",
        "ID",
        "IN",
        "KS",
        "KY",
        "MI",
        "ND",
        "NE",
        "OR",
        "SD",
        "TN",
        "TX",
        "BC",
        "NL",
        "NU",
        "ON",
        "QC",
        "SK",
        "ZZ",
    ],
)
def test_a_state_of_two_zones_settles_nothing(state):
    assert derive(state=state) == (None, None, False, None)


# --- trust and conflict -----------------------------------------------------------------------------------------


def test_zip_is_asked_before_number_and_number_before_state():
    assert derive(zip="10001", leadPhone="3125550123", state="CA")[:2] == ("America/New_York", "zip")
    assert derive(leadPhone="3125550123", state="CA")[:2] == ("America/Chicago", "number")
    assert derive(zip="99999", leadPhone="8505550123", state="CA")[:2] == ("America/Los_Angeles", "state")


def test_the_sources_own_iana_zone_wins_and_a_disagreement_is_flagged():
    assert derive(zip="10001", given_zone="America/Denver") == ("America/Denver", "source", True, "MST")
    assert derive(zip="80202", given_zone="America/Denver") == ("America/Denver", "source", False, "MST")
    assert derive(given_zone="Pacific/Guam") == ("Pacific/Guam", "source", False, None)


def test_the_sources_own_ringcx_name_wins_and_a_disagreement_is_flagged():
    assert derive(zip="10001", given_zone="CST") == (None, "source", True, "CST")
    assert derive(zip="96910", given_zone="EST") == (None, "source", True, "EST")
    assert derive(zip="94105", leadPhone="2125550123", given_zone="EST") == ("America/New_York", "source", True, "EST")


@pytest.mark.parametrize(
    ("name", "zone"), [("EST", "America/New_York"), ("MST", "America/Denver"), ("PDT", "America/Los_Angeles")]
)
def test_a_ringcx_name_agrees_with_a_zone_that_bears_it_at_some_time_of_the_year(name, zone):
    """EST and MST are also tzdata's names of zones without summer time, which nobody means by them."""
    zips = {"America/New_York": "10001", "America/Denver": "80202", "America/Los_Angeles": "94105"}
    assert derive(SUMMER, zip=zips[zone], given_zone=name) == (zone, "source", False, name)


@pytest.mark.parametrize("name", sorted(RINGCX_OFFSETS))
def test_a_ringcx_name_alone_is_taken_as_it_is(name):
    assert derive(given_zone=name) == (None, "source", False, name)


def test_a_given_zone_that_nobody_knows_is_passed_over():
    assert derive(zip="10001", given_zone="Eastern") == ("America/New_York", "zip", False, "EST")


def test_sources_on_one_clock_are_no_conflict():
    assert derive(zip="48201", leadPhone="2125550123", state="NY") == ("America/Detroit", "zip", False, "EST")
    assert derive(zip="10001", leadPhone="3125550123") == ("America/New_York", "zip", True, "EST")
    assert derive(leadPhone="3125550123", state="NY") == ("America/Chicago", "number", True, "CST")


ANY = st.none() | st.text(max_size=8)
CELLS = st.tuples(
    ANY | st.sampled_from(["10001", "85001-1234", "96910"]),
    ANY | st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
    ANY | st.sampled_from(["NY", "TX", "GU"]),
    ANY | st.sampled_from(["EST", "HST", "America/Denver", "Europe/London", "CST6CDT"]),
)


@settings(deadline=None)
@given(st.lists(CELLS, max_size=12), st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)), st.booleans())
def test_rows_stay_in_order_and_every_name_is_documented(rows, as_of, always_standard):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").with_row_index("row")
    derived = derive_time_zones(frame, ZoneNaming(as_of, always_standard))
    assert derived.columns == ["row", *COLUMNS, *FOUND]
    assert derived.select("row", *COLUMNS).equals(frame)
    assert set(derived.get_column("ringcx_zone").drop_nulls()) <= set(RINGCX_OFFSETS)
    for row in derived.iter_rows(named=True):
        assert (row["time_zone_source"] is None) == (row["time_zone"] is None and row["ringcx_zone"] is None)
        assert row["time_zone_conflict"] is not None

"""What clocks do in a year, and what RingCX calls them."""

import datetime as dt
import zoneinfo

import pytest

from transforms.postal import zip_table
from transforms.zone_clocks import (
    RINGCX_OFFSETS,
    ZoneNaming,
    apart,
    clock_of,
    names_in,
    ringcx_name,
    standard_name,
    stretches_of,
    stretches_of_name,
    zone_info,
)

WINTER = ZoneNaming(dt.date(2026, 1, 15))
SUMMER = ZoneNaming(dt.date(2026, 7, 15))


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


CHANGES = {
    "America/New_York": ("EST", "EDT"),
    "America/Indiana/Indianapolis": ("EST", "EDT"),
    "America/Chicago": ("CST", "CDT"),
    "America/Denver": ("MST", "MDT"),
    "America/St_Johns": ("NST", "NDT"),
    "America/Halifax": ("AST", "ADT"),
    "America/Adak": ("HAST", "HADT"),
    "America/Phoenix": ("MST", "MST"),
    "America/Puerto_Rico": ("AST", "AST"),
    "Pacific/Honolulu": ("HAST", "HAST"),
}


@pytest.mark.parametrize("zone", sorted(CHANGES))
@pytest.mark.parametrize(
    ("day", "summer"),
    [
        (dt.date(2026, 3, 7), False),
        (dt.date(2026, 3, 8), True),
        (dt.date(2026, 3, 9), True),
        (dt.date(2026, 10, 31), True),
        (dt.date(2026, 11, 1), False),
        (dt.date(2026, 11, 2), False),
    ],
)
def test_names_change_on_the_days_when_the_clocks_of_2026_do(zone, day, summer):
    assert ringcx_name(zone, ZoneNaming(day)) == CHANGES[zone][summer]
    assert ringcx_name(zone, ZoneNaming(day, always_standard=True)) == CHANGES[zone][0]


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("America/Chicago", "CST"),
        ("America/Adak", "HAST"),
        ("America/St_Johns", "NST"),
        ("America/Miquelon", "PMST"),
        ("America/Phoenix", "MST"),
        ("America/Puerto_Rico", "AST"),
        ("Pacific/Honolulu", "HAST"),
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


def test_zones_of_one_clock_are_one_and_others_are_kept_apart():
    assert apart(("America/Detroit", "America/New_York"), 2026) == ("America/Detroit",)
    assert apart(("America/Phoenix", "America/Denver"), 2026) == ("America/Phoenix", "America/Denver")
    both = ("America/Denver", "America/Phoenix", "America/Boise", "America/Los_Angeles")
    assert apart(both, 2026) == ("America/Denver", "America/Phoenix", "America/Los_Angeles")
    assert apart(("America/Denver",), 2026) == ("America/Denver",)
    assert apart((), 2026) == ()


@pytest.mark.parametrize("name", [name for name in RINGCX_OFFSETS if name.endswith("DT")])
def test_every_name_of_summer_has_one_of_standard_time_an_hour_behind(name):
    assert RINGCX_OFFSETS[standard_name(name)] == RINGCX_OFFSETS[name] - 1
    assert standard_name(standard_name(name)) == standard_name(name)


def test_a_zone_that_leaves_another_in_autumn_no_longer_keeps_its_clock():
    """British Columbia and Manitoba gave up changing their clocks in November 2026."""
    assert clock_of("America/Vancouver", 2025) == clock_of("America/Los_Angeles", 2025)
    assert clock_of("America/Vancouver", 2026) != clock_of("America/Los_Angeles", 2026)
    assert len(apart(("America/Winnipeg", "America/Chicago"), 2026)) == 2


def test_zones_are_those_of_the_pinned_package_and_not_of_the_machine():
    assert ringcx_name("America/Winnipeg", ZoneNaming(dt.date(2026, 12, 1))) == "EST"
    assert ringcx_name("America/Edmonton", ZoneNaming(dt.date(2026, 12, 1))) == "CST"


def test_british_columbia_keeps_its_summer_clock_in_the_winter_of_2026():
    """Its offset is the Pacific summer's from then on; RingCX's name for that is as tzdata has the letters."""
    for day in (dt.date(2026, 3, 8), dt.date(2026, 10, 31), dt.date(2026, 11, 1), dt.date(2026, 12, 31)):
        noon = dt.datetime.combine(day, dt.time(12), zone_info("America/Vancouver"))
        assert noon.utcoffset() == dt.timedelta(hours=-7)
        assert RINGCX_OFFSETS[ringcx_name("America/Vancouver", ZoneNaming(day))] == -7
    assert ringcx_name("America/Vancouver", ZoneNaming(dt.date(2026, 3, 7))) == "PST"
    assert ringcx_name("America/Los_Angeles", ZoneNaming(dt.date(2026, 12, 31))) == "PST"


def test_newfoundland_is_half_an_hour_off_its_neighbours():
    assert clock_of("America/St_Johns", 2026) == ((0, -3.5), (66, -2.5), (304, -3.5))
    assert names_in("America/St_Johns", 2026) == {"NST", "NDT"}


def test_a_clock_is_known_to_the_minute_at_which_it_is_changed():
    (_, winter), (spring, summer), (autumn, winter_again) = stretches_of("America/St_Johns", 2026)
    assert (winter, summer, winter_again) == (-210, -150, -210)
    assert dt.datetime.fromtimestamp(spring * 60, dt.UTC) == dt.datetime(2026, 3, 8, 5, 30, tzinfo=dt.UTC)
    assert dt.datetime.fromtimestamp(autumn * 60, dt.UTC) == dt.datetime(2026, 11, 1, 4, 30, tzinfo=dt.UTC)


def test_a_day_that_a_zone_leaves_out_does_not_hide_when_it_was_left_out():
    """Samoa went from 29 to 31 December 2011; the noon between never was."""
    begin, minutes = stretches_of("Pacific/Apia", 2011)[-1]
    assert dt.datetime.fromtimestamp(begin * 60, dt.UTC) == dt.datetime(2011, 12, 30, 10, tzinfo=dt.UTC)
    assert minutes == 14 * 60


def test_a_clock_that_is_never_changed_is_one_stretch():
    for zone in ("America/Phoenix", "Pacific/Honolulu", "America/Puerto_Rico"):
        assert len(stretches_of(zone, 2026)) == len(clock_of(zone, 2026)) == 1
    assert stretches_of_name("MST") == stretches_of("America/Phoenix", 2026)


def test_a_difference_of_two_days_is_a_difference():
    """Jerusalem changes on a Friday and Athens on the Sunday after; the middle of each month does not tell."""
    assert len(apart(("Asia/Jerusalem", "Europe/Athens"), 2026)) == 2

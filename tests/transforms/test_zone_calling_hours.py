"""Calls stay within 8:00 to 21:00 for everybody; checked against the calendar itself, day by day."""

import datetime as dt

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from transforms.calling_hours import fits, gaps, latest_safe_minute
from transforms.zone_clocks import stretches_of, stretches_of_name, zone_info

YEAR = 2026
ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"),
    *("America/Vancouver", "America/St_Johns", "America/Puerto_Rico", "America/Regina", "America/Winnipeg"),
    *("America/Adak", "Pacific/Honolulu", "Pacific/Guam", "Pacific/Pago_Pago", "America/Santiago", "America/Havana"),
    *("Europe/London", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "America/Miquelon"),
)
SEVERAL = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3)
MINUTES = st.integers(7 * 60, 22 * 60).map(lambda minute: dt.time(*divmod(minute, 60)))
DAYS = [dt.date(YEAR, 1, 1) + dt.timedelta(days=day) for day in range(365)]


def clock(zone):
    return stretches_of(zone, YEAR)


def clock_times(here, there, hour):
    """Return, for each day of the year, what time it is there when it is `hour` here."""
    moments = (dt.datetime.combine(day, hour, zone_info(here)) for day in DAYS)
    return [moment.astimezone(zone_info(there)).time() for moment in moments]


def decent(times):
    return all(dt.time(8) <= time <= dt.time(21) for time in times)


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ("America/New_York", "America/Los_Angeles", {-180}),
        ("America/Los_Angeles", "America/New_York", {180}),
        ("America/Phoenix", "America/Denver", {0, 60}),
        ("America/New_York", "America/St_Johns", {90}),
        ("Pacific/Honolulu", "America/New_York", {300, 360}),
        ("Pacific/Guam", "America/Los_Angeles", {-1020, -1080}),
    ],
)
def test_gaps_are_those_of_the_hours_of_calling(here, there, expected):
    """From New York to Los Angeles it is four hours for a part of one night in March, when nobody calls."""
    assert gaps(clock(here), clock(there), (8 * 60, 21 * 60)) == expected


def test_gaps_of_the_night_count_for_who_calls_at_night():
    night = gaps(clock("America/New_York"), clock("America/Los_Angeles"), (0, 24 * 60 - 1))
    assert night == {-120, -180, -240}


@pytest.mark.parametrize(
    ("here", "there", "latest"),
    [
        ("America/Los_Angeles", "America/New_York", 18),
        ("America/Chicago", "America/New_York", 20),
        ("America/Phoenix", "America/Denver", 20),
        ("America/Phoenix", "America/New_York", 18),
        ("America/New_York", "America/St_Johns", 19.5),
        ("Pacific/Honolulu", "America/Puerto_Rico", 15),
        ("America/Adak", "America/New_York", 16),  # its clock shows 21:00 when New York's is changed
        ("America/New_York", "America/New_York", 21),
        ("Pacific/Guam", "America/Los_Angeles", 14),
    ],
)
def test_until_when_calls_are_decent_in_the_other_zone_too(here, there, latest):
    assert latest_safe_minute(clock(here), [clock(there)]) == latest * 60


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("America/New_York", "America/Los_Angeles"),
        ("America/Denver", "America/Phoenix"),
        ("America/Los_Angeles", "Pacific/Guam"),
        ("America/Santiago", "America/Halifax"),
        ("America/Halifax", "America/Santiago"),
    ],
)
def test_no_hour_is_safe_where_eight_in_the_morning_is_not(here, there):
    """Los Angeles is west of Guam only by the calendar: its morning is Guam's night."""
    assert latest_safe_minute(clock(here), [clock(there)]) is None


def test_a_ringcx_name_stands_still_all_year():
    assert latest_safe_minute(stretches_of_name("CST"), [clock("America/New_York")]) == 19 * 60
    assert latest_safe_minute(clock("America/Chicago"), [stretches_of_name("EST")]) == 20 * 60
    assert latest_safe_minute(stretches_of_name("EST"), [clock("America/New_York")]) == 20 * 60
    assert latest_safe_minute(clock("America/New_York"), [stretches_of_name("EST")]) is None


@pytest.mark.parametrize(
    ("hours", "expected"), [((11, 18), True), ((11, 19), True), ((8, 18), False), ((12, 21), True)]
)
def test_late_hours_in_the_east_are_decent_in_the_west(hours, expected):
    pair = (dt.time(hours[0]), dt.time(hours[1]))
    assert fits(clock("America/New_York"), [clock("America/Los_Angeles")], pair) == expected


def test_hours_beyond_the_allowed_ones_fit_nowhere():
    assert not fits(clock("America/New_York"), [], (dt.time(7, 59), dt.time(20)))
    assert not fits(clock("America/New_York"), [], (dt.time(9), dt.time(21, 0, 1)))
    assert fits(clock("America/New_York"), [], (dt.time(8), dt.time(21)))


@pytest.mark.parametrize("hours", [(dt.time(20), dt.time(9)), (dt.time(9), dt.time(9))])
def test_hours_that_end_before_they_begin_are_refused(hours):
    with pytest.raises(ValueError, match="earlier time first"):
        fits(clock("America/New_York"), [], hours)


@settings(deadline=None)
@given(st.sampled_from(ZONES), SEVERAL, MINUTES, MINUTES)
@example("America/Los_Angeles", ["America/New_York"], dt.time(8), dt.time(18))
@example("America/Phoenix", ["America/Denver"], dt.time(8), dt.time(20))
@example("Pacific/Guam", ["America/Los_Angeles"], dt.time(8), dt.time(14))
def test_hours_fit_exactly_where_no_day_of_the_year_has_a_call_too_early_or_too_late(here, others, first, last):
    assume(first < last)
    whole = (dt.timedelta(hours=last.hour - first.hour, minutes=last.minute - first.minute)).total_seconds() / 3600
    everywhere = [here, *others]
    ends = [clock_times(here, zone, hour) for zone in everywhere for hour in (first, last)]
    # Thirteen hours and more can begin and end decently with a whole night in between.
    expected = whole <= 13 and all(decent(times) for times in ends)
    expected &= all(
        begin <= end
        for zone in everywhere
        for begin, end in zip(clock_times(here, zone, first), clock_times(here, zone, last), strict=True)
    )
    assert fits(clock(here), [clock(zone) for zone in others], (first, last)) == expected


@settings(deadline=None)
@given(st.sampled_from(ZONES), SEVERAL)
def test_from_eight_to_the_latest_safe_hour_calls_are_decent_on_every_day(here, others):
    latest = latest_safe_minute(clock(here), [clock(zone) for zone in others])
    mornings = [clock_times(here, zone, dt.time(8)) for zone in others]
    if latest is None:
        assert not all(decent(times) and dt.time(21) not in times for times in mornings)
        return
    assert all(decent(times) for times in mornings)
    last = dt.time(*divmod(latest, 60))
    assert all(decent(clock_times(here, zone, last)) for zone in others)
    assert latest == 21 * 60 or not all(
        decent(clock_times(here, zone, dt.time(*divmod(latest + 1, 60)))) for zone in others
    )

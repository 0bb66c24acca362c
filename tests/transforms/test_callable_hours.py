"""When leads may be called: the allowed hours of every clock a lead may live by."""

import datetime as dt

import polars as pl
import pytest

from transforms.callable_hours import count_zones, tell_callable

WINTER, SUMMER = dt.date(2026, 1, 15), dt.date(2026, 7, 15)


def counted(*kinds):
    """Return a frame of `count_zones`; each kind is a zone, leads, and the zones of its evidence in dispute."""
    rows = [
        {
            "time_zone": zone,
            "leadTimezone": None,
            "other_zones": "|".join(others) or None,
            "leads": leads,
            "loaded": leads,
            "barred": 0,
        }
        for zone, leads, *others in kinds
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def open_hours(told):
    return {each["hour"]: each["leads"] for each in told["by_hour"] if each["leads"]}


def test_every_lead_is_called_in_the_hours_of_its_own_zone():
    told = tell_callable(counted(("America/New_York", 5), ("America/Los_Angeles", 3)), WINTER, None)

    assert (told["clock"], told["first"], told["last"]) == ("America/New_York", "08:00", "21:00")
    assert [(zone["zone"], zone["first"], zone["last"]) for zone in told["zones"]] == [
        ("America/New_York", "08:00", "21:00"),
        ("America/Los_Angeles", "11:00", "00:00"),
    ]
    assert open_hours(told) == {8: 5, 9: 5, 10: 5} | dict.fromkeys(range(11, 21), 8) | {21: 3, 22: 3, 23: 3}


def test_calls_past_midnight_are_of_the_next_morning():
    told = tell_callable(counted(("America/New_York", 5), ("Pacific/Honolulu", 1)), WINTER, None)

    assert told["zones"][1]["last"] == "02:00"
    assert {hour for hour, leads in open_hours(told).items() if leads == 1} == {0, 1, 21, 22, 23}


@pytest.mark.parametrize(("day", "first"), [(WINTER, "10:00"), (SUMMER, "11:00")])
def test_hours_are_those_of_the_day(day, first):
    told = tell_callable(counted(("America/New_York", 5), ("America/Phoenix", 1)), day, None)

    assert told["zones"][1]["first"] == first


def test_a_zone_of_half_hours_counts_for_whole_hours_only():
    told = tell_callable(counted(("America/New_York", 5), ("America/St_Johns", 1)), WINTER, None)

    assert told["zones"][1]["first"] == "06:30"
    assert 6 not in open_hours(told)
    assert open_hours(told)[7] == 1
    assert open_hours(told)[19] == 5


def test_the_jobs_own_hours_narrow_the_day():
    told = tell_callable(counted(("America/Chicago", 2)), WINTER, (dt.time(10), dt.time(17, 30)))

    assert (told["first"], told["last"]) == ("10:00", "17:30")
    assert list(open_hours(told)) == [10, 11, 12, 13, 14, 15, 16]


def test_a_lead_in_dispute_is_called_only_when_all_its_zones_allow_it():
    kinds = [("America/Los_Angeles", 4), ("America/Los_Angeles", 1, "America/New_York", "America/Los_Angeles")]

    told = tell_callable(counted(*kinds), WINTER, None)

    assert told["zones"] == [
        {
            "zone": "America/Los_Angeles",
            "leads": 5,
            "loaded": 5,
            "first": "08:00",
            "last": "21:00",
            "disputed": 1,
            "disputed_first": "08:00",
            "disputed_last": "18:00",
        }
    ]
    assert open_hours(told) == dict.fromkeys(range(8, 18), 5) | dict.fromkeys(range(18, 21), 4)


def test_zones_without_a_common_hour_leave_none():
    told = tell_callable(
        counted(("Asia/Tokyo", 1, "Asia/Tokyo", "America/New_York")), SUMMER, (dt.time(9), dt.time(10))
    )

    assert (told["zones"][0]["disputed_first"], told["zones"][0]["disputed_last"]) == ("09:00", "10:00")
    assert (
        tell_callable(counted(("Asia/Tokyo", 1, "Asia/Tokyo", "America/New_York")), SUMMER, (dt.time(12), dt.time(13)))[
            "zones"
        ][0]["disputed_first"]
        is None
    )


def test_leads_of_no_known_zone_are_told_apart():
    frame = counted(("America/Denver", 2), (None, 3))
    assert tell_callable(frame, WINTER, None)["unknown"] == {"leads": 3, "loaded": 3}
    told = tell_callable(counted((None, 3)), WINTER, None)
    assert (told["clock"], told["zones"], told["by_hour"]) == (None, [], [])
    assert tell_callable(counted((None, 0)).head(0), WINTER, None) is None


def test_a_name_of_ringcx_will_do_where_no_zone_is_known():
    frame = counted((None, 3)).with_columns(pl.lit("MST").alias("leadTimezone"))

    told = tell_callable(frame, SUMMER, None)

    assert told["zones"][0]["zone"] == "MST"
    assert sum(open_hours(told).values()) == 3 * 13


def test_only_leads_that_were_to_be_sent_are_counted():
    kinds = pl.DataFrame(
        {
            "outcome": ["LOADED", "NOT_SENT", "REJECTED", "DUPLICATE"],
            "leadState": ["READY", None, None, None],
            "rows": [2, 1, 4, 8],
            "time_zone": ["America/Denver"] * 4,
            "leadTimezone": ["MST"] * 4,
            "other_zones": [None] * 4,
        }
    )

    assert count_zones(kinds).select("leads", "loaded", "barred").row(0) == (3, 2, 0)


@pytest.mark.parametrize("state", ["DO-NOT-CALL", "DO_NOT_CALL"])
def test_a_lead_that_ringcx_will_not_dial_counts_for_no_hour(state):
    kinds = pl.DataFrame(
        {
            "outcome": ["LOADED"] * 3,
            "leadState": ["READY", state, None],
            "rows": [1, 1, 1],
            "time_zone": ["America/Denver"] * 3,
            "leadTimezone": ["MST"] * 3,
            "other_zones": [None] * 3,
        }
    )

    told = tell_callable(count_zones(kinds), WINTER, None)

    assert (told["do_not_call"], told["zones"][0]["loaded"]) == (1, 3)
    assert set(open_hours(told).values()) == {2}

"""Delivery over time: every request counted once, in few stretches, pauses left out."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import EventMoment, EventState
from connectors.ringcx.throttle import Call, most_calls
from flows.timeline import MOST_BUCKETS, tell_timeline

BEGIN = dt.datetime(2026, 11, 21, 2, 30, tzinfo=dt.UTC)


def moment(seconds, state=EventState.ACCEPTED, code=None, message=None):
    at = (BEGIN + dt.timedelta(seconds=seconds)).isoformat()
    return EventMoment(1, state, code, message, at, at)


def told(*moments):
    return tell_timeline(lambda: iter(moments))


def test_requests_are_counted_by_what_they_met():
    timeline = told(
        moment(0),
        moment(0.5, EventState.NOT_SENT, "THROTTLED", "RingCX answered 429."),
        moment(1.2, EventState.REFUSED, "HTTP_400", "leadPhone"),
        moment(2.9, EventState.UNKNOWN, "NO_ANSWER"),
        moment(3, EventState.SENDING),
        moment(9, EventState.LANDED),
    )

    kinds = ("requests", "accepted", "refused", "turned_away", "unknown")
    assert [tuple(bucket[kind] for kind in kinds) for bucket in timeline["buckets"]] == [
        (2, 1, 0, 1, 0),
        (1, 0, 1, 0, 0),
        (1, 0, 0, 0, 1),
        (1, 0, 0, 0, 1),
    ]
    assert [(fault["state"], fault["code"], fault["message"]) for fault in timeline["faults"]] == [
        ("not_sent", "THROTTLED", "RingCX answered 429."),
        ("refused", "HTTP_400", "leadPhone"),
        ("unknown", "NO_ANSWER", None),
        ("sending", None, None),
    ]


def test_a_fault_has_its_first_and_last_time():
    faults = told(*(moment(at, EventState.UNKNOWN, "NO_ANSWER") for at in (5, 2, 40)))["faults"]

    assert [(fault["first"][-14:-6], fault["last"][-14:-6], fault["times"]) for fault in faults] == [
        ("02:30:02", "02:30:40", 3)
    ]


def test_nothing_sent_has_no_timeline():
    assert told() is None
    assert told(moment(0, EventState.LANDED)) is None


def test_a_pause_between_two_sittings_is_left_out():
    timeline = told(moment(0), moment(3), moment(86_400), moment(86_402))

    assert timeline["bucket_seconds"] == 1
    assert [bucket["sitting"] for bucket in timeline["buckets"]] == [0, 0, 0, 0, 1, 1, 1]
    assert timeline["buckets"][4]["at"] == "2026-11-22T02:30:00+00:00"


@given(
    st.lists(
        st.tuples(
            st.floats(0, 400 * 86_400),
            st.sampled_from([EventState.ACCEPTED, EventState.REFUSED, EventState.UNKNOWN, EventState.NOT_SENT]),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_every_request_is_in_one_of_few_buckets(events):
    """Whatever the order of the events: hosts' clocks differ."""
    timeline = told(*(moment(seconds, state) for seconds, state in events))

    assert len(timeline["buckets"]) <= MOST_BUCKETS
    assert sum(bucket["requests"] for bucket in timeline["buckets"]) == len(events)
    assert sum(fault["times"] for fault in timeline["faults"]) == sum(
        state is not EventState.ACCEPTED for _, state in events
    )


@pytest.mark.parametrize(
    ("seconds", "most"), [(1, 30), (10, 30), (15, 60), (30, 90), (60, 120), (90, 240), (3600, 7200)]
)
def test_the_ceiling_is_what_the_throttle_lets_through(seconds, most):
    assert most_calls(Call.DIRECT, seconds) == most
    assert most_calls(Call.OTHER, seconds) is None

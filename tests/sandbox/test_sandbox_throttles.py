"""The documented limits, both windows of each, and the 429 over them."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from connectors.sandbox.throttles import LIMITS, Throttles


def test_the_31st_load_in_ten_seconds_is_429_and_loads_nothing(sandbox, caller, lead):
    answers = [caller.load([lead(number)]) for number in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert sandbox.state.lead_count == 30
    assert caller.http.get("/sandbox/state").json()["throttled"] == 1


def test_the_window_slides(sandbox, caller, lead):
    for number in range(30):
        caller.load([lead(number)])
    sandbox.state.clock.advance(10)
    assert caller.load([lead(30)]).status_code == 200


def test_each_call_has_windows_of_its_own(caller):
    assert [caller.search({}).status_code for _ in range(16)][-2:] == [200, 429]
    assert caller.search({}, count="true").status_code == 200


def test_the_sixth_exchange_in_a_minute_is_429(stranger):
    token = stranger.get_platform_token().json()["access_token"]
    assert [stranger.exchange(token).status_code for _ in range(6)] == [200] * 5 + [429]


def test_throttles_can_be_off(use, caller):
    use(throttles=False)
    assert {caller.search({}).status_code for _ in range(20)} == {200}


def test_retry_after_can_be_a_date(use, caller):
    use(retry_after="date")
    answer = [caller.search({}) for _ in range(16)][-1]
    wait = (parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)).total_seconds()
    assert 0 < wait <= 12


def test_retry_after_can_be_missing(use, caller):
    use(retry_after="none")
    answer = [caller.search({}) for _ in range(16)][-1]
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("call", LIMITS)
def test_a_burst_fills_the_short_window_of_a_call(call):
    window = LIMITS[call][0]
    throttles = Throttles()
    assert [throttles.admit(call, 0.0) for _ in range(window.requests)] == [None] * window.requests
    assert throttles.admit(call, 1.0) == window.seconds - 1
    assert throttles.admit(call, window.seconds) is None


def test_bursts_that_fit_the_short_window_fill_the_long_one():
    throttles = Throttles()
    for start in (0.0, 10.0, 20.0, 30.0):
        assert [throttles.admit("direct", start) for _ in range(30)] == [None] * 30
    assert throttles.admit("direct", 40.0) == 20
    assert throttles.admit("direct", 60.0) is None


def test_a_call_without_a_limit_is_always_admitted():
    throttles = Throttles()
    assert {throttles.admit("campaigns", 0.0) for _ in range(500)} == {None}

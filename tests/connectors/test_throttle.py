"""The throttles: RingCX never has to say 429 because of us, and a stop ends every wait."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ringcx_doubles import CAMPAIGN, body_of

from connectors.ringcx.answers import Accepted
from connectors.ringcx.throttle import LIMITS, Call, binding
from connectors.sandbox.settings import SandboxSettings
from transforms.vocabulary.errors import RunInterruptedError


def test_more_loads_than_a_window_holds_from_many_threads_cause_no_429(connect, ringcx):
    ringcx.reset(SandboxSettings(throttles=True))
    client = connect(ringcx.url)
    began = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: client.load(CAMPAIGN, body_of(1, number)), range(35)))

    assert all(isinstance(each, Accepted) for each in answers)
    assert ringcx.state.answers_of("direct", 429) == 0
    assert ringcx.state.lead_count == 35
    assert 9.5 < time.monotonic() - began < 14


def test_calls_that_leave_late_fill_the_window_in_which_they_arrive(connect, ringcx):
    """As where each of the first has to make a connection: those of the next window find theirs made."""
    ringcx.reset(SandboxSettings(throttles=True))
    client = connect(ringcx.url)
    in_a_window, seconds = LIMITS[Call.DIRECT][0]
    left_at = []

    def leave_late():
        time.sleep(0.5)
        left_at.append(time.monotonic())

    with ThreadPoolExecutor(in_a_window) as pool:
        late = pool.map(
            lambda number: client.load(CAMPAIGN, body_of(1, number), on_turn=leave_late), range(in_a_window)
        )
        assert all(isinstance(answer, Accepted) for answer in late)
    client.load(CAMPAIGN, body_of(1, in_a_window), on_turn=lambda: left_at.append(time.monotonic()))

    assert left_at[-1] - left_at[0] >= seconds


@pytest.mark.parametrize("call", [Call.DIRECT, Call.SEARCH, Call.COUNT, Call.EXCHANGE])
def test_as_many_calls_as_the_shortest_window_holds_go_at_once_and_the_next_waits(throttle, stop, call):
    began = time.monotonic()
    for _ in range(LIMITS[call][0][0]):
        throttle.wait_turn(call, "account")
    assert time.monotonic() - began < 3  # on a busy machine; waiting would take three times as long

    began = time.monotonic()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(RunInterruptedError):
        throttle.wait_turn(call, "account")
    assert 0.1 < time.monotonic() - began < 2


def test_calls_are_counted_apart(throttle):
    for _ in range(LIMITS[Call.EXCHANGE][0][0]):
        throttle.wait_turn(Call.EXCHANGE, "account")

    began = time.monotonic()
    throttle.wait_turn(Call.DIRECT, "account")
    throttle.wait_turn(Call.OTHER, "account")
    assert time.monotonic() - began < 0.1


def test_a_pause_holds_one_kind_of_call_and_is_never_shortened(throttle):
    throttle.pause(Call.SEARCH, "account", 0.4)
    throttle.pause(Call.SEARCH, "account", 0.1)
    began = time.monotonic()

    throttle.wait_turn(Call.DIRECT, "account")
    assert time.monotonic() - began < 0.1
    throttle.wait_turn(Call.SEARCH, "account")
    assert 0.35 < time.monotonic() - began < 1.5


def test_a_stop_interrupts_a_rest_and_a_pause_at_once(throttle, stop):
    throttle.pause(Call.DIRECT, "account", 3600)
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()

    with pytest.raises(RunInterruptedError):
        throttle.wait_turn(Call.DIRECT, "account")
    with pytest.raises(RunInterruptedError):
        throttle.rest(3600)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("windows", "bind"),
    [
        ([(30, 10), (120, 60)], [(30, 10), (120, 60)]),
        ([(15, 10), (60, 30)], [(15, 10)]),
        ([(60, 30), (15, 10)], [(15, 10)]),
        ([(90, 10), (180, 30)], [(90, 10), (180, 30)]),
        ([(5, 60)], [(5, 60)]),
        ([(10, 10), (15, 15)], [(10, 10), (15, 15)]),
        ([(10, 10), (20, 15)], [(10, 10)]),
    ],
)
def test_only_windows_that_a_shorter_one_does_not_already_keep_are_held(windows, bind):
    assert binding(windows) == bind

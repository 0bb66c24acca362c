"""While RingCX refuses and accepts nothing, one batch finds out whether the request itself is wrong."""

import threading

from flows.probing import REFUSES_ALL, Probe


def test_everybody_may_send_until_something_is_refused():
    probe = Probe()

    assert all(probe.may_send(batch, 0) for batch in range(5))
    assert not probe.is_narrow()


def test_after_a_first_refusal_only_the_refused_batch_goes_on():
    probe = Probe()
    probe.refused(3)

    assert probe.is_narrow()
    assert probe.may_send(3, 0)
    assert not probe.may_send(4, 0)


def test_an_acceptance_lets_everybody_go_on_for_good():
    probe = Probe()
    probe.refused(3)
    probe.accepted()
    probe.refused(4)

    assert probe.may_send(5, 0)
    assert not probe.is_narrow()


def test_refusals_of_the_probing_batch_alone_count_and_enough_of_them_blame_the_request():
    probe = Probe()
    told = [probe.refused(batch) for batch in range(2 * REFUSES_ALL)]  # a first wave, all in flight at once
    assert not any(told)

    told = [probe.refused(0) for _ in range(REFUSES_ALL - 1)]
    assert told == [False] * (REFUSES_ALL - 2) + [True]


def test_no_number_of_refusals_blames_the_request_once_something_was_accepted():
    probe = Probe()
    probe.accepted()

    assert not any(probe.refused(1) for _ in range(3 * REFUSES_ALL))


def test_the_next_batch_probes_when_the_first_has_nothing_more_to_send_and_its_refusals_still_count():
    probe = Probe()
    for _ in range(REFUSES_ALL - 1):
        probe.refused(1)
    probe.leave(1)

    assert probe.may_send(2, 0)
    assert not probe.may_send(3, 0)
    assert probe.refused(2)


def test_a_waiting_batch_goes_on_as_soon_as_it_may():
    probe = Probe()
    probe.refused(1)
    threading.Timer(0.1, probe.accepted).start()

    assert probe.may_send(2, 30)

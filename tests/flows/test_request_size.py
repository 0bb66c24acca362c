"""Requests shrink to what RingCX takes, and one enormous lead shrinks nobody else's."""

from flows.request_size import RequestSize


def test_without_a_refusal_a_request_is_as_large_as_its_batch():
    size = RequestSize()
    size.accepted(10)

    assert size.fit(1000) == 1000


def test_after_a_refusal_half_of_it_is_the_most_that_is_sent():
    size = RequestSize()
    size.refused(1000)

    assert (size.fit(1000), size.fit(501), size.fit(300)) == (500, 500, 300)


def test_the_smallest_refusal_counts_and_odd_sizes_keep_the_larger_half():
    size = RequestSize()
    for leads in (1000, 75, 500):
        size.refused(leads)

    assert size.fit(1000) == 38


def test_never_fewer_than_what_was_taken_before():
    size = RequestSize()
    size.refused(1000)
    size.accepted(500)
    for leads in (500, 250, 125, 1):
        size.refused(leads)

    assert size.fit(1000) == 500

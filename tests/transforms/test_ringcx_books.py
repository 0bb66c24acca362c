"""What RingCX counts is held against what was sent and what searches show; every difference has its size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ringcx_books import REMOVALS, RequestBooks, keep_books


def request(sent=10, seen=None, found=None, rejected_rows=0, **counts):
    """Build a request that was accepted; what is not said of it went as it should."""
    told = {"supplied": sent, "accepted": sent, "inserted": sent} | counts
    seen = (told["inserted"] or 0) if seen is None else seen
    return RequestBooks(sent, seen, seen if found is None else found, counts=told, rejected_rows=rejected_rows)


def differences(*requests):
    return {
        each["what"].split(",")[0]: (each["expected"], each["found"], each["size"], each["settles_later"])
        for each in keep_books(requests)["differences"]
    }


def test_books_that_agree_have_no_difference_and_add_up():
    books = keep_books(
        [
            request(10, accepted=9, inserted=6, duplicates=2, do_not_call=1, rejected_rows=1),
            request(5),
            RequestBooks(4, 4, 4, answered=False),
            RequestBooks(3, 0, 0, accepted=False),
        ]
    )

    assert books == {
        "sent": 22,
        "supplied": 15,
        "accepted": 14,
        "inserted": 11,
        "removed": {"duplicates": 2, "do_not_call": 1, "quota": 0, "whitelist": 0},
        "rejected_rows": 1,
        "unanswered": 4,
        "found": 15,
        "differences": [],
    }


def test_no_request_has_no_books():
    assert keep_books([]) is None


def test_counters_that_a_server_leaves_out_are_not_compared():
    books = keep_books([RequestBooks(5, 4, 4)])

    assert (books["supplied"], books["accepted"], books["inserted"]) == (None, None, None)
    assert books["differences"] == []


def test_an_older_deployment_that_names_no_rejected_row_balances_by_its_counters():
    assert differences(request(10, accepted=8, inserted=8)) == {}


def test_do_not_call_leads_that_are_counted_but_kept_are_no_difference():
    assert differences(request(10, do_not_call=3)) == {}


@pytest.mark.parametrize(
    ("books", "what", "size"),
    [
        (request(10, supplied=9, accepted=9, inserted=9), "leads that RingCX says it was supplied", (10, 9, 1, False)),
        (request(10, accepted=8, inserted=8, rejected_rows=1), "leads that RingCX says it accepted", (9, 8, 1, False)),
        (request(10, inserted=7, duplicates=1), "leads not inserted that RingCX counted as rejected or removed",
         (3, 1, 2, False)),
        (request(10, seen=8), "inserted leads that searches show", (10, 8, 2, True)),
        (request(10, found=12), "leads that searches show", (10, 12, 2, False)),
        (RequestBooks(4, 3, 3, answered=False), "inserted leads that searches show", (4, 3, 1, True)),
        (RequestBooks(4, 2, 2, accepted=False), "leads that searches show", (0, 2, 2, False)),
    ],
)  # fmt: skip
def test_each_difference_is_told_with_its_size(books, what, size):
    assert differences(books) == {what: size}


def test_a_lead_too_many_in_one_request_does_not_hide_one_too_few_in_another():
    told = differences(request(10, seen=9), request(10, seen=10, found=11))

    assert told == {
        "inserted leads that searches show": (20, 19, 1, True),
        "leads that searches show": (20, 21, 1, False),
    }


def test_a_lead_that_is_there_twice_does_not_hide_one_that_is_not_there():
    told = differences(request(10, seen=9, found=10))

    assert {what: size for what, (_, _, size, _) in told.items()} == {
        "inserted leads that searches show": 1,
        "leads that searches show": 1,
    }


COUNT = st.none() | st.integers(0, 9)


@given(
    st.lists(
        st.builds(
            RequestBooks,
            st.integers(0, 9),
            st.integers(0, 9),
            st.integers(0, 9),
            answered=st.booleans(),
            accepted=st.booleans(),
            counts=st.dictionaries(st.sampled_from(["supplied", "accepted", "inserted", *REMOVALS]), COUNT),
            rejected_rows=st.integers(0, 3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_counters_a_difference_is_at_least_that_of_the_sums(requests):
    for each in keep_books(requests)["differences"]:
        assert each["size"] >= abs(each["expected"] - each["found"])
        assert each["size"] > 0

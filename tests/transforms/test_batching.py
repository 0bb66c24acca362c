"""Batches: every lead once, in order, under an id that stands for its leads."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.batching import cut_batches

COLUMNS = ["externId", "leadPhone", "leadPhoneE164"]
NUMBERS = st.none() | st.sampled_from(["2125550123", "3125550188", "2125550123|3125550188"])
E164 = st.none() | st.sampled_from(["+442079460000", "+12125550123"])
IDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
LEADS = st.lists(st.tuples(IDS, NUMBERS, E164), max_size=20)


def cut(leads, size):
    return list(cut_batches(pl.DataFrame(leads, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), size))


@settings(max_examples=40, deadline=None)
@given(LEADS, st.integers(1, 12))
def test_batches_hold_every_lead_once_in_order_and_all_but_the_last_are_full(leads, size):
    batches = cut(leads, size)
    assert [place for batch in batches for place in range(batch.first, batch.first + batch.size)] == list(
        range(len(leads))
    )
    assert all(batch.size == size for batch in batches[:-1])
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    assert len({batch.batch_id for batch in batches}) == len(batches)


@settings(max_examples=40, deadline=None)
@given(LEADS, st.integers(1, 12))
def test_the_same_leads_give_the_same_ids(leads, size):
    assert cut(leads, size) == cut(leads, size)


@settings(max_examples=40, deadline=None)
@given(LEADS, LEADS)
def test_other_leads_give_another_id(some, others):
    ids = [[batch.batch_id for batch in cut(leads, 100)] for leads in (some, others)]
    assert (ids[0] == ids[1]) == (some == others)


def test_an_id_is_the_one_that_earlier_versions_gave():
    """Ids lie in ledgers: a run begun before an update must find its batches after it."""
    assert [batch.batch_id for batch in cut([("a", "2125550123", None), ("b", None, "+442079460000")], 1)] == [
        "000001-9643b351487a",
        "000002-e3de766c1903",
    ]


def test_a_lead_added_at_the_end_leaves_earlier_full_batches_alone():
    leads = [(f"id{place}", None, None) for place in range(5)]
    assert cut(leads, 2)[:2] == cut([*leads, ("late", None, None)], 2)[:2]


def test_changing_one_number_changes_its_own_batch_only():
    leads = [(f"id{place}", "2125550123", None) for place in range(4)]
    changed = [*leads[:3], ("id3", "2125550124", None)]
    before, after = cut(leads, 2), cut(changed, 2)
    assert before[0] == after[0]
    assert before[1].batch_id != after[1].batch_id


def test_no_leads_make_no_batches():
    assert cut([], 10) == []


def test_a_batch_of_no_leads_is_no_size():
    with pytest.raises(ValueError, match="at least one lead"):
        cut([("a", None, None)], 0)

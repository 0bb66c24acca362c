"""Each lead of a batch gets one outcome, from evidence and never from a guess."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.lead_rules import REASONS
from transforms.reconciling import OUTCOME_SCHEMA, AnsweredPiece, BatchEvidence, SeenLead, fit_rejected, reconcile_batch
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason


def batch(size, **columns):
    frame = {
        "source_row": [10 + 2 * place for place in range(size)],
        "externId": [f"id{place}" for place in range(size)],
        "leadPhone": [f"21255501{place:02d}" for place in range(size)],
        "state": ["NY"] * size,
        "batch_id": ["000001-abc"] * size,
    }
    return pl.DataFrame(frame | columns, schema_overrides={"source_row": pl.UInt64})


def evidence(*answered, seen=(), unknown=(), unsent=()):
    found = {f"id{place}": [SeenLead(900 + place, 7, "READY")] for place in seen}
    return BatchEvidence("000001-abc", found, tuple(answered), frozenset(unknown), frozenset(unsent))


def accepted(places, rejected=(), message=None, **counts):
    return AnsweredPiece(tuple(places), True, message, counts, tuple(rejected))  # noqa: FBT003 - the field is named so


def refused(places, message):
    return AnsweredPiece(tuple(places), False, message)  # noqa: FBT003 - the field is named so


def settle(leads, found):
    """Reconcile after finding, as delivery does when the answer comes, which leads the rejected rows fit."""
    pieces = (replace(piece, rejected=fitted(leads, piece)) for piece in found.answered)
    return reconcile_batch(leads, replace(found, answered=tuple(pieces)))


def fitted(leads, piece):
    return tuple((message, tuple(fits)) for message, fits in fit_rejected(leads, piece.places, piece.rejected))


def judge(leads, found):
    return settle(leads, found).select("outcome", "reason", "detail").rows()


def reasons(leads, found):
    return settle(leads, found).get_column("reason").to_list()


# --- what always holds ------------------------------------------------------------------------------------------

VALUES = st.lists(st.sampled_from(["id0", "id1", "2125550100", "2125550101", "NY", "twin", "", "else"]), max_size=5)
COUNTS = st.dictionaries(
    st.sampled_from(["supplied", "accepted", "inserted", "duplicates", "do_not_call", "quota", "whitelist"]),
    st.none() | st.integers(-1, 12),
)


@st.composite
def any_evidence(draw):
    size = draw(st.integers(0, 8))
    places = draw(st.permutations(range(size)))
    cuts = sorted(draw(st.lists(st.integers(0, size), min_size=3, max_size=3)))
    parts = [places[start:end] for start, end in zip([0, *cuts], [*cuts, size], strict=True)]
    pieces = [
        AnsweredPiece(
            tuple(part),
            draw(st.booleans()),
            draw(st.none() | st.text(max_size=5)),
            draw(COUNTS),
            tuple(draw(st.lists(st.tuples(st.sampled_from(["", "bad"]), VALUES.map(tuple)), max_size=4))),
        )
        for part in parts[:2]
    ]
    seen = draw(st.dictionaries(st.sampled_from([*(f"id{place}" for place in range(size)), "stranger"]), SEEN))
    names = draw(st.lists(st.sampled_from(["twin", None, "else"]), min_size=size, max_size=size))
    leads = batch(size, lastName=pl.Series(names, dtype=pl.String))
    return leads, BatchEvidence("000001-abc", seen, tuple(pieces), frozenset(parts[2]), frozenset(parts[3]))


SEEN = st.lists(
    st.builds(SeenLead, st.integers(1, 99), st.none() | st.integers(1, 9), st.none() | st.just("READY")), max_size=3
)


@settings(deadline=None)
@given(any_evidence())
def test_each_lead_has_one_outcome_whatever_the_evidence_and_loaded_means_seen(case):
    leads, found = case
    outcomes = settle(leads, found)
    assert outcomes.schema == OUTCOME_SCHEMA
    assert outcomes.get_column("source_row").equals(leads.get_column("source_row"))
    for extern_id, row in zip(leads.get_column("externId"), outcomes.iter_rows(named=True), strict=True):
        is_seen = bool(found.seen.get(extern_id))
        assert (row["outcome"] == Outcome.LOADED) == is_seen
        assert (row["leadId"] is not None) == is_seen
        assert (row["reason"] is None) == is_seen
        assert is_seen or REASONS[row["reason"]].outcome == row["outcome"]
        assert row["batch_id"] == "000001-abc"


@settings(deadline=None)
@given(any_evidence())
def test_a_place_without_an_answer_is_not_said_to_be_refused(case):
    leads, found = case
    judged = reasons(leads, found)
    for place in found.unsent | found.unknown:
        expected = Reason.RUN_STOPPED if place in found.unsent else Reason.ANSWER_UNKNOWN
        assert judged[place] in {None, expected}


# --- seen -------------------------------------------------------------------------------------------------------


def test_a_seen_lead_is_loaded_even_where_the_answer_is_a_refusal_unknown_or_none():
    found = evidence(refused([0], "no"), seen=[0, 1, 2], unknown=[1], unsent=[2])
    outcomes = reconcile_batch(batch(3), found)
    assert outcomes.get_column("outcome").to_list() == ["LOADED"] * 3
    assert outcomes.select("leadId", "listId", "leadState").row(1) == (901, 7, "READY")


def test_of_several_leads_under_one_id_the_oldest_is_named_and_the_rest_are_counted():
    leads = [SeenLead(30, 3, "READY"), SeenLead(10, 1, None), SeenLead(20, 2, "READY")]
    found = BatchEvidence("b", {"id0": leads}, (), frozenset(), frozenset())
    row = reconcile_batch(batch(1), found).row(0, named=True)
    assert (row["leadId"], row["listId"], row["leadState"]) == (10, 1, None)
    assert row["detail"] == "3 leads in RingCX carry this externId"


# --- not seen ---------------------------------------------------------------------------------------------------


def test_a_refused_request_refuses_its_unseen_leads_with_the_servers_words():
    assert judge(batch(2), evidence(refused([0, 1], "Bad campaign"), seen=[1])) == [
        ("REJECTED_BY_API", "API_REFUSED_REQUEST", "Bad campaign"),
        ("LOADED", None, None),
    ]


def test_pieces_of_a_split_batch_are_judged_each_by_its_own_answer():
    found = evidence(refused([0], "no"), accepted([1], supplied=1, inserted=0, quota=1), unknown=[2], unsent=[3])
    assert reasons(batch(4), found) == ["API_REFUSED_REQUEST", "API_QUOTA", "ANSWER_UNKNOWN", "RUN_STOPPED"]


@pytest.mark.parametrize(
    ("counter", "reason"),
    [
        ("duplicates", "API_DUPLICATE"),
        ("do_not_call", "API_DO_NOT_CALL"),
        ("quota", "API_QUOTA"),
        ("whitelist", "API_WHITELIST"),
    ],
)
def test_one_counter_that_covers_all_missing_leads_explains_them(counter, reason):
    found = evidence(accepted([0, 1, 2], supplied=3, inserted=1, **{counter: 2}), seen=[0])
    assert [row[:2] for row in judge(batch(3), found)] == [("LOADED", None)] + [("REMOVED_BY_API", reason)] * 2


def test_two_counters_leave_it_open_which_of_them_removed_a_lead():
    found = evidence(accepted([0, 1], supplied=2, inserted=0, duplicates=1, do_not_call=1))
    assert (
        judge(batch(2), found) == [("REMOVED_BY_API", "API_REMOVED", "RingCX counted: duplicates 1, do not call 1")] * 2
    )


def test_counters_that_cover_only_some_of_the_missing_claim_none_of_them():
    short = accepted([0, 1], supplied=2, inserted=0, duplicates=1)
    assert reasons(batch(2), evidence(short)) == ["API_REMOVED"] * 2


def test_an_inserted_lead_that_no_search_shows_is_unresolved():
    assert judge(batch(2), evidence(accepted([0, 1], supplied=2, inserted=2), seen=[0])) == [
        ("LOADED", None, None),
        ("UNRESOLVED", "NOT_SEEN", None),
    ]


def test_more_missing_than_not_inserted_leaves_all_of_them_unresolved():
    found = evidence(accepted([0, 1, 2], supplied=3, inserted=1, duplicates=2))
    assert reasons(batch(3), found) == ["NOT_SEEN"] * 3


@pytest.mark.parametrize("counts", [{}, {"supplied": 1}, {"inserted": 0}, {"supplied": None, "inserted": None}])
def test_an_answer_without_counters_settles_nothing(counts):
    assert reasons(batch(1), evidence(accepted([0], **counts))) == ["NOT_SEEN"]


def test_a_lead_that_was_not_inserted_and_not_counted_was_rejected_without_a_word():
    row = judge(batch(1), evidence(accepted([0], supplied=1, inserted=0)))[0]
    assert row[:2] == ("REJECTED_BY_API", "API_REJECTED_ROW")
    assert "gave no reason" in row[2]


# --- rejected rows ----------------------------------------------------------------------------------------------


def test_a_rejected_row_is_matched_by_its_values_and_keeps_the_servers_words():
    answer = accepted([0, 1], [("Bad phone", ("2125550101", "NY"))], supplied=2, inserted=0, quota=1)
    assert judge(batch(2), evidence(answer)) == [
        ("REMOVED_BY_API", "API_QUOTA", "RingCX counted: quota 1"),
        ("REJECTED_BY_API", "API_REJECTED_ROW", "Bad phone"),
    ]


def test_between_two_leads_of_the_same_values_none_is_named():
    twins = batch(2, leadPhone=["2125550100"] * 2)
    one = accepted([0, 1], [("Bad phone", ("2125550100", "NY"))], supplied=2, inserted=1)
    assert reasons(twins, evidence(one)) == ["NOT_SEEN"] * 2
    both = accepted([0, 1], [("Bad phone", ("2125550100", "NY"))] * 2, supplied=2, inserted=0)
    assert [row[2] for row in judge(twins, evidence(both))] == ["Bad phone"] * 2


def test_of_two_leads_of_the_same_values_the_seen_one_was_not_rejected():
    twins = batch(2, leadPhone=["2125550100"] * 2)
    answer = accepted([0, 1], [("Bad phone", ("2125550100", "NY"))], supplied=2, inserted=1)
    assert judge(twins, evidence(answer, seen=[0]))[1] == ("REJECTED_BY_API", "API_REJECTED_ROW", "Bad phone")


def test_the_rejection_of_a_seen_lead_is_not_put_on_a_missing_one():
    """Lead 0 lies in RingCX since an earlier load; lead 1 shares no more with the rejected row than its state."""
    answer = accepted([0, 1], [("Bad phone", ("2125550100", "NY"))])
    assert judge(batch(2), evidence(answer, seen=[0])) == [("LOADED", None, None), ("UNRESOLVED", "NOT_SEEN", None)]


@pytest.mark.parametrize("values", [(), ("",), ("somebody", "else")])
def test_a_rejected_row_that_fits_no_lead_names_none(values):
    answer = accepted([0], [("Bad", values)], supplied=1, inserted=1)
    assert reasons(batch(1), evidence(answer)) == ["NOT_SEEN"]


def test_a_value_that_a_lead_has_twice_counts_once_for_a_rejected_row_that_has_it_once():
    leads = batch(2, leadPhone=["2125550100"] * 2, auxPhone=["2125550100", "3125550188"])
    answer = accepted([0, 1], [("Bad", ("2125550100", "3125550188"))])
    assert [row[2] for row in judge(leads, evidence(answer))] == [None, "Bad"]


def test_a_value_that_a_rejected_row_has_twice_is_looked_for_twice():
    leads = batch(2, leadPhone=["2125550100"] * 2, auxPhone=["2125550100", "3125550188"])
    answer = accepted([0, 1], [("Bad", ("2125550100", "2125550100", "NY"))])
    assert [row[2] for row in judge(leads, evidence(answer))] == ["Bad", None]


def test_a_rejected_row_that_fits_too_many_leads_names_none_of_them():
    assert fit_rejected(batch(101), range(101), [("Bad", ["NY"])]) == [("Bad", [])]
    assert fit_rejected(batch(100), range(100), [("Bad", ["NY"])]) == [("Bad", list(range(100)))]


def test_an_empty_batch_has_no_outcomes():
    assert reconcile_batch(batch(0), evidence()).height == 0

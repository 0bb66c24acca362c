"""Each lead of a batch gets one outcome, from evidence and never from a guess."""

from dataclasses import dataclass, replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.lead_rules import REASONS
from transforms.reconciling import (
    OUTCOME_SCHEMA,
    AnsweredPiece,
    BatchEvidence,
    first_seen,
    fit_rejected,
    reconcile_leads,
    remember_seen,
)
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
    return pl.DataFrame(
        frame | columns, schema_overrides={"source_row": pl.UInt64, "externId": pl.String, "batch_id": pl.String}
    )


SEEN_SCHEMA = {
    "leadId": pl.Int64,
    "externId": pl.String,
    "listId": pl.Int64,
    "leadState": pl.String,
    "leadTimezone": pl.String,
}


@dataclass(frozen=True)
class Case:
    """One batch: what was answered, and what searches show."""

    batch: BatchEvidence
    seen: tuple[tuple[int, str, int | None, str | None, str | None], ...]

    @property
    def seen_ids(self):
        return {row[1] for row in self.seen}


def evidence(*answered, seen=(), unknown=(), unsent=(), known=None):
    found = tuple((900 + place, f"id{place}", 7, "READY", "EST") for place in seen)
    return Case(
        BatchEvidence("000001-abc", 0, tuple(answered), frozenset(unknown), frozenset(unsent), known or {}), found
    )


def shown(leads, case):
    seen = pl.DataFrame(case.seen, schema=SEEN_SCHEMA, orient="row")
    return first_seen(leads, seen).with_columns(pl.lit(None, pl.String).alias("arrived_differently"))


def reconcile(leads, case):
    """Reconcile one batch."""
    return reconcile_leads(leads, shown(leads, case), [replace(case.batch, size=leads.height)])


def accepted(places, rejected=(), message=None, **counts):
    return AnsweredPiece(tuple(places), True, message, counts, tuple(rejected))  # noqa: FBT003 - the field is named so


def refused(places, message):
    return AnsweredPiece(tuple(places), False, message)  # noqa: FBT003 - the field is named so


def settle(leads, found):
    """Reconcile after finding, as delivery does when the answer comes, which leads the rejected rows fit."""
    pieces = (replace(piece, rejected=fitted(leads, piece)) for piece in found.batch.answered)
    return reconcile(leads, replace(found, batch=replace(found.batch, answered=tuple(pieces))))


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
    names = st.sampled_from([*(f"id{place}" for place in range(size)), "stranger"])
    seen = draw(st.lists(st.tuples(st.integers(1, 99), names, *SEEN), max_size=12, unique_by=lambda lead: lead[0]))
    names = draw(st.lists(st.sampled_from(["twin", None, "else"]), min_size=size, max_size=size))
    leads = batch(size, lastName=pl.Series(names, dtype=pl.String))
    known = draw(st.dictionaries(st.integers(0, 7), st.just("its number is on list 3")))
    batch_evidence = BatchEvidence("000001-abc", size, tuple(pieces), frozenset(parts[2]), frozenset(parts[3]), known)
    return leads, Case(batch_evidence, tuple(seen))


SEEN = (st.none() | st.integers(1, 9), st.none() | st.just("READY"), st.none() | st.just("EDT"))


@settings(deadline=None)
@given(any_evidence())
def test_each_lead_has_one_outcome_whatever_the_evidence_and_loaded_means_seen(case):
    leads, found = case
    outcomes = settle(leads, found)
    assert outcomes.schema == OUTCOME_SCHEMA
    assert outcomes.get_column("source_row").equals(leads.get_column("source_row"))
    for extern_id, row in zip(leads.get_column("externId"), outcomes.iter_rows(named=True), strict=True):
        is_seen = extern_id in found.seen_ids
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
    for place in found.batch.unsent | found.batch.unknown:
        expected = Reason.RUN_STOPPED if place in found.batch.unsent else Reason.ANSWER_UNKNOWN
        assert judged[place] in {None, expected}


# --- seen -------------------------------------------------------------------------------------------------------


def test_a_seen_lead_is_loaded_even_where_the_answer_is_a_refusal_unknown_or_none():
    found = evidence(refused([0], "no"), seen=[0, 1, 2], unknown=[1], unsent=[2])
    outcomes = reconcile(batch(3), found)
    assert outcomes.get_column("outcome").to_list() == ["LOADED"] * 3
    assert outcomes.select("leadId", "listId", "leadState", "lead_time_zone").row(1) == (901, 7, "READY", "EST")


def test_of_several_leads_under_one_id_the_oldest_is_named_and_the_rest_are_counted():
    leads = ((30, "id0", 3, "READY", "EST"), (10, "id0", 1, None, None), (20, "id0", 2, "READY", "EST"))
    row = reconcile(batch(1), Case(evidence().batch, leads)).row(0, named=True)
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


def test_a_rejected_row_that_fits_two_missing_leads_is_told_with_both_and_put_on_neither():
    twins = batch(2, leadPhone=["2125550100"] * 2)
    answer = accepted([0, 1], [("Bad phone", ("2125550100", "NY"))], supplied=2, inserted=0, duplicates=1)

    told = judge(twins, evidence(answer))

    assert [row[:2] for row in told] == [("REMOVED_BY_API", "API_REMOVED")] * 2
    assert all(row[2].endswith("it rejected a row that fits this lead and 1 more: Bad phone") for row in told)


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
    assert reconcile(batch(0), evidence()).height == 0


# --- removals, told apart by where numbers were -----------------------------------------------------------------

KNOWN = "its number is on list 3"


@pytest.mark.parametrize(
    ("counts", "known", "expected"),
    [
        ({"duplicates": 1, "do_not_call": 1}, {0}, ["API_DUPLICATE", "API_DO_NOT_CALL"]),
        ({"duplicates": 1, "do_not_call": 1}, {1}, ["API_DO_NOT_CALL", "API_DUPLICATE"]),
        ({"duplicates": 1, "do_not_call": 1}, {0, 1}, ["API_REMOVED", "API_REMOVED"]),
        ({"duplicates": 1, "do_not_call": 1}, set(), ["API_REMOVED", "API_REMOVED"]),
        ({"duplicates": 2, "do_not_call": 1}, {0}, ["API_DUPLICATE", "API_REMOVED", "API_REMOVED"]),
        ({"duplicates": 1, "do_not_call": 2}, {0, 1}, ["API_REMOVED", "API_REMOVED", "API_DO_NOT_CALL"]),
        ({"duplicates": 1, "do_not_call": 1, "quota": 1}, {2}, ["API_REMOVED", "API_REMOVED", "API_DUPLICATE"]),
        ({"duplicates": 2}, {1}, ["API_DUPLICATE", "API_DUPLICATE"]),
    ],
    ids=str,
)
def test_removed_leads_are_told_apart_only_where_numbers_and_counters_leave_one_reading(counts, known, expected):
    size = len(expected)
    answer = accepted(range(size), supplied=size, inserted=0, **counts)
    judged = judge(batch(size), evidence(answer, known=dict.fromkeys(known, KNOWN)))

    assert [row[1] for row in judged] == expected
    assert [place for place, row in enumerate(judged) if KNOWN in (row[2] or "")] == sorted(known)


def test_a_counter_explains_nothing_where_ringcx_says_it_inserted_the_missing_lead():
    """A deployment that keeps do-not-call leads counts them all the same."""
    found = evidence(accepted([0, 1], supplied=2, inserted=2, do_not_call=1), seen=[0])
    assert reasons(batch(2), found) == [None, "NOT_SEEN"]


def test_what_came_back_from_scrubbing_is_called_so():
    found = evidence(accepted([0], supplied=1, inserted=0, do_not_call=1))
    assert judge(batch(1), found)[0][1:] == (
        "API_DO_NOT_CALL",
        "it came back from do-not-call scrubbing (RingCX counted: do not call 1)",
    )


# --- looking again ----------------------------------------------------------------------------------------------


def test_a_lead_that_was_seen_once_stays_loaded_when_it_is_gone():
    leads = batch(2)
    answer = accepted([0, 1], supplied=2, inserted=2)
    before = reconcile(leads, evidence(answer, seen=[0, 1]))
    now = evidence(answer, seen=[1])

    remembered = remember_seen(shown(leads, now), before)
    outcomes = reconcile_leads(leads, remembered, [replace(now.batch, size=2)])

    assert outcomes["outcome"].to_list() == ["LOADED", "LOADED"]
    assert outcomes.select("leadId", "listId", "leadState", "lead_time_zone").row(0) == (900, 7, None, "EST")
    assert outcomes["detail"].to_list() == ["an earlier look saw this lead; searches do not show it any more", None]


def test_what_was_not_seen_before_and_is_not_now_stays_open():
    leads = batch(1)
    case = evidence(accepted([0], supplied=1, inserted=1))

    remembered = remember_seen(shown(leads, case), reconcile(leads, case))

    assert reconcile_leads(leads, remembered, [replace(case.batch, size=1)])["outcome"].to_list() == ["UNRESOLVED"]


def test_several_batches_are_judged_each_by_its_own_evidence():
    leads = pl.concat([batch(2), batch(2, externId=["b0", "b1"], batch_id=["000002-def"] * 2)])
    first = BatchEvidence("000001-abc", 2, (accepted([0, 1], supplied=2, inserted=1, quota=1),))
    second = BatchEvidence("000002-def", 2, (refused([1], "no"),), unsent=frozenset([0]))
    seen = Case(first, ((901, "id1", 7, "READY", "EST"),))

    outcomes = reconcile_leads(leads, shown(leads, seen), [first, second])

    assert outcomes["reason"].to_list() == ["API_QUOTA", None, "RUN_STOPPED", "API_REFUSED_REQUEST"]
    assert outcomes["batch_id"].to_list() == ["000001-abc"] * 2 + ["000002-def"] * 2

"""The books: one outcome for each source row, or they do not balance."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.accounting import (
    NOT_LOADED,
    OUTCOME_COLUMNS,
    count_conflicts,
    count_notes,
    count_outcomes,
    count_values,
    give_outcomes,
    give_verdicts,
    is_balanced,
    pick_leads,
    reasons_with_examples,
)
from transforms.duplicates import DUPLICATE_SCHEMA
from transforms.lead_rules import REASONS
from transforms.reconciling import OUTCOME_SCHEMA
from transforms.vocabulary.outcomes import Outcome

PREPARED = {
    "source_row": pl.UInt64,
    "externId": pl.String,
    "leadPhone": pl.String,
    "leadTimezone": pl.String,
    "reason": pl.String,
    "note": pl.String,
    "time_zone": pl.String,
    "time_zone_source": pl.String,
    "time_zone_conflict": pl.Boolean,
    "zip_zone": pl.String,
    "number_zone": pl.String,
    "state_zone": pl.String,
}


def prepared(*reasons, **columns):
    rows = range(len(reasons))
    frame = {"source_row": rows, "externId": [f"id{row}" for row in rows], "reason": reasons} | columns
    return pl.DataFrame({name: frame.get(name, [None] * len(rows)) for name in PREPARED}, schema=PREPARED)


def duplicates(*rows):
    return pl.DataFrame(list(rows), schema=DUPLICATE_SCHEMA, orient="row")


def sent(**outcomes):
    """Outcomes by row, written `row3=("LOADED", None)`."""
    rows = [{"source_row": int(row[3:]), "outcome": outcome, "reason": why} for row, (outcome, why) in outcomes.items()]
    return pl.LazyFrame(rows, schema=OUTCOME_SCHEMA)


def give(rows, aside, answers=None):
    """The outcomes of a load of one chunk."""
    return give_outcomes(give_verdicts(rows, aside).lazy(), sent() if answers is None else answers)


def books(*outcomes, rows=None, **columns):
    rows = list(range(len(outcomes))) if rows is None else rows
    frame = {"source_row": rows, "outcome": list(outcomes)} | columns
    return pl.LazyFrame(frame, schema_overrides={"source_row": pl.UInt64, "outcome": pl.String})


# --- giving outcomes --------------------------------------------------------------------------------------------


def test_each_row_has_the_outcome_of_what_speaks_for_it_first():
    rows = prepared("PHONE_MISSING", None, None, None, None)
    aside = duplicates((1, "PHONE_REPEATED", 2))
    answers = sent(row2=("LOADED", None), row3=("REMOVED_BY_API", "API_QUOTA"))
    given_outcomes = give(rows, aside, answers).collect()
    assert given_outcomes.columns == list(OUTCOME_COLUMNS)
    assert given_outcomes.select("outcome", "reason").rows() == [
        ("REJECTED", "PHONE_MISSING"),
        ("DUPLICATE", "PHONE_REPEATED"),
        ("LOADED", None),
        ("REMOVED_BY_API", "API_QUOTA"),
        ("NOT_SENT", None),
    ]
    assert given_outcomes.get_column("detail").to_list() == [None, "source_row 2 is kept", None, None, None]


def test_without_answers_what_is_right_was_not_sent():
    outcomes = give(prepared("PHONE_MISSING", None), duplicates())
    assert count_outcomes(outcomes) == dict.fromkeys((each.value for each in Outcome), 0) | {
        "REJECTED": 1,
        "NOT_SENT": 1,
    }


def test_a_note_stands_as_detail_where_nothing_else_does():
    rows = prepared(None, None, note=["repaired", "repaired"])
    answers = sent(row0=("LOADED", None), row1=("LOADED", None)).with_columns(
        pl.when(pl.col("source_row") == 1).then(pl.lit("2 leads")).alias("detail")
    )
    outcomes = give(rows, duplicates(), answers).collect()
    assert outcomes.get_column("detail").to_list() == ["repaired", "2 leads"]
    assert outcomes.get_column("note").to_list() == ["repaired"] * 2


@st.composite
def runs(draw):
    """Rows that are each refused, set aside, answered or nothing of these."""
    fates = draw(st.lists(st.sampled_from(["refused", "aside", "answered", "nothing"]), max_size=12))
    rows = prepared(*("PHONE_MISSING" if fate == "refused" else None for fate in fates))
    aside = duplicates(*((row, "PHONE_REPEATED", 0) for row, fate in enumerate(fates) if fate == "aside"))
    answered = draw(st.permutations([row for row, fate in enumerate(fates) if fate == "answered"]))
    return fates, rows, aside, sent(**{f"row{row}": ("LOADED", None) for row in answered})


@settings(deadline=None, max_examples=40)
@given(runs())
def test_the_books_of_every_run_balance(run):
    fates, rows, aside, answers = run
    outcomes = give(rows, aside, answers)
    names = {"refused": "REJECTED", "aside": "DUPLICATE", "answered": "LOADED", "nothing": "NOT_SENT"}
    assert outcomes.collect().get_column("outcome").to_list() == [names[fate] for fate in fates]
    assert is_balanced(outcomes, len(fates))
    assert not is_balanced(outcomes, len(fates) + 1)
    assert sum(count_outcomes(outcomes).values()) == len(fates)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.data())
def test_a_missing_repeated_or_displaced_row_of_the_verdicts_unbalances_the_books(size, data):
    verdicts = give_verdicts(prepared(*[None] * size), duplicates()).lazy()
    assert is_balanced(give_outcomes(verdicts, sent()), size)
    row = data.draw(st.integers(0, size - 1))
    one = pl.col("source_row") == row
    other = pl.when(one).then(size).otherwise("source_row").cast(pl.UInt64).alias("source_row")
    wrong = {
        "missing": verdicts.filter(~one),
        "repeated": pl.concat([verdicts, verdicts.filter(one)]),
        "repeated in place": pl.concat([verdicts, verdicts.filter(one)]).sort("source_row"),
        "instead of another": verdicts.with_columns(other),
    }
    if row:
        wrong["displaced"] = pl.concat([verdicts.filter(one), verdicts.filter(~one)])
    for frame in wrong.values():
        assert not is_balanced(give_outcomes(frame, sent()), size)


def test_a_row_answered_twice_unbalances_the_books():
    twice = pl.concat([sent(row0=("LOADED", None)), sent(row0=("UNRESOLVED", "NOT_SEEN"))])
    assert not is_balanced(give(prepared(None, None), duplicates(), twice), 2)


# --- chunks -----------------------------------------------------------------------------------------------------

FATES = st.lists(st.sampled_from(["refused", "aside", "sound"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(FATES, st.lists(st.integers(0, 12), max_size=3))
def test_chunks_give_the_same_verdicts_and_leads_as_the_whole(fates, cuts):
    """Duplicates are named over the whole load; each chunk takes its own of them, wherever it begins."""
    rows = prepared(*("PHONE_MISSING" if fate == "refused" else None for fate in fates))
    aside = duplicates(*((row, "PHONE_REPEATED", 0) for row, fate in enumerate(fates) if fate == "aside"))
    edges = [0, *sorted(min(cut, len(fates)) for cut in cuts), len(fates)]
    chunks = [rows.slice(start, end - start) for start, end in pairwise(edges)]
    before = rows.clone()
    verdicts = pl.concat([give_verdicts(chunk, aside) for chunk in chunks])
    assert verdicts.equals(give_verdicts(rows, aside))
    names = {"refused": "REJECTED", "aside": "DUPLICATE", "sound": "NOT_SENT"}
    assert verdicts["outcome"].to_list() == [names[fate] for fate in fates]
    picked = pl.concat([pick_leads(chunk, aside, ["source_row", "externId"]) for chunk in chunks])
    assert picked["source_row"].to_list() == [row for row, fate in enumerate(fates) if fate == "sound"]
    assert rows.equals(before), "what is asked about stays as it is"


def test_verdicts_have_the_evidence_and_every_column_of_outcomes():
    rows = prepared(
        None,
        time_zone=["America/New_York"],
        time_zone_source=["zip"],
        time_zone_conflict=[True],
        zip_zone=["America/New_York"],
        number_zone=["America/Los_Angeles"],
        state_zone=["America/Chicago"],
        note=["noted"],
    )
    verdict = give_verdicts(rows, duplicates())
    assert verdict.columns == list(OUTCOME_COLUMNS)
    told = verdict.row(0, named=True)
    evidence = ("time_zone", "time_zone_source", "time_zone_conflict", "zip_zone", "number_zone", "state_zone")
    assert {name: told[name] for name in evidence} == {name: rows.item(0, name) for name in evidence}
    assert (told["outcome"], told["detail"], told["leadPhoneE164"], told["state"]) == ("NOT_SENT", "noted", None, None)


def test_an_answer_without_a_reason_takes_away_none_of_a_duplicates_words():
    """An answer speaks for the lead it is about, and for no other."""
    rows = prepared(None, None)
    outcomes = give(rows, duplicates((1, "PHONE_REPEATED", 0)), sent(row0=("LOADED", None))).collect()
    assert outcomes.select("outcome", "reason", "detail").rows() == [
        ("LOADED", None, None),
        ("DUPLICATE", "PHONE_REPEATED", "source_row 0 is kept"),
    ]


# --- balance ----------------------------------------------------------------------------------------------------


def test_books_with_each_row_once_in_order_balance():
    assert is_balanced(books(), 0)
    assert is_balanced(books("LOADED"), 1)
    assert is_balanced(books(*(outcome.value for outcome in Outcome)), len(Outcome))


@pytest.mark.parametrize(
    ("rows", "rows_read"),
    [
        ([0, 1], 3),
        ([0, 1, 2], 2),
        ([0, 2], 2),
        ([1, 2], 2),
        ([0, 0], 2),
        ([0, 1, 1], 3),
        ([1, 0], 2),
        ([0, 2, 1], 3),
        ([0, None], 2),
        ([0, None, 2], 3),
        ([None], 1),
        ([5], 0),
    ],
)
def test_books_with_a_missing_repeated_or_out_of_order_row_do_not_balance(rows, rows_read):
    assert not is_balanced(books(*["LOADED"] * len(rows), rows=rows), rows_read)


@pytest.mark.parametrize("outcome", [None, "", "loaded", "LOST"])
def test_books_with_an_unknown_outcome_do_not_balance(outcome):
    assert not is_balanced(books("LOADED", outcome), 2)


# --- numbers for people -----------------------------------------------------------------------------------------


def test_counts_name_every_outcome():
    counts = count_outcomes(books("LOADED", "LOADED", "REJECTED"))
    assert list(counts) == [outcome.value for outcome in Outcome]
    assert (counts["LOADED"], counts["REJECTED"], counts["UNRESOLVED"]) == (2, 1, 0)


def test_what_is_not_loaded_is_every_outcome_but_the_two_good_ones():
    assert set(NOT_LOADED) == {outcome.value for outcome in Outcome} - {"LOADED", "UNCHANGED"}


def test_reasons_come_most_rows_first_with_two_masked_examples():
    codes = ["PHONE_MISSING", "PHONE_TOO_LONG", None, "PHONE_TOO_LONG", "PHONE_TOO_LONG", "API_QUOTA"]
    outcomes = give(prepared(*codes), duplicates())
    phones = pl.LazyFrame(
        {"source_row": range(6), "phone": [None, "(212) 555-01234", "x", "21255501239", "1", "2125550199"]},
        schema={"source_row": pl.UInt64, "phone": pl.String},
    )
    found = reasons_with_examples(outcomes, phones)
    assert [(each["code"], each["rows"]) for each in found] == [
        ("PHONE_TOO_LONG", 3),
        ("API_QUOTA", 1),
        ("PHONE_MISSING", 1),
    ]
    assert found[0] == {
        "code": "PHONE_TOO_LONG",
        "outcome": "REJECTED",
        "rows": 3,
        "advice": REASONS["PHONE_TOO_LONG"].advice,
        "detail": None,
        "examples": [
            {"source_row": 1, "externId": "id1", "phone": "(•••) •••-•••34"},
            {"source_row": 3, "externId": "id3", "phone": "•••••••••39"},
        ],
    }
    assert found[2]["examples"] == [{"source_row": 0, "externId": "id0", "phone": None}]


def test_a_reason_comes_with_the_first_detail_that_its_rows_have():
    answers = sent(row0=("REJECTED_BY_API", "API_REJECTED_ROW"), row1=("REJECTED_BY_API", "API_REJECTED_ROW"))
    spoken = answers.with_columns(pl.when(pl.col("source_row") == 1).then(pl.lit("Bad zip")).alias("detail"))
    phones = pl.LazyFrame(schema={"source_row": pl.UInt64, "phone": pl.String})
    found = reasons_with_examples(give(prepared(None, None), duplicates(), spoken), phones)
    assert [(each["code"], each["detail"]) for each in found] == [("API_REJECTED_ROW", "Bad zip")]


def test_books_without_reasons_have_no_examples():
    outcomes = give(prepared(None), duplicates(), sent(row0=("LOADED", None)))
    assert reasons_with_examples(outcomes, pl.LazyFrame(schema={"source_row": pl.UInt64, "phone": pl.String})) == []


def test_values_are_counted_among_the_leads_that_were_to_be_sent():
    outcomes = books(
        "LOADED", "NOT_SENT", "LOADED", "REJECTED", "DUPLICATE", "UNRESOLVED", time_zone=["b", "b", "a", "b", "b", None]
    )
    assert count_values(outcomes, "time_zone") == [
        {"value": "b", "leads": 2, "loaded": 1},
        {"value": None, "leads": 1, "loaded": 0},
        {"value": "a", "leads": 1, "loaded": 1},
    ]


def test_conflicts_are_counted_among_the_leads_that_were_to_be_sent():
    outcomes = books("LOADED", "NOT_SENT", "REJECTED", "DUPLICATE", "LOADED", time_zone_conflict=[True] * 4 + [False])
    assert count_conflicts(outcomes) == 2
    assert count_conflicts(books(time_zone_conflict=pl.Series([], dtype=pl.Boolean))) == 0
    assert count_conflicts(books("LOADED", "LOADED", time_zone_conflict=[None, True])) == 1


def test_each_note_of_a_row_is_counted():
    outcomes = pl.LazyFrame({"note": ["x; y", None, "y", "z"]})
    assert count_notes(outcomes) == [{"note": "y", "rows": 2}, {"note": "x", "rows": 1}, {"note": "z", "rows": 1}]
    assert count_notes(pl.LazyFrame({"note": [None]}, schema={"note": pl.String})) == []

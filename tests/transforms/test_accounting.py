"""The books: one outcome for each source row, or they do not balance."""

from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.held_frames import HeldFrames
from transforms.accounting import (
    NOT_LOADED,
    OUTCOME_COLUMNS,
    give_outcomes,
    give_verdicts,
    pick_leads,
)
from transforms.duplicates import DUPLICATE_SCHEMA
from transforms.reconciling import OUTCOME_SCHEMA
from transforms.tally import Tally, count_outcomes
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
    "other_zones": pl.String,
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


def tallied(outcomes):
    tally = Tally(HeldFrames())
    tally.add(outcomes.collect())
    return tally


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
    assert count_outcomes(tallied(outcomes).kinds) == dict.fromkeys((each.value for each in Outcome), 0) | {
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
    assert tallied(outcomes).is_balanced(len(fates))
    assert not tallied(outcomes).is_balanced(len(fates) + 1)
    assert sum(count_outcomes(tallied(outcomes).kinds).values()) == len(fates)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.data())
def test_a_missing_repeated_or_displaced_row_of_the_verdicts_unbalances_the_books(size, data):
    verdicts = give_verdicts(prepared(*[None] * size), duplicates()).lazy()
    assert tallied(give_outcomes(verdicts, sent())).is_balanced(size)
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
        assert not tallied(give_outcomes(frame, sent())).is_balanced(size)


def test_a_row_answered_twice_unbalances_the_books():
    twice = pl.concat([sent(row0=("LOADED", None)), sent(row0=("UNRESOLVED", "NOT_SEEN"))])
    assert not tallied(give(prepared(None, None), duplicates(), twice)).is_balanced(2)


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
        other_zones=["America/Los_Angeles|America/Chicago"],
        note=["noted"],
    )
    verdict = give_verdicts(rows, duplicates())
    assert verdict.columns == list(OUTCOME_COLUMNS)
    told = verdict.row(0, named=True)
    evidence = ("time_zone", "time_zone_source", "time_zone_conflict", "zip_zone", "number_zone", "state_zone")
    evidence += ("other_zones",)
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


def test_what_is_not_loaded_is_every_outcome_but_the_two_good_ones():
    assert set(NOT_LOADED) == {outcome.value for outcome in Outcome} - {"LOADED", "UNCHANGED"}

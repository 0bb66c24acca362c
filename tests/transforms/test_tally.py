"""The numbers of a report: counted chunk by chunk, they are those of all rows counted one by one."""

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import transforms
from tests.held_frames import HeldFrames
from transforms import tally as tally_module
from transforms.accounting import OUTCOME_COLUMNS
from transforms.lead_rules import REASONS
from transforms.tally import (
    KIND_COLUMNS,
    MetReason,
    Tally,
    count_conflicts,
    count_lead_states,
    count_notes,
    count_outcomes,
    count_values,
    reasons_with_examples,
)
from transforms.vocabulary.outcomes import Outcome

TYPES = {"source_row": pl.UInt64, "time_zone_conflict": pl.Boolean, "leadId": pl.Int64, "listId": pl.Int64}
SCHEMA = {name: TYPES.get(name, pl.String) for name in OUTCOME_COLUMNS}
NO_PHONES = pl.LazyFrame(schema={"source_row": pl.UInt64, "phone": pl.String})


def books(*outcomes, rows=None, **columns):
    """Outcomes of a run: one for each of `outcomes`, with what `columns` say of them."""
    height = len(outcomes)
    told = {"source_row": list(range(height)) if rows is None else rows, "outcome": list(outcomes)} | columns
    return pl.DataFrame({name: told.get(name, [None] * height) for name in SCHEMA}, schema=SCHEMA)


def tallied(*chunks):
    tally = Tally(HeldFrames())
    for chunk in chunks:
        tally.add(chunk)
    return tally


def with_reason(tally):
    return pl.concat(tally.with_reason())


def kinds(*outcomes, **columns):
    return tallied(books(*outcomes, **columns)).kinds


# --- balance ----------------------------------------------------------------------------------------------------


def test_books_with_each_row_once_in_order_balance():
    assert tallied().is_balanced(0)
    assert tallied(books()).is_balanced(0)
    assert tallied(books("LOADED")).is_balanced(1)
    assert tallied(books(*(outcome.value for outcome in Outcome))).is_balanced(len(Outcome))


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
@pytest.mark.parametrize("cut", range(4))
def test_books_with_a_missing_repeated_or_out_of_order_row_do_not_balance(rows, rows_read, cut):
    outcomes = books(*["LOADED"] * len(rows), rows=rows)

    assert not tallied(outcomes[:cut], outcomes[cut:]).is_balanced(rows_read)


@pytest.mark.parametrize("outcome", [None, "", "loaded", "LOST"])
def test_books_with_an_unknown_outcome_do_not_balance(outcome):
    assert not tallied(books("LOADED", outcome)).is_balanced(2)


# --- numbers for people -----------------------------------------------------------------------------------------


def test_counts_name_every_outcome():
    counts = count_outcomes(kinds("LOADED", "LOADED", "REJECTED"))

    assert list(counts) == [outcome.value for outcome in Outcome]
    assert (counts["LOADED"], counts["REJECTED"], counts["UNRESOLVED"]) == (2, 1, 0)


def test_reasons_come_most_rows_first_with_two_masked_examples():
    codes = ["PHONE_MISSING", "PHONE_TOO_LONG", None, "PHONE_TOO_LONG", "PHONE_TOO_LONG", "API_QUOTA"]
    outcomes = books(*["REJECTED"] * 6, reason=codes, externId=[f"id{row}" for row in range(6)])
    phones = pl.LazyFrame(
        {"source_row": range(6), "phone": [None, "(212) 555-01234", "x", "21255501239", "1", "2125550199"]},
        schema={"source_row": pl.UInt64, "phone": pl.String},
    )

    found = reasons_with_examples(tallied(outcomes).reasons, phones)

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
    reasons = ["API_REJECTED_ROW"] * 3
    outcomes = books(*["REJECTED_BY_API"] * 3, reason=reasons, detail=[None, "Bad zip", "Bad name"])

    found = reasons_with_examples(tallied(outcomes[:1], outcomes[1:]).reasons, NO_PHONES)

    assert [(each["code"], each["detail"]) for each in found] == [("API_REJECTED_ROW", "Bad zip")]


@pytest.mark.parametrize("tally", [tallied(), tallied(books("LOADED"))], ids=["no chunk", "no reason"])
def test_books_without_reasons_have_no_examples(tally):
    assert reasons_with_examples(tally.reasons, NO_PHONES) == []


def test_values_are_counted_among_the_leads_that_were_to_be_sent():
    found = kinds(
        "LOADED", "NOT_SENT", "LOADED", "REJECTED", "DUPLICATE", "UNRESOLVED", time_zone=["b", "b", "a", "b", "b", None]
    )

    assert count_values(found, "time_zone") == [
        {"value": "b", "leads": 2, "loaded": 1},
        {"value": None, "leads": 1, "loaded": 0},
        {"value": "a", "leads": 1, "loaded": 1},
    ]


def test_conflicts_are_counted_whatever_became_of_the_rows():
    outcomes = ("LOADED", "NOT_SENT", "REJECTED", "DUPLICATE", "LOADED")
    assert count_conflicts(kinds(*outcomes, time_zone_conflict=[True] * 4 + [False])) == 4
    assert count_conflicts(tallied().kinds) == 0
    assert count_conflicts(kinds("LOADED", "LOADED", time_zone_conflict=[None, True])) == 1


def test_each_note_of_a_row_is_counted():
    tally = tallied(books(*["LOADED"] * 4, note=["x; y", None, "y", "z"]))

    assert count_notes(tally.notes) == [
        {"note": "y", "rows": 2},
        {"note": "x", "rows": 1},
        {"note": "z", "rows": 1},
    ]
    assert count_notes(tallied().notes) == count_notes(tallied(books("LOADED")).notes) == []


NOTING = ["decimal_ids", "phone_kinds", "phone_lanes", "phone_library", "phones", "postal", "preparing", "time_zones"]


@pytest.mark.parametrize("module", NOTING)
def test_no_note_has_in_it_what_parts_notes(module):
    """Several notes of a row are one text, and the report counts each."""
    tree = ast.parse((Path(transforms.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    alone = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}  # docstrings
    texts = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in alone]
    assert not [text for text in texts if isinstance(text, str) and "; " in text and text != "; "]


def test_states_are_those_of_loaded_leads():
    found = kinds("LOADED", "LOADED", "LOADED", "NOT_SENT", leadState=["READY", None, "READY", "READY"])

    assert count_lead_states(found) == [{"value": "READY", "rows": 2}, {"value": None, "rows": 1}]


# --- chunks -----------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from([None, "a", "b"])
ROW = st.fixed_dictionaries(
    dict.fromkeys(KIND_COLUMNS, TEXTS)
    | {
        "outcome": st.sampled_from([outcome.value for outcome in Outcome]),
        "time_zone_conflict": st.sampled_from([None, True, False]),
        "note": st.sampled_from([None, "x", "y", "x; y"]),
        "reason": st.sampled_from([None, "PHONE_MISSING", "PHONE_TOO_LONG"]),
        "detail": st.sampled_from([None, "p", "q"]),
        "externId": st.sampled_from([None, "i", "j"]),
    }
)


def met_one_by_one(rows):
    details = [detail for detail in rows["detail"] if detail is not None]
    examples = dict(rows.select("source_row", "externId").head(2).iter_rows())
    return MetReason(rows.height, details[0] if details else None, examples)


@settings(max_examples=60)
@given(st.lists(ROW, max_size=12), st.lists(st.integers(0, 12), max_size=4), st.sampled_from([1, 3, 100]))
def test_however_rows_are_cut_they_count_as_one_by_one(rows, cuts, merged_at):
    columns = {name: [row[name] for row in rows] for name in (*KIND_COLUMNS, "note", "reason", "detail", "externId")}
    outcomes = books(*columns.pop("outcome"), **columns)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally_module, "_MERGED_AT", merged_at)
        tally = tallied(*(outcomes[start:end] for start, end in pairwise(edges)))

    found = {tuple(line[:-1]): line[-1] for line in tally.kinds.select(*KIND_COLUMNS, "rows").iter_rows()}
    assert found == Counter(outcomes.select(KIND_COLUMNS).iter_rows())
    notes = Counter(part for note in outcomes["note"].drop_nulls() for part in note.split("; "))
    assert {line["note"]: line["rows"] for line in count_notes(tally.notes)} == notes
    wanted = ["source_row", "externId", "outcome", "reason", "detail", "note"]
    told = outcomes.filter(outcomes["reason"].is_not_null()).select(wanted)
    assert [line for frame in tally.with_reason() for line in frame.iter_rows()] == told.rows()
    assert tally.reasons == {code: met_one_by_one(told.filter(reason=code)) for code in told["reason"].unique()}
    assert tally.is_balanced(len(rows))


def test_many_kinds_in_a_large_chunk_have_each_its_own_count():
    rows = 60_000
    states = [f"{number * number % 7919}" for number in range(rows)]
    zones = [None if number % 3 else f"zone {number % 11}" for number in range(rows)]
    outcomes = books(*["LOADED"] * rows, state=states, time_zone=zones)
    kinds = tallied(outcomes).kinds
    found = {(state, zone): count for state, zone, count in kinds.select("state", "time_zone", "rows").iter_rows()}
    assert found == Counter(zip(states, zones, strict=True))


def test_categories_count_as_texts():
    outcomes = books("LOADED", "REJECTED", reason=[None, "PHONE_MISSING"], state=["MA", None])
    as_categories = outcomes.with_columns(
        pl.col("outcome").cast(pl.Enum(Outcome)),
        pl.col("reason").cast(pl.Enum(list(REASONS))),
        pl.col("state").cast(pl.Enum(["CA", "MA"])),
        pl.col("leadState").cast(pl.Enum([])),
    )

    one, other = tallied(outcomes), tallied(as_categories)

    assert other.kinds.sort("outcome").equals(one.kinds.sort("outcome"))
    assert other.kinds.schema == one.kinds.schema
    assert with_reason(other).equals(with_reason(one))
    assert with_reason(other).schema == with_reason(one).schema
    assert other.reasons == one.reasons


def test_chunks_without_a_reason_are_not_kept():
    tally = tallied(books("LOADED"), books("REJECTED", rows=[1], reason=["PHONE_MISSING"]), books("LOADED", rows=[2]))

    assert [frame.height for frame in tally.with_reason()] == [1]

"""pandera is the judge: it catches what the table forbids, told to look at values, and nothing else judges rows."""

import os
import re
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaError, SchemaErrors

from tests.conftest import PROJECT
from transforms.lead_rules import EXTERN_ID_LENGTH, FAULT_COLUMNS, LEAD_CHOICES, LEAD_PATTERNS, ROW_RULES
from transforms.lead_schema import candidate_schema, judge_candidates, lead_schema, validate_leads
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, OBJECT_FIELDS, TEXT_FIELDS

IDS = ["a", None, "x" * (EXTERN_ID_LENGTH + 1), "x" * EXTERN_ID_LENGTH, "a\tb", "\x85", "x" * 300 + "\n", "\u00e9 7"]
CODES = {column: [rule.reason.value for rule in ROW_RULES if rule.column == column] for column in FAULT_COLUMNS}
BAD_CANDIDATES = [
    ("externId", None),
    ("externId", "x" * (EXTERN_ID_LENGTH + 1)),
    ("externId", "a\x00b"),
    *((column, codes[0]) for column, codes in CODES.items()),
]
BAD_LEADS = [
    ("externId", None),
    ("externId", "a\nb"),
    ("leadPhone", "212-555-0123"),
    ("leadPhoneE164", "020 7946 0958"),
    ("leadTimezone", "America/New_York"),
]


def frame_of(column, *values):
    """`externId` and one more column, or `externId` alone."""
    ids = {"externId": [f"id{place}" for place in range(len(values))]}
    return pl.DataFrame(ids | {column: list(values)}, schema_overrides={column: pl.String})


@pytest.mark.parametrize(("column", "value"), BAD_CANDIDATES)
def test_one_bad_value_of_a_candidate_raises_when_eager_and_passes_unseen_when_lazy(column, value):
    bad = frame_of(column, *(["fine"] if column == "externId" else [None]), value)
    with pytest.raises(SchemaErrors) as caught:
        candidate_schema().validate(bad, lazy=True)
    assert set(caught.value.failure_cases["index"]) == {1}
    with pytest.raises(SchemaError):
        candidate_schema().validate(bad)
    # pandera's default depth for a LazyFrame is the schema alone: the reason why the depth is said.
    assert candidate_schema().validate(bad.lazy(), lazy=True).collect().equals(bad)


@pytest.mark.parametrize(("column", "value"), BAD_LEADS)
def test_one_bad_value_of_a_lead_raises_when_eager_and_passes_unseen_when_lazy(column, value):
    good = {"externId": "fine", "leadPhone": "2125550123", "leadPhoneE164": "+442079460958", "leadTimezone": "EST"}
    bad = frame_of(column, good[column], value)
    with pytest.raises(SchemaErrors) as caught:
        lead_schema().validate(bad, lazy=True)
    assert set(caught.value.failure_cases["column"]) == {column}
    lead_schema().validate(frame_of(column, good[column], good[column]), lazy=True)
    assert lead_schema().validate(bad.lazy(), lazy=True).collect().equals(bad)


def test_every_column_with_checks_has_a_bad_value_above():
    checked = {name for name, column in candidate_schema().columns.items() if column.checks}
    assert checked == {column for column, _ in BAD_CANDIDATES} == {"externId", *FAULT_COLUMNS}
    assert {name for name, column in lead_schema().columns.items() if column.checks} == {name for name, _ in BAD_LEADS}


def test_every_field_of_a_lead_has_a_type():
    objects = {f"{name}\\..+" for name in OBJECT_FIELDS}
    assert set(lead_schema().columns) == {*TEXT_FIELDS, *INTEGER_FIELDS, *objects}
    for name in (*TEXT_FIELDS, *INTEGER_FIELDS, "extendedLeadData.k", "personaPhoneConfig.k"):
        with pytest.raises(SchemaErrors, match="dtype"):
            lead_schema().validate(frame_of("externId", "a").with_columns(pl.lit(1.5).alias(name)), lazy=True)


@st.composite
def candidate_frames(draw):
    """Candidates with some of the fault columns absent, and nulls, codes and strange texts in the rest."""
    height = draw(st.integers(0, 6))
    named = draw(st.sets(st.sampled_from(FAULT_COLUMNS)))
    cells = {"externId": draw(st.lists(st.sampled_from(IDS), min_size=height, max_size=height))}
    for column in sorted(named):
        values = st.none() | st.sampled_from([*CODES[column], "SOMETHING_ELSE"])
        cells[column] = draw(st.lists(values, min_size=height, max_size=height))
    return pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))


@settings(max_examples=60, deadline=None)
@given(candidate_frames())
def test_a_reason_is_the_first_rule_of_the_table_that_does_not_hold(frame):
    there = [rule for rule in ROW_RULES if rule.column in frame.columns]
    holding = {rule.reason.value: frame.select(rule.holds(pl.col(rule.column))).to_series().to_list() for rule in there}
    expected = [next((code for code, held in holding.items() if not held[row]), None) for row in range(frame.height)]
    before = frame.clone()
    assert judge_candidates(frame).to_list() == expected
    assert frame.equals(before)


def test_no_rule_leaves_it_open_whether_it_holds():
    """A null from a check would count as kept in pandera and as broken elsewhere."""
    for rule in ROW_RULES:
        values = pl.DataFrame({"v": [*IDS, rule.reason.value]}, schema={"v": pl.String})
        assert values.select(rule.holds(pl.col("v"))).to_series().null_count() == 0, rule.reason


TEXTS = st.none() | st.sampled_from([*IDS, "", " a", "plain-17", "\x7f", "\x1f"]) | st.text(max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_what_proves_a_rule_at_once_never_proves_what_a_row_breaks(texts):
    column = pl.Series(texts, dtype=pl.String)
    for rule in ROW_RULES:
        kept = column.to_frame().select(rule.holds(pl.first())).to_series().all()
        assert rule.proves is None or kept or not rule.proves(column), rule.reason


def test_plain_ids_are_proved_at_once():
    proofs = [rule.proves for rule in ROW_RULES if rule.column == "externId"]
    assert all(proves(pl.Series(["C17", "x" * EXTERN_ID_LENGTH, "a b"])) for proves in proofs)
    assert all(proves(pl.Series([], dtype=pl.String)) for proves in proofs)


VALUES = {
    "externId": ["a", "C17", "x" * EXTERN_ID_LENGTH, None, "x" * (EXTERN_ID_LENGTH + 1), "a\tb", "\u00e9", "\x85", ""],
    "leadPhone": [
        None, "2125550123", "2125550123|3125550188", "", "212555012", "21255501234", "+212555012", "212555012\u0661",
        "212555012x", "2125550123|312555018x", "2125550123|3125550188|", "212555012|", "2125550123\n", "2125\x0050123",
    ],
    "leadPhoneE164": [None, "+442079460958", "+1212555012", "442079460958", "", "+0442079460958"],
    "leadTimezone": [None, "EST", "HAST", "est", "", "EST ", "America/New_York"],
}  # fmt: skip


def keeps(column, value):
    """The rules again, in Python."""
    if column == "externId":
        return (
            value is not None
            and len(value) <= EXTERN_ID_LENGTH
            and not any(unicodedata.category(letter) == "Cc" for letter in value)
        )
    if value is None:
        return True
    pattern = LEAD_PATTERNS.get(column)
    return bool(re.fullmatch(pattern.strip("^$"), value)) if pattern else value in LEAD_CHOICES[column]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(VALUES)), st.integers(0, 4), st.booleans())
def test_leads_pass_where_every_value_is_right_and_only_there(data, column, height, as_categories):
    good = {"externId": "fine"}
    plain = [value for value in VALUES[column] if keeps(column, value)][-1]
    values = data.draw(st.lists(st.sampled_from(VALUES[column]), min_size=height, max_size=height))
    rows = [good | {column: value} for value in [plain, *values, plain]]
    leads = pl.DataFrame(rows, schema=dict.fromkeys(["externId", column], pl.String))
    if as_categories and column == "leadTimezone":
        leads = leads.with_columns(
            pl.col(column).cast(pl.Enum([value for value in VALUES[column] if value is not None]))
        )
    if all(keeps(column, value) for value in leads[column]):
        validate_leads(leads)
        return
    with pytest.raises(SchemaErrors) as caught:
        validate_leads(leads)
    wrong = [place for place, value in enumerate(leads[column]) if not keeps(column, value)]
    assert set(caught.value.failure_cases["index"].drop_nulls()) == set(wrong)
    assert set(caught.value.failure_cases["column"]) == {column}


@pytest.mark.parametrize("column", [*VALUES, "city", "maxPasses", "extendedLeadData.k"])
def test_a_layout_that_is_wrong_is_caught_each_time(column):
    right = {"externId": pl.Series(["a"]), column: pl.Series([1], dtype=pl.Int32)}
    right |= {} if column == "maxPasses" else {column: pl.Series([VALUES.get(column, ["a", "x", "+1212555012"])[1]])}
    wrong = right | {column: pl.Series([1.5])}
    for _ in range(2):
        with pytest.raises(SchemaErrors, match="dtype"):
            validate_leads(pl.DataFrame(wrong))
        validate_leads(pl.DataFrame(right))
        with pytest.raises(SchemaErrors, match="externId"):
            validate_leads(pl.DataFrame({"city": ["a"]}))


def test_without_pandera_nothing_is_refused(monkeypatch):
    bad = pl.DataFrame({"externId": [None, "a\tb"], "leadPhone": ["12", "2125550123"]})
    assert judge_candidates(bad.select("externId")).null_count() == 0
    with pytest.raises(SchemaErrors):
        validate_leads(bad)
    monkeypatch.setattr(pa.DataFrameSchema, "validate", lambda _, frame, **__: frame)
    assert judge_candidates(bad.select("externId")).null_count() == bad.height
    validate_leads(bad)


CHUNKS = [(200 + place, 2 + place % 3) for place in range(60)]


def test_chunks_judged_at_once_are_judged_alike():
    """The prepare stage judges two chunks at a time; pandera keeps its depth of validation in a context."""

    def judge(chunk):
        height, step = chunk
        faults = ["PHONE_MISSING" if row % step == 0 else None for row in range(height)]
        frame = pl.DataFrame(
            {"externId": ["a"] * height, "phone_fault": faults}, schema_overrides={"phone_fault": pl.String}
        )
        return judge_candidates(frame).to_list() == faults

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(judge, CHUNKS))


@pytest.mark.parametrize("setting", ["PANDERA_VALIDATION_DEPTH=SCHEMA_ONLY", "PANDERA_VALIDATION_ENABLED=False"])
def test_no_setting_of_panderas_from_outside_switches_the_rules_off(setting):
    name, _, value = setting.partition("=")
    code = (
        "import polars as pl; from transforms.lead_schema import judge_candidates; "
        "print(judge_candidates(pl.DataFrame({'externId': ['a', None]}))[1])"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, env=os.environ | {name: value}, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "EXTERN_ID_MISSING"

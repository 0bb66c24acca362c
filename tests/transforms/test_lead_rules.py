"""The contract of a lead: bad values are caught, and a row gets the first reason in order."""

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from transforms.lead_rules import EXTERN_ID_LENGTH, FAULT_COLUMNS, ROW_RULES, RULES
from transforms.lead_schema import candidate_schema, judge_candidates, lead_schema
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

GOOD_LEAD = {
    "externId": "a1",
    "leadPhone": "2125550123|3125550188",
    "leadPhoneE164": "+442079460000",
    "lastName": "Poe",
    "leadTimezone": "EST",
    "leadPriority": 3,
    "extendedLeadData.owner": "county",
    "personaPhoneConfig.home": "2125550123",
}
SCHEMA = {name: pl.Int32 if name == "leadPriority" else pl.String for name in GOOD_LEAD}


def candidates(*rows):
    """Candidates that keep every rule but for the named values."""
    columns = ["externId", *FAULT_COLUMNS]
    good = dict.fromkeys(columns) | {"externId": "a"}
    return pl.DataFrame([good | row for row in rows], schema=dict.fromkeys(columns, pl.String))


def failures(schema, frame):
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return errors.failure_cases.select("column", "check", "index").rows()
    return []


def leads(**values):
    return pl.DataFrame([GOOD_LEAD, GOOD_LEAD | values], schema=SCHEMA)


# --- candidates -------------------------------------------------------------------------------------------------


def breaking(rule):
    """A value that breaks this rule and, of its column's rules, no earlier one."""
    if rule.column != "externId":
        return rule.reason.value
    return {
        Reason.EXTERN_ID_MISSING: None,
        Reason.EXTERN_ID_TOO_LONG: "x" * (EXTERN_ID_LENGTH + 1),
        Reason.EXTERN_ID_CONTROL_CHARACTERS: "a\nb",
    }[rule.reason]


@pytest.mark.parametrize("rule", ROW_RULES, ids=lambda rule: rule.reason)
def test_each_rule_catches_the_row_that_breaks_it_and_no_other(rule):
    frame = candidates({}, {rule.column: breaking(rule)}, {})
    assert judge_candidates(frame).to_list() == [None, rule.reason.value, None]
    assert failures(candidate_schema(), frame) == [(rule.column, rule.reason.value, 1)]


def test_every_reason_has_one_rule_and_rows_are_judged_by_our_own():
    assert sorted(rule.reason for rule in RULES) == sorted(Reason)
    own = [rule.reason for rule in RULES if rule.outcome is Outcome.REJECTED]
    assert [rule.reason for rule in ROW_RULES] == own


@pytest.mark.parametrize("place", range(len(ROW_RULES) - 1))
def test_a_row_that_breaks_several_rules_gets_the_first_reason_in_order(place):
    """Rows that break a rule and one more, or all the later ones that can be broken along with it."""
    first = ROW_RULES[place]
    later = [rule for rule in ROW_RULES[place + 1 :] if rule.column != first.column]
    pairs = [{rule.column: breaking(rule), first.column: breaking(first)} for rule in later]
    together = {rule.column: breaking(rule) for rule in reversed(later)} | {first.column: breaking(first)}
    judged = judge_candidates(candidates(*pairs, together))
    assert judged.to_list() == [first.reason.value] * (len(pairs) + 1)


def test_a_long_id_with_a_control_is_first_of_all_too_long():
    judged = judge_candidates(candidates({"externId": "\t" + "x" * 300}))
    assert judged.to_list() == [Reason.EXTERN_ID_TOO_LONG]


def test_an_id_may_have_just_the_longest_length_counted_in_characters():
    assert judge_candidates(candidates({"externId": "\u00e9" * EXTERN_ID_LENGTH})).to_list() == [None]


@given(st.lists(st.sets(st.sampled_from(range(len(ROW_RULES))), max_size=5), max_size=12))
@settings(max_examples=30, deadline=None)
def test_reasons_stand_in_their_rows(broken):
    rows = [
        {ROW_RULES[place].column: breaking(ROW_RULES[place]) for place in sorted(places, reverse=True)}
        for places in broken
    ]
    expected = [ROW_RULES[min(places)].reason.value if places else None for places in broken]
    judged = judge_candidates(candidates(*rows)) if rows else judge_candidates(candidates({}).clear())
    assert judged.to_list() == expected
    assert judged.name == "reason"
    assert judged.dtype == pl.String


@pytest.mark.parametrize("column", ["externId", *FAULT_COLUMNS])
def test_a_column_of_another_type_is_our_fault_and_no_rows(column):
    with pytest.raises(TypeError, match="shape"):
        judge_candidates(candidates({}).with_columns(pl.lit(1).alias(column)))


def test_candidates_without_ids_are_our_fault_and_those_without_faults_are_none():
    with pytest.raises((TypeError, pl.exceptions.ColumnNotFoundError)):
        judge_candidates(candidates({}).drop("externId"))
    assert judge_candidates(candidates({}).select("externId")).to_list() == [None]


# --- leads ------------------------------------------------------------------------------------------------------


def test_a_good_lead_passes_with_all_its_fields_or_the_id_alone():
    assert failures(lead_schema(), leads()) == []
    assert failures(lead_schema(), leads(**dict.fromkeys([*GOOD_LEAD][1:]))) == []
    assert failures(lead_schema(), leads().select("externId")) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("externId", None),
        ("externId", "x" * 256),
        ("externId", "a\x00b"),
        ("leadPhone", ""),
        ("leadPhone", "12125550123"),
        ("leadPhone", "212555012"),
        ("leadPhone", "(212) 555-0123"),
        ("leadPhone", "2125550123|"),
        ("leadPhone", "2125550123,3125550188"),
        ("leadPhone", "2125550123\n"),
        ("leadPhone", "=2125550123"),
        ("leadPhone", "\u0662\u0661\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663"),
        ("leadPhoneE164", "442079460000"),
        ("leadPhoneE164", "+0442079460000"),
        ("leadPhoneE164", "+44 20 7946 0000"),
        ("leadPhoneE164", "+4420794600001234"),
        ("leadPhoneE164", "+44\u0662\u0660\u0667\u0669\u0664\u0666"),
        ("leadTimezone", "America/New_York"),
        ("leadTimezone", "est"),
        ("leadTimezone", ""),
    ],
)
def test_a_bad_value_of_a_lead_is_caught_in_its_row(column, value):
    found = failures(lead_schema(), leads(**{column: value}))
    assert {(name, index) for name, _, index in found} == {(column, 1)}


@pytest.mark.parametrize("column", GOOD_LEAD)
def test_a_column_of_another_type_is_caught(column):
    frame = leads().with_columns(pl.lit(1.5).alias(column))
    assert {name for name, _, _ in failures(lead_schema(), frame)} >= {column}


def test_a_lead_without_an_id_column_is_caught():
    assert [check for _, check, _ in failures(lead_schema(), leads().drop("externId"))] == ["column_in_dataframe"]


def test_values_of_a_lazy_frame_are_checked_where_the_depth_is_said():
    bad = leads(leadPhone="12")
    assert failures(lead_schema(), bad)
    assert isinstance(lead_schema().validate(bad.lazy(), lazy=True), pl.LazyFrame)
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA), pytest.raises(SchemaErrors):
        lead_schema().validate(bad.lazy(), lazy=True)


def test_the_rules_make_the_schema():
    schema = candidate_schema()
    assert isinstance(schema, pa.DataFrameSchema)
    named = [check.name for column in schema.columns.values() for check in column.checks]
    assert sorted(named) == sorted(rule.reason.value for rule in ROW_RULES)

"""Suggestions for refused rows: one where exactly one value is likely, none anywhere else."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.preparation import mapping_of, rules_of
from tests.transforms.test_reason_page import BASE, SHOWN, job_with
from transforms.preparing import prepare_leads
from transforms.suggestions import SUGGESTION_SCHEMA, name_columns, suggest_values

TOLL_FREE = {"leadPhone": "800-555-0123", "zip": "", "state": ""}
"""A number that settles no time zone."""


def judged(rows, setting=""):
    """The rows, their reasons, and what they were judged by; each row is `BASE` with cells of its own."""
    names = dict.fromkeys(name for cells in rows for name in BASE | cells)
    job = job_with(dict.fromkeys(names, ""), setting)
    frame = pl.DataFrame(
        [{"source_row": place} | dict.fromkeys(names, "") | BASE | cells for place, cells in enumerate(rows)],
        schema={"source_row": pl.UInt64} | dict.fromkeys(names, pl.String),
    )
    mapping, rules = mapping_of(job), rules_of(job, dt.date(2026, 1, 15))
    return frame, prepare_leads(frame, mapping, rules)["reason"], mapping, rules


def suggest(rows, reasons, mapping, rules):
    return suggest_values(rows, reasons, name_columns(rows, reasons, mapping, rules), mapping, rules)


def suggested(cells, setting=""):
    found = suggest(*judged([cells], setting))
    assert found.schema == SUGGESTION_SCHEMA
    return found.select("column", "suggestion").rows()


SUGGESTED = [
    ({"externId": "A\t17"}, "externId", "A17"),
    ({"externId": " A\r\n17\x00 "}, "externId", "A17"),
    ({"leadPhone": "415-555-O123"}, "leadPhone", "4155550123"),
    ({"leadPhone": "415555267l"}, "leadPhone", "4155552671"),
    ({"leadPhone": "4155552671415"}, "leadPhone", "4155552671"),
    ({"leadPhone": "41555526712125550123"}, "leadPhone", "4155552671|2125550123"),
    ({"leadPhone": "1 415-555-2671 1 212-555-0123"}, "leadPhone", "4155552671|2125550123"),
    ({"leadPhone": "+44 20 7946 0958", "leadPhoneE164": ""}, "leadPhoneE164", "+442079460958"),
    ({"leadPhone": "", "leadPhoneE164": "442079460958"}, "leadPhoneE164", "+442079460958"),
    ({"leadPriority": "1,000"}, "leadPriority", "1000"),
    ({"leadPriority": "3.00"}, "leadPriority", "3"),
    ({"maxPasses": "\uff12"}, "maxPasses", "2"),
    ({"leadTimezone": "Eastern"}, "leadTimezone", "America/New_York"),
    ({"leadTimezone": "(US) Eastern Standard Time"}, "leadTimezone", "America/New_York"),
    (TOLL_FREE | {"zip": "2116"}, "zip", "02116"),
    (TOLL_FREE | {"zip": "O2116"}, "zip", "02116"),
    (TOLL_FREE | {"zip": "21161234"}, "zip", "02116-1234"),
    (TOLL_FREE | {"zip": "2116-1234"}, "zip", "02116-1234"),
    (TOLL_FREE | {"state": "Massachusets"}, "state", "MA"),
    (TOLL_FREE | {"zip": "2116", "state": "Massachusets"}, "zip", "02116"),
]


@pytest.mark.parametrize(("cells", "column", "value"), SUGGESTED, ids=lambda cell: str(cell)[:40])
def test_the_likely_value_is_suggested_and_mends_the_row(cells, column, value):
    assert suggested(cells) == [(column, value)]
    assert judged([cells | {column: value}])[1].to_list() == [None]


@pytest.mark.parametrize(
    "cells",
    [
        {"leadPhone": "4.15555E+09"},
        {"leadPhone": "555-0123"},
        {"leadPhone": "415-555-267"},
        {"leadPhone": "(555) 123-4567"},
        {"leadPhone": "44155552671"},  # 415 555 2671, or 441 555 2671 in Bermuda
        {"leadPhone": "555-0123 555-0124"},
        {"leadPhone": "n/a"},
        {"leadPhone": "+44 20 7946 0958", "leadPhoneE164": "?"},
        {"leadPhone": "+44 20 7946 0958"},
        {"leadPhone": "", "leadPhoneE164": "+44 12"},
        {"externId": ""},
        {"externId": "x" * 256},
        {"externId": "\t"},
        {"leadPriority": "high"},
        {"leadPriority": "1,00,000"},
        {"maxPasses": "2.5"},
        {"maxPasses": "9" * 20 + ".00"},
        {"leadTimezone": "Atlantic"},
        TOLL_FREE,
        TOLL_FREE | {"zip": "1"},
        TOLL_FREE | {"zip": "9999"},
        TOLL_FREE | {"state": "Confusion"},
        {"leadPhone": "671-646-5801", "zip": "96913", "state": "GU"},
    ],
    ids=lambda cells: str(cells)[:50],
)
def test_where_no_value_or_more_than_one_is_likely_nothing_is_suggested(cells):
    assert judged([cells])[1].to_list() != [None]
    assert suggested(cells) == []


def test_a_value_that_the_job_refuses_is_not_suggested():
    long = {"leadPhone": "800555012399"}

    assert suggested(long) == [("leadPhone", "8005550123")]
    assert suggested(long, 'phones.toll_free = "refuse"') == []


def test_of_two_faults_the_first_is_mended_although_the_other_stays():
    assert suggested({"leadPhone": "415-555-O123", "leadPriority": "high"}) == [("leadPhone", "4155550123")]


def test_rows_are_told_apart_and_good_ones_are_left_alone():
    rows = [{}, {"leadPhone": "415-555-O123"}, {"leadPhone": "n/a"}, {"externId": "A\t1"}, {"leadPriority": "1,000"}]
    frame, reasons, mapping, rules = judged(rows)

    assert suggest(frame, reasons, mapping, rules).rows() == [
        (1, "leadPhone", "4155550123"),
        (3, "externId", "A1"),
        (4, "leadPriority", "1000"),
    ]
    assert name_columns(frame, reasons, mapping, rules).to_list() == [
        None, "leadPhone", "leadPhone", "externId", "leadPriority",
    ]  # fmt: skip


def test_of_several_columns_the_one_at_fault_is_named():
    job = job_with({})
    job = job.model_copy(update={"columns": job.columns.model_copy(update={"leadPhone": ("home", "mobile")})})
    rows = [("n/a", "415-555-O123"), ("415-555-O123", "12"), (None, None), ("4.15555E+09", "12")]
    frame = pl.DataFrame(
        [{"source_row": place} | BASE | {"home": home, "mobile": mobile} for place, (home, mobile) in enumerate(rows)]
    )
    mapping, rules = mapping_of(job), rules_of(job, dt.date(2026, 1, 15))
    reasons = prepare_leads(frame, mapping, rules)["reason"]

    assert name_columns(frame, reasons, mapping, rules).to_list() == ["mobile", "home", "home", "home"]
    assert suggest(frame, reasons, mapping, rules)["column"].to_list() == ["mobile", "home"]


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.reason)
def test_every_reason_names_a_column_that_can_be_mended(rule):
    (column,) = name_columns(*judged([rule.cells], rule.setting)).to_list()

    if rule.reason == "TIME_ZONE_NOT_NAMED":  # what is to be mended there is the job
        assert column is None
    else:
        assert column in BASE | rule.cells


CELLS = st.fixed_dictionaries(
    {},
    optional={
        "externId": st.text(st.sampled_from("A1\t\n "), max_size=5),
        "leadPhone": st.text(st.sampled_from("0123456789-+OlE. |x"), max_size=22),
        "leadPhoneE164": st.text(st.sampled_from("+0123456789"), max_size=15),
        "zip": st.text(st.sampled_from("0123456789-O"), max_size=10),
        "state": st.sampled_from(["", "MA", "Massachusets", "Nowhere", "new yrok"]),
        "leadPriority": st.text(st.sampled_from("0123456789,.+"), max_size=6),
        "leadTimezone": st.sampled_from(["", "Eastern", "eastern time", "EST", "x"]),
    },
)


@settings(max_examples=40)
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_whatever_is_suggested_takes_the_fault_away(rows):
    frame, reasons, mapping, rules = judged(rows)

    found = suggest(frame, reasons, mapping, rules)

    assert found["source_row"].is_unique().all()
    for row, column, value in found.iter_rows():
        assert frame.item(row, column) != value
        after = prepare_leads(frame[row].with_columns(pl.lit(value).alias(column)), mapping, rules).item(0, "reason")
        assert reasons[row] is not None
        assert after != reasons[row]


def test_one_column_of_two_number_fields_is_named_once():
    frame, reasons, mapping, rules = judged([{"leadPhone": "555-0123"}, {"leadPhone": "4155552671415"}])
    both = replace(mapping, text={**mapping.text, "leadPhoneE164": "leadPhone"})

    assert name_columns(frame, reasons, both, rules).to_list() == ["leadPhone", "leadPhone"]


@pytest.mark.parametrize(
    ("digits", "number"),
    [("0004155552671", "4155552671"), ("4155552671000", "4155552671"), ("0004155552671000", None)],
)
def test_a_number_among_more_digits_is_found_at_either_end_only(digits, number):
    assert suggested({"leadPhone": digits}) == ([("leadPhone", number)] if number else [])

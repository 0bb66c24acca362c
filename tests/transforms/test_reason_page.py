"""The table of rules is true: every example gives its code, and the page in the docs says what the table says."""

import datetime as dt
import re
import tomllib
from collections import Counter

import polars as pl
import pytest

from flows.job_file import Job
from flows.preparation import mapping_of, rules_of
from scripts.write_reason_codes import PAGE, reason_page
from transforms.lead_rules import FAULT_COLUMNS, REASONS, ROW_RULES, RULES
from transforms.preparing import prepare_leads
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

BASE = {"externId": "A1", "leadPhone": "212-555-0123", "zip": "10001", "state": "NY"}
SHOWN = [rule for rule in RULES if rule.cells]


def job_with(cells, setting=""):
    """The job a reader of the page would write: the fields of `cells` mapped, and the setting of the page."""
    section, _, line = setting.partition(".")
    raw = {
        "name": "examples",
        "source": {"type": "csv", "path": "rows.csv"},
        "columns": {name: name for name in BASE | cells},
        "load": {
            "campaign": "c",
            "description": "d",
            "dial_priority": "NORMAL",
            "duplicate_handling": "RETAIN_ALL",
            "time_zone_option": "EXPLICIT",
        },
    }
    return Job.model_validate(raw | ({section: tomllib.loads(line)} if setting else {}))


def reason_of(cells, setting=""):
    row = {"source_row": 0} | BASE | cells
    frame = pl.DataFrame([row], schema={"source_row": pl.UInt64} | dict.fromkeys([*BASE | cells], pl.String))
    job = job_with(cells, setting)
    return prepare_leads(frame, mapping_of(job), rules_of(job, dt.date(2026, 1, 15))).item(0, "reason")


def test_the_good_row_is_good_so_that_an_example_is_what_breaks_it():
    assert reason_of({}) is None
    assert reason_of({"leadPriority": "7", "maxPasses": "2", "leadTimezone": "EST", "leadPhoneE164": ""}) is None


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.reason)
def test_every_example_of_the_page_gives_its_code(rule):
    assert reason_of(rule.cells, rule.setting) == rule.reason


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.setting], ids=lambda rule: rule.reason)
def test_what_a_setting_refuses_is_not_refused_without_it(rule):
    assert rule.cells
    assert reason_of(rule.cells) != rule.reason


def test_only_faults_of_the_file_itself_have_no_cells_to_show():
    assert [rule.reason for rule in ROW_RULES if not rule.cells] == [
        reason for reason in Reason if reason.startswith("ROW_")
    ]
    assert all(rule.example for rule in RULES if not rule.cells)


def test_every_reason_has_one_rule_and_is_found_by_its_code():
    assert Counter(rule.reason for rule in RULES) == Counter(Reason)
    assert {code: rule.reason.value for code, rule in REASONS.items()} == {
        reason.value: reason.value for reason in Reason
    }


def test_rows_are_judged_by_just_the_rules_that_refuse_them():
    assert [rule for rule in RULES if rule.outcome is Outcome.REJECTED] == list(ROW_RULES)
    assert {rule.column for rule in ROW_RULES} == {"externId", *FAULT_COLUMNS}


def test_the_page_is_what_the_table_says():
    assert PAGE.read_text(encoding="utf-8") == reason_page(), "run python -m scripts.write_reason_codes"


def test_the_page_names_every_reason_once_and_its_cells_cannot_break_the_table():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", line).group(1) for line in lines] == [rule.reason.value for rule in RULES]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)

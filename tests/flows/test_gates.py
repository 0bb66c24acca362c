"""Gates: each passes, warns or stops, from the job's limits and from its history in the ledger."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from flows.job_file import read_job
from tests.conftest import PROJECT, lead_rows
from transforms.vocabulary.errors import ConfigurationError


@pytest.fixture
def load(leadferry_here, make_job):
    """Load so many rows as the job `leads`, each time with numbers of their own."""
    first = iter(range(10_000, 1_000_000, 1000))

    def run(rows, *, command="load", code=0, arguments=(), **sections):
        rows = lead_rows(rows, next(first)) if isinstance(rows, int) else rows
        ended = leadferry_here(command, make_job(rows, **sections), "--json", *arguments)
        assert ended.code == code, ended
        return ended.json | {"said": ended.err}

    return run


@pytest.fixture(scope="module")
def left_by_usual(tmp_path_factory):
    """Where a copy of what the usual runs left is kept for the tests to come."""
    return tmp_path_factory.mktemp("usual") / "home"


@pytest.fixture
def usual(load, tmp_path, left_by_usual):
    """Three runs that ended well with forty rows each; they run for the first test, and others have what they left."""
    home = tmp_path / "home"
    if not left_by_usual.exists():
        for first in range(0, 3000, 1000):
            load(lead_rows(40, first))
        shutil.copytree(home, left_by_usual)
        return
    shutil.copytree(left_by_usual, home)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db, db:
        db.execute("UPDATE leadferry_runs SET folder = ? || '/' || run_id", (str(home / "runs"),))


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("command", ["load", "check"])
@pytest.mark.parametrize(("rows", "code"), [(12, "TOO_FEW_ROWS"), (90, "TOO_MANY_ROWS")])
def test_an_unusual_number_of_rows_stops_the_run_and_a_check(load, ringcx, command, rows, code):
    before = ringcx.state.answers_of("direct", 200)

    facts = load(rows, command=command, code=3, quality={"row_count_change": 0.5})

    assert (facts["status"], facts["trouble"]["code"]) == ("gate", code)
    assert "the usual 40 (median of the last 3 runs that ended well" in facts["headline"]
    assert facts["balanced"]
    assert ringcx.state.answers_of("direct", 200) == before


@pytest.mark.usefixtures("usual")
def test_the_same_only_warns_where_the_job_says_so(load):
    facts = load(12, quality={"row_count_change": 0.5, "rows_gate": "warn"})

    assert facts["status"] == "succeeded"
    assert [warning for warning in facts["warnings"] if "far fewer than the usual 40" in warning]
    assert "far fewer than the usual 40" in facts["said"]
    (rows, *_) = facts["comparison"]
    assert rows | {"sentence": ""} == {"what": "rows read", "now": 12, "usual": 40.0, "sudden": True, "sentence": ""}


@pytest.mark.usefixtures("usual")
def test_reading_the_run_back_again_warns_again(load, leadferry_here):
    first = load(12, quality={"row_count_change": 0.5, "rows_gate": "warn"}, arguments=("--run-id", "few"))

    again = leadferry_here("reconcile", "few", "--json").json

    assert again["warnings"] == first["warnings"]
    assert again["comparison"] == first["comparison"]


@pytest.mark.usefixtures("usual")
def test_a_usual_number_passes_and_the_report_has_the_history(load):
    facts = load(45, quality={"row_count_change": 0.5})

    assert [(run["rows_read"], run["loaded"], run["status"]) for run in facts["history"]] == [(40, 40, "succeeded")] * 3
    assert facts["history"] == sorted(facts["history"], key=lambda run: run["started_at"])
    assert not [each for each in facts["comparison"] if each["sudden"]]


@pytest.mark.usefixtures("usual")
def test_a_part_of_the_rows_is_not_judged_by_their_number_and_does_not_count_later(load):
    limited = load(40, arguments=("--limit", "2"), quality={"row_count_change": 0.5})
    later = load(40)

    assert (limited["status"], limited["history"]) == ("succeeded", [])
    assert [run["rows_read"] for run in later["history"]] == [40, 40, 40]


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("command", ["load", "check"])
def test_a_mended_file_is_not_judged_by_the_number_of_its_rows(load, leadferry_here, make_job, tmp_path, command):
    job = make_job(lead_rows(40, 8000), quality={"row_count_change": 0.5})
    (tmp_path / "mended.csv").write_text((tmp_path / "leads.csv").read_text().split("X08002", 1)[0])

    facts = leadferry_here(command, job, "--source", tmp_path / "mended.csv", "--json").json

    assert (facts["counts"]["rows_read"], facts["trouble"], facts["comparison"]) == (2, None, [])
    assert [run["rows_read"] for run in load(40)["history"]] == [40, 40, 40]


def test_two_runs_are_too_few_to_judge_by(load):
    load(40)
    load(40)

    assert load(1, quality={"row_count_change": 0.1})["comparison"] == []


@pytest.mark.usefixtures("usual")
def test_the_history_outlives_the_files_of_the_runs(load, tmp_path):
    for report in (tmp_path / "home").rglob("report.json"):
        report.unlink()

    assert len(load(40)["history"]) == 3


@pytest.mark.usefixtures("usual")
def test_runs_of_a_ledger_without_numbers_are_read_from_their_reports(load, tmp_path):
    with sqlite3.connect(tmp_path / "home" / "ledger.sqlite") as db:
        db.execute("UPDATE leadferry_runs SET numbers = NULL")
    db.close()

    assert [run["rows_read"] for run in load(40)["history"]] == [40, 40, 40]


def _some_empty(count, empty):
    return [row | ({"zip": " "} if number < empty else {}) for number, row in enumerate(lead_rows(count))]


def _some_twice(count, twice):
    rows = lead_rows(count)
    return rows[: count - twice] + [row | {"id": f"again {row['id']}"} for row in rows[:twice]]


def _some_elsewhere(count, elsewhere):
    """Rows with a ZIP code of New York and a number of Los Angeles."""
    rows = lead_rows(count)
    for number, row in enumerate(rows):
        row["phone"] = f"(213) 555-{number:04d}" if number < elsewhere else f"(203) 555-{number:04d}"
    return rows


GATES = {
    "null": (
        _some_empty, {"max_null_rate": {"zip": 0.2}}, "null_gate", "TOO_MANY_EMPTY", "zip (column zip) is empty in",
    ),
    "duplicates": (
        _some_twice, {"max_duplicate_rate": 0.2}, "duplicate_gate", "TOO_MANY_DUPLICATES", "rows repeat another",
    ),
    "conflicts": (
        _some_elsewhere, {"max_zone_conflict_rate": 0.2}, "zone_conflict_gate", "TOO_MANY_ZONE_CONFLICTS",
        "rows have evidence of two time zones",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GATES)
def test_a_share_at_the_limit_passes_and_one_row_more_stops_or_warns(load, name):
    rows, limit, gate, code, words = GATES[name]

    passed = load(rows(10, 2), command="check", quality=limit)
    stopped = load(rows(10, 3), command="check", code=3, quality=limit)
    warned = load(rows(10, 3), quality=limit | {gate: "warn"})

    assert (passed["status"], passed["warnings"], passed["trouble"]) == ("checked", [], None)
    assert (stopped["status"], stopped["trouble"]["code"]) == ("gate", code)
    assert f"3 of 10 {words}" in stopped["headline"] or f"{words} 3 of 10 rows" in stopped["headline"]
    assert warned["status"] == "succeeded"
    assert [warning for warning in warned["warnings"] if words in warning]


def test_a_check_loads_neither_the_ledgers_library_nor_what_reads_other_sources(environment, make_job, tmp_path):
    program = (
        "import sys\nfrom flows.cli import cli\n"
        "try:\n    cli(['check', sys.argv[1]])\n"
        "finally:\n    print(sorted({'sqlalchemy', 'apprise', 'obstore', 'connectors.sources.excel_files', "
        "'connectors.sources.databases.asking'} & set(sys.modules)))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(make_job(lead_rows(3)))]

    ended = subprocess.run(command, env=environment | {"PYTHONPATH": str(PROJECT)}, cwd=tmp_path, capture_output=True,
                           text=True, check=False)  # fmt: skip

    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "[]"), ended


def test_refused_rows_can_be_let_through_with_a_warning(load):
    rows = [row | ({"phone": "none"} if number < 6 else {}) for number, row in enumerate(lead_rows(10))]

    facts = load(rows, quality={"max_reject_rate": 0.5, "reject_gate": "warn"})

    assert (facts["status"], facts["counts"]["LOADED"]) == ("succeeded", 4)
    assert [warning for warning in facts["warnings"] if "6 of 10 rows were refused" in warning]


def test_all_that_stops_is_told_at_once(load):
    rows = [row | {"zip": "", "phone": "none"} for row in lead_rows(10)]

    facts = load(rows, code=3, quality={"max_null_rate": {"zip": 0.1}, "max_reject_rate": 0.1})

    assert facts["trouble"]["code"] == "TOO_MANY_REJECTED"
    assert "zip (column zip) is empty in 10 of 10 rows" in facts["trouble"]["message"]
    assert facts["trouble"]["message"].count("Nothing was sent.") == 1


def test_the_page_of_a_stopped_run_says_what_to_do(load, tmp_path):
    load(_some_empty(10, 9), code=3, arguments=("--out", tmp_path / "out"), quality={"max_null_rate": {"zip": 0.2}})

    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "raise quality.max_null_rate for zip" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["history"] == []


WRONG = {
    "a gate without its limit": ({"rows_gate": "warn"}, "rows_gate judges nothing without row_count_change"),
    "null rates of no mapped field": (
        {"max_null_rate": {"zipp": 0.1}}, "zipp: no such lead field is mapped in [columns]; did you mean 'zip'?",
    ),
    "a rate above one": ({"max_duplicate_rate": 20}, "quality.max_duplicate_rate"),
    "a misspelt key": ({"max_duplicates_rate": 0.2}, "did you mean 'max_duplicate_rate'?"),
    "no such action": ({"max_duplicate_rate": 0.2, "duplicate_gate": "halt"}, "quality.duplicate_gate"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_gate_is_named(make_job, case):
    quality, words = WRONG[case]

    with pytest.raises(ConfigurationError) as caught:
        read_job(make_job(lead_rows(1), quality=quality))

    assert words in str(caught.value)

"""What is kept of runs: listed with its verdicts, deleted when it is old, and read by its owner alone."""

import json
import os
import signal
import sqlite3
import stat
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.ledger import Ledger
from connectors.ledger_engine import read_url
from connectors.sandbox.settings import SandboxSettings
from flows.pruning import parse_age, tell_bytes
from flows.run_folder import RunFolder
from flows.run_listing import tell_duration
from tests.conftest import lead_rows
from tests.ledger_databases import full_disk

LONG_AGO = "2020-01-02T03:04:05+00:00"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def make_old(home, *run_ids):
    """Have runs ended long ago: those of the ledger, and checks, whose report alone says when."""
    with sqlite3.connect(home / "ledger.sqlite") as db:
        for run_id in run_ids:
            db.execute("UPDATE leadferry_runs SET finished_at = ? WHERE run_id = ?", (LONG_AGO, run_id))
    db.close()
    for run_id in run_ids:
        report = home / "runs" / run_id / "report.json"
        if report.exists():
            report.write_text(json.dumps(json.loads(report.read_text()) | {"finished_at": LONG_AGO}))


def _rows():
    """Ten rows: one is refused with an example, one repeats another."""
    rows = lead_rows(10)
    rows[3]["phone"] = "86420"
    rows[7]["phone"] = rows[6]["phone"]
    return rows


def personal(rows):
    digits = ["".join(filter(str.isdigit, row["phone"])) for row in rows]
    return [cell.encode() for cell in (*(row["id"] for row in rows), *(row["name"] for row in rows), *digits)]


# --- pruning ----------------------------------------------------------------------------------------------------


def test_a_pruned_run_keeps_its_numbers_and_nothing_of_a_lead(leadferry_here, make_job, home, ringcx):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_half_committed"}])
    before = leadferry_here("load", make_job(_rows()), "--json", "--run-id", "old").json
    assert before["reasons"][0]["examples"]
    make_old(home, "old")
    size = sum(file.stat().st_size for file in RunFolder(home / "runs" / "old").lead_data())

    rehearsed = leadferry_here("runs", "--prune", "30d", "--dry-run", "--json").json
    assert RunFolder(home / "runs" / "old").leads.exists()
    pruned = leadferry_here("runs", "--prune", "30d", "--json").json

    assert pruned == rehearsed | {"dry_run": False, "ended_before": pruned["ended_before"]}
    assert [run["run_id"] for run in pruned["pruned"]] == ["old"]
    assert pruned["bytes"] == size > 1000
    assert {file.name for file in (home / "runs" / "old").iterdir()} == {"report.json", "report.html", ".lock"}
    for file in home.rglob("*"):
        if file.is_file():
            assert not [cell for cell in personal(_rows()) if cell in file.read_bytes()], file
    after = json.loads((home / "runs" / "old" / "report.json").read_text())
    assert (after["counts"], after["balanced"]) == (before["counts"], True)
    assert [each | {"examples": [], "detail": None} for each in before["reasons"]] == after["reasons"]
    page = (home / "runs" / "old" / "report.html").read_text()
    assert "was deleted on" in page
    assert "None" not in page
    assert "rejects.csv" not in page
    assert 'href="report.json"' in page


def test_a_pruned_run_says_so_and_cannot_be_gone_on_with(leadferry_here, make_job, home):
    leadferry_here("load", make_job(_rows()), "--run-id", "old")
    make_old(home, "old")
    told = leadferry_here("runs", "--prune", "30d").out

    assert "deleted the lead data of old (ended 2020-01-02):" in told
    assert "The lead data of this run was deleted on" in leadferry_here("runs", "old").out
    assert "pruned" in leadferry_here("runs").out
    for command in (("resume", "old"), ("reconcile", "old"), ("trace", "old", "X00001")):
        refused = leadferry_here(*command, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (2, "RUN_PRUNED")
        assert "`leadferry runs old` shows them" in refused.err
    assert leadferry_here("runs", "--prune", "30d", "--json").json["pruned"] == []


def test_the_ledger_forgets_leads_and_keeps_states(leadferry_here, make_job, home, ringcx):
    leadferry_here("load", make_job(lead_rows(5)), "--run-id", "first")
    # The same ids again, so that there is a baseline; and a refusal with the server's words.
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "status_before_commit", "status": 500}])
    leadferry_here("load", make_job(lead_rows(5)), "--run-id", "old")
    make_old(home, "old")
    ledger = Ledger(f"sqlite:///{home / 'ledger.sqlite'}")
    try:
        before = ledger.events("old")
        assert before[0].baseline

        leadferry_here("runs", "--prune", "1d")

        after = ledger.events("old")
        assert [(each.state, each.code) for each in after] == [(each.state, each.code) for each in before]
        assert not any(each.baseline or each.message for each in after)
        assert {*after[-1].answer} == {"counts"}
        assert ledger.find_run("old").pruned_at is not None
        assert ledger.find_run("first").pruned_at is None
    finally:
        ledger.close()


def test_lead_data_goes_from_ledgers_of_every_kind(leadferry_here, make_job, home, monkeypatch, ledger_url):
    monkeypatch.setenv("LEADFERRY_LEDGER", ledger_url)
    for run_id in ("old", "young"):
        assert leadferry_here("load", make_job(_rows()), "--run-id", run_id).code == 0
    engine = sa.create_engine(read_url(ledger_url))
    with engine.begin() as db:
        db.exec_driver_sql(f"UPDATE leadferry_runs SET finished_at = '{LONG_AGO}' WHERE run_id = 'old'")
    engine.dispose()
    assert leadferry_here("trace", "--all", "X00001", "--json").json["matches"][1]["run_id"] == "young"

    pruned = leadferry_here("runs", "--prune", "30d", "--json").json["pruned"]
    forgotten = leadferry_here("forget", "X00001", "--json").json["runs"]

    assert [run["run_id"] for run in (*pruned, *forgotten)] == ["old", "young"]
    assert leadferry_here("resume", "old", "--json").json["error"]["code"] == "RUN_PRUNED"
    assert leadferry_here("resume", "young", "--json").json["error"]["code"] == "RUN_FORGOT_SOMEBODY"
    third = leadferry_here("load", make_job(_rows()), "--json").json
    assert [run["loaded"] for run in third["history"]] == [8, 8]
    assert not (home / "ledger.sqlite").exists()


def test_only_what_is_old_enough_goes_and_checks_go_too(leadferry_here, make_job, home, tmp_path):
    leadferry_here("load", make_job(_rows()), "--run-id", "young")
    leadferry_here("check", make_job(_rows()), "--run-id", "looked")
    leadferry_here("load", make_job(_rows()), "--dry-run", "--run-id", "planned")
    leadferry_here("check", make_job(_rows()), "--out", tmp_path / "elsewhere")
    make_old(home, "looked", "planned")

    pruned = leadferry_here("runs", "--prune", "8w", "--json").json

    assert [run["run_id"] for run in pruned["pruned"]] == ["looked", "planned"]
    assert {file.name for file in (home / "runs" / "planned").iterdir()} == {"report.json", "report.html", ".lock"}
    assert RunFolder(home / "runs" / "young").leads.exists()


def test_a_run_that_may_go_on_stays_unless_forced(leadferry_here, make_job, home, ringcx):
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": 403}])
    assert leadferry_here("load", make_job(_rows()), "--run-id", "half").code == 1
    ringcx.set_faults([])
    make_old(home, "half")

    first = leadferry_here("runs", "--prune", "30d", "--json").json
    assert (first["pruned"], [run["run_id"] for run in first["left"]]) == ([], ["half"])
    assert "--force" in first["left"][0]["why"]
    assert RunFolder(home / "runs" / "half").leads.exists()
    forced = leadferry_here("runs", "--prune", "30d", "--force", "--json").json

    assert [run["run_id"] for run in forced["pruned"]] == ["half"]
    assert not RunFolder(home / "runs" / "half").leads.exists()


def test_a_run_at_work_is_never_touched(leadferry_here, make_job, start_leadferry, ringcx, tmp_path):
    home = tmp_path / "home"
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.3))
    job = make_job(lead_rows(300), delivery={"max_in_flight": 1})
    with start_leadferry("load", job, "--run-id", "busy") as process:
        end = time.monotonic() + 60
        while not ringcx.state.answers_of("direct", 200) and time.monotonic() < end:
            time.sleep(0.02)
        with sqlite3.connect(home / "ledger.sqlite", timeout=30) as db:
            db.execute("UPDATE leadferry_runs SET started_at = ?", (LONG_AGO,))
        db.close()

        told = leadferry_here("runs", "--prune", "1h", "--force", "--json").json
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    ringcx.state.settings = SandboxSettings(throttles=False)

    assert told["pruned"] == []
    assert "at work on the run" in told["left"][0]["why"]
    assert leadferry_here("resume", "busy", "--json").json["counts"]["LOADED"] == 300


def test_a_prune_that_was_cut_off_is_completed_by_the_next(leadferry_here, make_job, home):
    leadferry_here("load", make_job(_rows()), "--run-id", "old")
    make_old(home, "old")
    folder = RunFolder(home / "runs" / "old")
    kept = folder.outcomes.read_bytes()
    leadferry_here("runs", "--prune", "30d")
    folder.outcomes.write_bytes(kept)
    (folder.path / ".leads.parquet.x1.tmp").write_bytes(kept)

    (pruned,) = leadferry_here("runs", "--prune", "30d", "--json").json["pruned"]

    assert [Path(file).name for file in pruned["files"]] == ["outcomes.parquet", ".leads.parquet.x1.tmp"]
    assert not folder.outcomes.exists()


def test_a_full_disk_is_made_room_on_and_the_report_is_stripped_by_the_next(leadferry_here, make_job, home, tmp_path):
    with full_disk(tmp_path) as disk:
        out = disk.folder / "out"
        leadferry_here("load", make_job(_rows()), "--run-id", "old", "--out", out)
        make_old(home, "old")
        (out / "outcomes.parquet").rename(out / "kept")  # so that nothing is freed that the report could be written to
        for file in RunFolder(out).lead_data():
            file.write_bytes(b"")
        disk.fill()

        first = leadferry_here("runs", "--prune", "30d", "--json").json
        disk.make_room()
        again = leadferry_here("runs", "--prune", "30d", "--json").json

    assert [run["run_id"] for run in first["left"]] == ["old"]
    assert "No space left" in first["left"][0]["why"]
    assert [run["run_id"] for run in again["pruned"]] == ["old"]


def test_a_folder_that_a_later_run_uses_is_the_later_ones(leadferry_here, make_job, home, tmp_path):
    out = tmp_path / "out"
    for run_id in ("old", "young"):
        assert leadferry_here("load", make_job(_rows()), "--run-id", run_id, "--out", out).code == 0
    make_old(home, "old")

    (pruned,) = leadferry_here("runs", "--prune", "30d", "--json").json["pruned"]

    assert (pruned["run_id"], pruned["files"]) == ("old", [])
    assert RunFolder(out).leads.exists()
    assert json.loads((out / "report.json").read_text())["run_id"] == "young"


def test_files_of_others_in_the_folder_are_left_alone(leadferry_here, make_job, home, tmp_path):
    out = tmp_path / "out"
    leadferry_here("load", make_job(_rows()), "--run-id", "old", "--out", out)
    (out / "notes.txt").write_text("mine")
    make_old(home, "old")

    leadferry_here("runs", "--prune", "30d")

    assert {file.name for file in out.iterdir()} == {"notes.txt", "report.json", "report.html", ".lock"}


@pytest.mark.parametrize("age", ["30", "d", "0d", "-1d", "30days", "999999w", "1.5d", ""])
def test_what_is_no_age_is_refused(leadferry_here, age):
    ended = leadferry_here("runs", f"--prune={age}", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "AGE_NOT_VALID")


@pytest.mark.parametrize("wrong", [("--dry-run",), ("--force",), ("some-run", "--prune", "30d")])
def test_options_that_do_not_go_together_are_refused(leadferry_here, wrong):
    assert leadferry_here("runs", *wrong).code == 2


def test_ages_and_sizes_in_words():
    assert [parse_age(text).total_seconds() / 3600 for text in ("12h", "30d", "8W")] == [12, 720, 1344]
    assert [tell_bytes(size) for size in (0, 1, 999, 1500, 2_500_000, 3_000_000_000)] == [
        "0 bytes", "1 byte", "999 bytes", "1.5 KB", "2.5 MB", "3.0 GB",
    ]  # fmt: skip
    assert [tell_duration(seconds) for seconds in (0.4, 59.6, 185, 7300)] == ["0s", "1m 00s", "3m 05s", "2h 01m"]


def test_pruning_where_nothing_was_ever_run_makes_no_ledger(leadferry_here, home):
    assert leadferry_here("runs", "--prune", "30d", "--json").json["bytes"] == 0
    assert not (home / "ledger.sqlite").exists()


# --- the list ---------------------------------------------------------------------------------------------------


def test_runs_are_listed_with_verdict_time_and_outcomes(leadferry_here, make_job, home):
    leadferry_here("load", make_job(_rows()), "--run-id", "good")
    make_job(lead_rows(1))
    (home.parent / "leads.csv").unlink()
    leadferry_here("load", home.parent / "leads.toml", "--run-id", "nothing")

    lines = leadferry_here("runs").out.splitlines()

    assert lines[0].split() == [
        "run", "verdict", "started", "(UTC)", "took", "rows", "loaded", "rejected", "duplicate", "by", "RingCX", "open",
    ]  # fmt: skip
    assert lines[1].split()[:2] + lines[1].split()[-6:] == ["nothing", "failed", "-", "-", "-", "-", "-", "-"]
    assert lines[2].split()[:2] + lines[2].split()[-6:] == ["good", "succeeded", "10", "8", "1", "1", "0", "0"]
    (_, good) = leadferry_here("runs", "--json").json["runs"]
    assert (good["counts"]["LOADED"], good["pruned_at"]) == (8, None)
    assert good["duration_seconds"] > 0


def test_a_run_whose_files_are_gone_still_has_its_numbers(leadferry_here, make_job, home):
    leadferry_here("load", make_job(_rows()), "--run-id", "good")
    RunFolder(home / "runs" / "good").report.unlink()

    told = leadferry_here("runs", "good").out

    assert "its report is no longer there" in told
    assert "LOADED" in told


# --- who may read -----------------------------------------------------------------------------------------------


def test_all_that_runs_leave_is_read_by_its_owner_alone(leadferry_here, make_job, home, ringcx, tmp_path):
    before = os.umask(0o022)
    try:
        leadferry_here("load", make_job(_rows()), "--run-id", "loaded")
        leadferry_here("load", make_job(_rows()), "--dry-run", "--run-id", "planned")
        leadferry_here("check", make_job(_rows()), "--out", tmp_path / "new" / "out")
        ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": 403}])
        leadferry_here("load", make_job(_rows()), "--run-id", "failed")
    finally:
        os.umask(before)

    found = [home, *home.rglob("*"), *(tmp_path / "new" / "out").rglob("*"), tmp_path / "new" / "out"]
    assert len(found) > 25
    open_to_others = [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []

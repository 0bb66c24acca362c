"""One person is taken out of everything that is kept; every row keeps its outcome, and everybody else stays."""

import csv
import json
import signal
import subprocess
import sys
import textwrap
import time

import polars as pl
import pytest

from connectors.ledger import Ledger
from connectors.sandbox.settings import SandboxSettings
from flows.run_folder import RunFolder
from tests.conftest import PROJECT, lead_rows
from tests.ledger_databases import full_disk

WHO = "(203) 555-0777"
DIGITS = "2035550777"
NAME = "Somebody Special"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def rows_with_them(at=4, **changes):
    """Eight rows, one of them the person's; another is refused and repeats nothing."""
    rows = lead_rows(8)
    rows[1]["phone"] = "no number"
    rows[at] |= {"id": "ID-777", "phone": WHO, "name": NAME} | changes
    return rows


def places(folder, *words):
    """Return the files in which one of `words` still is, whatever packs them."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            content += str(pl.read_parquet(file).to_dicts()).encode() if file.suffix == ".parquet" else b""
            found += [file.name] if any(word.encode() in content for word in words) else []
    return sorted(found)


def read_rejects(folder):
    with folder.rejects.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


THEIRS = (DIGITS, "555-0777", "5550777", "ID-777", NAME)


@pytest.mark.parametrize("who", ["203-555-0777", "+1 (203) 5550777", "ID-777"])
def test_a_person_is_taken_out_of_every_file_and_every_run(leadferry_here, make_job, home, who):
    reports = {}
    for run_id in ("first", "second"):
        facts = leadferry_here("load", make_job(rows_with_them()), "--run-id", run_id, "--json").json
        reports[run_id] = facts["counts"]
    leadferry_here("load", make_job(rows_with_them(zip="")), "--dry-run", "--run-id", "planned")
    before = {name: pl.read_parquet(home / "runs" / "first" / name) for name in ("outcomes.parquet", "leads.parquet")}
    assert len(places(home, *THEIRS)) > 8

    rehearsed = leadferry_here("forget", who, "--dry-run", "--json")
    assert len(places(home, *THEIRS)) > 8
    ended = leadferry_here("forget", who, "--json")

    assert (ended.code, places(home, *THEIRS)) == (0, [])
    assert ended.json["rows"] == rehearsed.json["rows"] == 3
    assert [run["run_id"] for run in ended.json["runs"]] == ["second", "first", "planned"]
    in_first = {each["file"].rpartition("/")[2]: each["rows"] for each in ended.json["runs"][1]["files"]}
    assert {"extract.parquet", "leads.parquet", "outcomes.parquet", "verdicts.parquet", "sent.parquet"} <= set(in_first)
    assert set(in_first.values()) == {1}
    after = {name: pl.read_parquet(home / "runs" / "first" / name) for name in before}
    for name, frame in before.items():
        assert after[name].schema == frame.schema
        others = pl.col("source_row") != 4
        assert after[name].filter(others).equals(frame.filter(others))
    (row,) = after["outcomes.parquet"].filter(source_row=4).to_dicts()
    assert (row["outcome"], row["externId"], row["leadPhone"], row["leadId"]) == ("LOADED", None, None, None)
    assert after["outcomes.parquet"]["source_row"].to_list() == list(range(8))
    for run_id, counts in reports.items():
        assert json.loads((home / "runs" / run_id / "report.json").read_text())["counts"] == counts
    assert leadferry_here("forget", who, "--json").json == {
        "dry_run": False, "rows": 0, "runs": [], "may_go_on": [],
    }  # fmt: skip


def test_what_was_asked_is_nowhere_in_what_is_said_or_kept(leadferry_here, make_job, home):
    leadferry_here("load", make_job(rows_with_them()), "--run-id", "first")

    said = [leadferry_here("forget", *arguments) for arguments in ((WHO, "--dry-run"), (WHO,), (WHO,))]

    assert [ended.code for ended in said] == [0, 0, 0]
    assert not [word for ended in said for word in (*THEIRS, WHO) if word in ended.out + ended.err]
    assert "1 row of 1 run taken out; outcomes and numbers stay." in said[1].out
    assert said[2].out == "nothing that is kept has this person in it\n"
    assert places(home, *THEIRS) == []


def test_the_number_can_come_from_standard_input(leadferry_here, make_job, home):
    leadferry_here("load", make_job(rows_with_them()), "--run-id", "first")

    assert leadferry_here("forget", "-", "--json", given="2035550777\n").json["rows"] == 1
    assert places(home, *THEIRS) == []


def test_a_refused_row_leaves_rejects_and_examples_and_the_others_stay(leadferry_here, make_job, home):
    rows = rows_with_them(zip="", state="", phone=f"{WHO} ext. lost 99")
    rows[4]["name"] = "=cmd\n'quoted', \"twice\""
    rows[1]["name"] = "=also; -odd"
    job = make_job(rows)
    leadferry_here("load", job, "--run-id", "first", "--json")
    folder = RunFolder(home / "runs" / "first")
    before = read_rejects(folder)
    refused = [int(row["leadferry_source_row"]) for row in before]
    assert refused == [1, 4]

    where = leadferry_here("forget", "ID-777", "--json").json["runs"][0]["files"]

    after = read_rejects(folder)
    assert after == before[:1]
    assert {each["file"].rpartition("/")[2] for each in where} >= {"rejects.csv", "report.json"}
    assert places(home, *THEIRS, "quoted") == []
    report = json.loads(folder.report.read_text())
    assert [each["rows"] for each in report["reasons"]] == [1, 1]
    assert [len(each["examples"]) for each in report["reasons"]].count(1) == 1
    assert leadferry_here("check", job, "--source", folder.rejects, "--json").json["counts"]["rows_read"] == 1


def test_the_ledger_loses_the_ids_of_their_leads_and_no_others(leadferry_here, make_job, home):
    for run_id in ("first", "second"):
        leadferry_here("load", make_job(rows_with_them()), "--run-id", run_id)
    sent = pl.read_parquet(home / "runs" / "first" / "outcomes.parquet")
    (theirs,) = sent.filter(externId="ID-777")["leadId"].to_list()
    ledger = Ledger(f"sqlite:///{home / 'ledger.sqlite'}")
    try:
        (before, *_) = ledger.events("second")
        assert theirs in before.baseline

        (second, _) = leadferry_here("forget", WHO, "--json").json["runs"]

        (after, *_) = ledger.events("second")
        assert after.baseline == before.baseline - {theirs}
        assert second["ledger_events"] == len(ledger.events("second")) == 1
        assert ledger.find_run("second").forgotten_at is not None
    finally:
        ledger.close()


def test_a_run_that_may_go_on_is_refused_and_nothing_is_changed_unless_forced(leadferry_here, make_job, home, ringcx):
    assert leadferry_here("load", make_job(rows_with_them()), "--run-id", "good").code == 0
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": 403}])
    assert leadferry_here("load", make_job(rows_with_them()), "--run-id", "half").code == 1
    ringcx.set_faults([])
    before, loaded = places(home, *THEIRS), sum(ringcx.state.times_inserted().values())

    rehearsed = leadferry_here("forget", WHO, "--dry-run")
    assert (rehearsed.code, "half may still be resumed" in rehearsed.out) == (0, True)
    refused = leadferry_here("forget", WHO, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "RUN_MAY_GO_ON")
    assert "leadferry resume half" in refused.err
    assert places(home, *THEIRS) == before
    forced = leadferry_here("forget", WHO, "--force", "--json")

    assert (forced.code, places(home, *THEIRS)) == (0, [])
    for run_id in ("half", "good"):
        resumed = leadferry_here("resume", run_id, "--json")
        assert (resumed.code, resumed.json["error"]["code"]) == (2, "RUN_FORGOT_SOMEBODY")
    assert sum(ringcx.state.times_inserted().values()) == loaded
    assert "leadferry resume half" not in (home / "runs" / "half" / "report.html").read_text()
    assert "Somebody was taken out of this run" in leadferry_here("runs", "good").out


def test_while_a_run_is_at_work_nobody_is_forgotten(leadferry_here, make_job, start_leadferry, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.3))
    job = make_job(lead_rows(300), delivery={"max_in_flight": 1})
    with start_leadferry("load", job, "--run-id", "busy") as process:
        end = time.monotonic() + 60
        while not ringcx.state.answers_of("direct", 200) and time.monotonic() < end:
            time.sleep(0.02)

        refused = leadferry_here("forget", "X00001", "--json")
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert (refused.code, refused.json["error"]["code"]) == (2, "RUN_BUSY")


@pytest.mark.parametrize("file", ["sent", "verdicts", "leads", "outcomes", "extract"])
def test_a_forgetting_that_is_killed_is_finished_by_the_next(leadferry_here, make_job, home, environment, file):
    leadferry_here("load", make_job(rows_with_them()), "--run-id", "first")
    program = f"""
        import os, signal
        import flows.forgetting as forgetting
        blank = forgetting._blank
        def killed_before(path, *rest):
            if path.stem == "{file}":
                os.kill(os.getpid(), signal.SIGKILL)
            blank(path, *rest)
        forgetting._blank = killed_before
        from flows.cli import cli
        cli(["forget", "2035550777"])
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.run(command, env=environment, cwd=PROJECT, check=False).returncode == -signal.SIGKILL
    assert places(home, *THEIRS) != []

    ended = leadferry_here("forget", WHO, "--json")

    assert (ended.code, places(home, *THEIRS)) == (0, [])


def test_a_number_that_is_an_id_too_can_be_told_apart(leadferry_here, make_job):
    rows = lead_rows(3)
    rows[0]["id"] = DIGITS
    rows[2]["phone"] = WHO
    leadferry_here("check", make_job(rows), "--run-id", "looked")

    found = [leadferry_here("forget", DIGITS, "--dry-run", "--json", *by).json["rows"]
             for by in ((), ("--as", "phone"), ("--as", "id"))]  # fmt: skip

    assert found == [2, 1, 1]


@pytest.mark.parametrize("who", [("",), ("Jane", "--as", "phone"), ("-",)])
def test_what_means_nobody_is_refused_without_being_told(leadferry_here, who):
    ended = leadferry_here("forget", *who, "--json", given="\n")

    assert (ended.code, ended.json["error"]["code"]) == (2, "PERSON_NOT_VALID")
    assert "Jane" not in ended.out + ended.err


def test_a_rejects_file_that_was_changed_is_not_guessed_at(leadferry_here, make_job, home):
    leadferry_here("load", make_job(rows_with_them()), "--run-id", "first")
    rejects = home / "runs" / "first" / "rejects.csv"
    rejects.write_text("something,else\n1,2\n")
    before = places(home, *THEIRS)

    ended = leadferry_here("forget", WHO, "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "FILE_UNREADABLE")
    assert places(home, *THEIRS) == before


def test_leads_that_are_not_sent_again_are_forgotten_too(leadferry_here, make_job, home):
    job = make_job(rows_with_them(), load={"already_loaded": "skip"})
    leadferry_here("load", job, "--run-id", "first")
    again = leadferry_here("load", job, "--run-id", "second", "--json").json
    assert again["counts"]["UNCHANGED"] == 7

    leadferry_here("forget", WHO)

    assert places(home, *THEIRS) == []
    third = leadferry_here("load", job, "--run-id", "third", "--json").json
    assert (third["counts"]["UNCHANGED"], third["status"]) == (6, "succeeded")


def test_their_id_goes_from_what_is_said_of_others(leadferry_here, make_job, home):
    """A number that was in the campaign already is explained by the id it was there under."""
    removing = {"duplicate_handling": "REMOVE_ALL_EXISTING"}
    leadferry_here("load", make_job(rows_with_them(), load=removing), "--run-id", "first")
    rows = rows_with_them(id="OTHER-1")
    facts = leadferry_here("load", make_job(rows, load=removing), "--run-id", "second", "--json").json
    assert facts["counts"]["REMOVED_BY_API"] == 7
    assert places(home / "runs" / "second", "ID-777")

    told = leadferry_here("forget", "ID-777", "--as", "id", "--json").json

    assert places(home, "ID-777") == []
    assert [(run["run_id"], run["rows"]) for run in told["runs"]] == [("second", 0), ("first", 1)]
    outcomes = pl.read_parquet(home / "runs" / "second" / "outcomes.parquet")
    (row,) = outcomes.filter(externId="OTHER-1").to_dicts()
    assert (row["outcome"], row["leadPhone"], row["detail"]) == ("REMOVED_BY_API", DIGITS, None)
    assert leadferry_here("reconcile", "second").code == 0
    assert leadferry_here("reconcile", "first", "--json").json["error"]["code"] == "RUN_FORGOT_SOMEBODY"


def test_a_full_disk_is_told_and_the_next_time_the_rest_is_forgotten(leadferry_here, make_job, tmp_path):
    with full_disk(tmp_path) as disk:
        out = disk.folder / "out"
        assert leadferry_here("load", make_job(rows_with_them()), "--run-id", "first", "--out", out).code == 0
        disk.fill()

        failed = leadferry_here("forget", WHO, "--json")

        assert (failed.code, failed.json["error"]["code"]) == (2, "FILE_NOT_WRITTEN")
        assert "the same command again" in failed.err
        assert places(out, *THEIRS) != []
        disk.make_room()
        assert leadferry_here("forget", WHO, "--json").code == 0
        assert places(out, *THEIRS) == []
        assert not [file for file in out.iterdir() if file.suffix == ".tmp"]

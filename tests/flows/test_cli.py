"""The command as a user meets it: exit codes, messages, files, and that nothing secret shows."""

import errno
import json
import os
import pty
import re
import subprocess
import sys
import time

import polars as pl
import pytest

from connectors.sandbox.settings import SandboxSettings
from tests.conftest import SHARED, lead_rows
from transforms.vocabulary.outcomes import Outcome

SECRETS = (SandboxSettings().client_secret, SandboxSettings().jwt, "Bearer ")


def test_a_load_gives_every_row_one_outcome_and_the_books_balance(leadferry_anew, make_job, ringcx, tmp_path):
    rows = lead_rows(25)
    rows[3]["phone"] = "12"
    rows[4]["phone"] = rows[0]["phone"]
    rows[5]["id"] = None
    job = make_job(rows)

    ended = leadferry_anew("load", job, "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended.err
    report = ended.json
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["counts"] == {
        "rows_read": 25, "LOADED": 22, "REJECTED": 2, "DUPLICATE": 1, "UNCHANGED": 0, "REJECTED_BY_API": 0,
        "REMOVED_BY_API": 0, "UNRESOLVED": 0, "NOT_SENT": 0,
    }  # fmt: skip
    assert (report["balanced"], report["batches"], report["requests"]) == (True, 3, 3)
    outcomes = pl.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes["source_row"].to_list() == list(range(25))
    assert outcomes.schema["source_row"] == pl.UInt64
    assert outcomes.filter(pl.col("outcome") == "DUPLICATE")["detail"].to_list() == ["source_row 0 is kept"]
    there = {lead.extern_id: lead.lead_id for lead in ringcx.state.leads()}
    loaded = outcomes.filter(pl.col("outcome") == "LOADED")
    assert dict(zip(loaded["externId"], loaded["leadId"], strict=True)) == there
    assert loaded["listId"].null_count() == loaded["leadState"].null_count() == 0
    rejects = pl.read_csv(tmp_path / "out" / "rejects.csv", infer_schema=False)
    assert rejects["leadferry_reason"].to_list() == ["PHONE_TOO_SHORT", "PHONE_REPEATED", "EXTERN_ID_MISSING"]
    assert set(rows[0]) <= set(rejects.columns)
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000
    assert pl.read_parquet(tmp_path / "out" / "leads.parquet").height == 22


def test_the_choices_of_the_job_arrive_in_the_request(leadferry, make_job):
    rows = [row | {"product": "7", "mobile": "212 555 0123", "tier": "gold"} for row in lead_rows(1)]
    columns = {
        "auxData1": "product", "extendedLeadData": {"tier": "tier"}, "personaPhoneConfig": {"Mobile": "mobile"},
        "leadPriority": "product",
    }  # fmt: skip
    load = {
        "dial_priority": "IMMEDIATE", "duplicate_handling": "RETAIN_ALL", "time_zone_option": "ZIPCODE",
        "list_state": "PAUSED", "dnc_tags": ["a", "b"], "phone_numbers_i18n_enabled": True,
        "international_number_format": False, "number_origin_country": "US",
        "schedule_archive_dts": "2030-01-31T00:00:00Z",
    }  # fmt: skip
    ended = leadferry("load", "--dry-run", "--json", make_job(rows, columns=columns, load=load))

    assert ended.code == 0, ended.err
    assert ended.json["first_request_body"] == {
        "description": "Test leads",
        "dialPriority": "IMMEDIATE",
        "duplicateHandling": "RETAIN_ALL",
        "timeZoneOption": "ZIPCODE",
        "listState": "PAUSED",
        "phoneNumbersI18nEnabled": True,
        "internationalNumberFormat": False,
        "numberOriginCountry": "US",
        "dncTags": ["a", "b"],
        "scheduleArchiveDts": "2030-01-31T00:00:00Z",
        "uploadLeads": [
            {
                "externId": "X00000",
                "leadPhone": "2035550000",
                "lastName": "Lead 0",
                "zip": "06511",
                "state": "CT",
                "auxData1": "7",
                "leadPriority": 7,
                "extendedLeadData": {"tier": "gold"},
                "personaPhoneConfig": {"Mobile": "2125550123"},
            }
        ],
    }


def test_a_dry_run_and_a_check_send_nothing_and_need_no_credentials(leadferry_anew, make_job, ringcx):
    job = make_job(lead_rows(3))
    without = dict.fromkeys(("RC_CLIENT_ID", "RC_CLIENT_SECRET", "RC_JWT", "RINGCX_ACCOUNT_ID"))

    assert leadferry_anew("load", "--dry-run", job, **without).code == 0
    assert leadferry_anew("check", job, **without).code == 0
    assert not ringcx.state.requests


def test_the_gate_stops_a_run_before_anything_is_sent(leadferry, make_job, ringcx):
    rows = lead_rows(10)
    for row in rows[:6]:
        row["phone"] = "none"
    job = make_job(rows)

    for command in ("check", "load"):
        ended = leadferry(command, job, "--json")
        assert ended.code == 3
        assert ended.json["status"] == "gate"
        assert ended.json["counts"]["REJECTED"] == 6
        assert ended.json["balanced"]
        assert "60.0%" in ended.err or "6 of 10" in ended.err
    assert not ringcx.state.requests


@pytest.mark.parametrize("state", ["exactly at the limit", "all bad but allowed"])
def test_a_reject_rate_up_to_the_limit_passes(leadferry, make_job, state):
    rows = lead_rows(4)
    bad = rows[:2] if state == "exactly at the limit" else rows
    for row in bad:
        row["phone"] = ""
    rate = 0.5 if state == "exactly at the limit" else 1.0

    ended = leadferry("load", make_job(rows, quality={"max_reject_rate": rate}), "--json")

    assert ended.code == 0, ended.err
    assert ended.json["counts"]["LOADED"] == 4 - len(bad)


WRONG_JOBS = {
    "a missing job file": (None, {}, "There is no job file"),
    "an unknown key": ({"load": {"batchsize": 5}}, {}, "did you mean 'batch_size'?"),
    "a wrong option": ({"load": {"dial_priority": "URGENT"}}, {}, "'IMMEDIATE' or 'NORMAL'"),
    "a missing column": ({"columns": {"lastName": "nmae"}}, {}, "did you mean 'name'?"),
    "a missing file": ({"source": {"path": "gone.csv"}}, {}, "There is no file"),
    "no credentials": ({}, {"RC_JWT": None}, "RC_JWT"),
    "wrong credentials": ({}, {"RC_JWT": "wrong"}, "Sign-in was refused"),
    "a wrong client secret": ({}, {"RC_CLIENT_SECRET": "wrong"}, "Sign-in was refused"),
    "an unknown campaign": ({"load": {"campaign": "My Predictive Campain"}}, {}, "'My New Predictive Campaign' (12346"),
    "an ambiguous campaign": ({"load": {"campaign": "Twin Campaign"}}, {}, "2 campaigns are named"),
    "an unknown account": ({}, {"RINGCX_ACCOUNT_ID": "1"}, "RINGCX_ACCOUNT_ID"),
    "no network": ({}, {"RINGCENTRAL_BASE_URL": "http://127.0.0.1:9"}, "cannot be reached"),
    "credentials in clear": ({}, {"RINGCX_BASE_URL": "http://ringcx.example"}, "is not an https address"),
    "a ledger that is none": ({}, {"LEADFERRY_LEDGER": "sqlite:////proc/nope.sqlite"}, "ledger cannot be opened"),
}


@pytest.mark.parametrize("what", WRONG_JOBS)
def test_what_is_wrong_is_told_once_with_exit_2_and_nothing_sent(leadferry, make_job, ringcx, tmp_path, what):
    sections, changes, words = WRONG_JOBS[what]
    job = tmp_path / "gone.toml" if sections is None else make_job(lead_rows(2), **sections)

    ended = leadferry("load", job, "--json", **changes)

    assert ended.code == 2, ended
    assert words in ended.json["error"]["message"] + ended.json["error"]["next_step"]
    assert len([line for line in ended.err.splitlines() if line.startswith("error:")]) == 1
    assert ringcx.state.requests_of("direct") == 0
    assert not any(secret in ended.out + ended.err for secret in SECRETS)


def test_an_empty_file_and_a_lone_header_are_told_apart(leadferry, make_job):
    empty = leadferry("check", make_job("", name="empty"))
    header = leadferry("check", make_job("id,phone,name,zip,state\n", name="header"))

    assert (empty.code, header.code) == (2, 2)
    assert "is empty" in empty.err
    assert "has a header but no rows" in header.err


def test_a_row_too_bad_to_read_does_not_stop_the_others(leadferry, make_job):
    text = (
        "id,phone,name,zip,state\n1,2035550101,a,06511,CT\n2,2035550102,b,06511,CT,surplus\n3,2035550103,c,06511,CT\n"
    )

    ended = leadferry("load", make_job(text), "--json")

    assert ended.code == 0, ended.err
    assert ended.json["counts"]["LOADED"] == 2
    assert [reason["code"] for reason in ended.json["reasons"]] == ["ROW_TOO_MANY_FIELDS"]


def test_limit_reads_only_the_first_rows(leadferry, make_job):
    ended = leadferry("load", make_job(lead_rows(30)), "--limit", "12", "--json")

    assert ended.json["counts"]["rows_read"] == ended.json["counts"]["LOADED"] == 12


def test_a_run_id_can_be_chosen_once(leadferry, make_job):
    job = make_job(lead_rows(2))

    assert leadferry("load", job, "--run-id", "tonight").code == 0
    again = leadferry("load", job, "--run-id", "tonight")
    assert again.code == 2
    assert "leadferry resume tonight" in again.err
    assert leadferry("load", job, "--run-id", "../up").code == 2


def test_runs_lists_and_shows_what_ran(leadferry, leadferry_anew, make_job):
    assert "no runs yet" in leadferry_anew("runs").out
    leadferry("load", make_job(lead_rows(2)), "--run-id", "tonight")

    assert re.search(r"tonight\s+succeeded .*s\s+2\s+2\s+0\s+0\s+0\s+0\n", leadferry("runs").out)
    assert [run["run_id"] for run in leadferry("runs", "--json").json["runs"]] == ["tonight"]
    assert "2 of 2 rows are in RingCX" in leadferry("runs", "tonight").out
    assert leadferry("runs", "yesterday").code == 2


def test_resuming_a_finished_run_sends_nothing(leadferry, leadferry_anew, make_job, ringcx):
    leadferry("load", make_job(lead_rows(5)), "--run-id", "tonight")
    sent = ringcx.state.requests_of("direct")

    again = leadferry_anew("resume", "tonight", "--json")

    assert again.code == 0
    assert again.json["counts"]["LOADED"] == 5
    assert ringcx.state.requests_of("direct") == sent


def test_nothing_secret_is_left_in_any_file(leadferry, make_job, tmp_path):
    assert leadferry("load", make_job(lead_rows(5)), "--debug").code == 0

    for file in (tmp_path / "home").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in SECRETS), file
            assert file.stat().st_mode & 0o077 == 0 or file.suffix.startswith(".sqlite"), file


def test_whole_numbers_stay_out_of_terminal_and_page(leadferry, make_job, tmp_path):
    rows = lead_rows(5)
    rows[2]["phone"] = rows[1]["phone"]
    ended = leadferry("load", make_job(rows), "--out", tmp_path / "out")

    shown = (
        ended.out
        + ended.err
        + (tmp_path / "out" / "report.html").read_text()
        + (tmp_path / "out" / "report.json").read_text()
    )
    digits = re.sub(r"[() -]", "", shown)
    assert "2035550000" not in digits
    assert "6175550000" not in digits


def test_a_terminal_sees_a_bar_with_rows_and_batches(environment, make_job, tmp_path):
    job = make_job(lead_rows(25))
    ours, theirs = pty.openpty()
    environment["COLUMNS"] = "120"
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "load", str(job)],
        env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)

    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"prepare\s.*25/25\s+rows", text)
    assert re.search(r"deliver\s.*3/3\s+batches, 25 rows", text)


def test_help_does_not_import_what_it_does_not_need(environment, tmp_path):
    code = (
        "import sys; sys.argv = ['leadferry', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'polars', 'pandera', 'prefect', 'httpx', 'sqlalchemy', 'phonenumbers', 'pydantic', 'starlette'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1] == "[]", ended.stderr


def test_the_sandbox_prints_what_to_export_and_ends_on_ctrl_c(environment, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "sandbox", "--port", "0", "--json"],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        told = json.loads(process.stdout.readline())
        time.sleep(0.1)
        process.send_signal(2)
        out, err = process.communicate(timeout=20)
    assert set(told["environment"]) >= {"RC_JWT", "RINGCX_BASE_URL"}
    assert (process.returncode, out, err) == (0, "", "")


def test_a_wrong_fault_file_is_refused(leadferry, tmp_path):
    (tmp_path / "faults.json").write_text('[{"call": "direct", "nth": 1, "fault": "drop_after_comit"}]')

    ended = leadferry("sandbox", "--port", "0", "--faults", tmp_path / "faults.json")

    assert ended.code == 2
    assert "drop_after_commit" in ended.err


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the public hospital list is not part of the project")
def test_the_whole_hospital_list_loads_under_throttles_without_a_429(leadferry, make_job, ringcx, tmp_path):
    ringcx.reset(SandboxSettings(throttles=True))
    job = make_job(
        [],
        name="hospitals",
        source={"path": str(SHARED / "data" / "cms_hospitals.csv")},
        columns={
            "externId": "Facility ID", "leadPhone": ["Phone Number"], "lastName": "Facility Name",
            "zip": "ZIP Code", "state": "State", "extendedLeadData": {"ownership": "Hospital Ownership"},
        },
        load={"batch_size": 250},
    )  # fmt: skip

    ended = leadferry("load", job, "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended.err
    counts = ended.json["counts"]
    assert counts["rows_read"] == 5320
    assert counts["LOADED"] + counts["REJECTED"] + counts["DUPLICATE"] == 5320
    assert counts["LOADED"] == ringcx.state.lead_count > 5290
    assert ringcx.state.doubles() == {}
    assert not ringcx.state.answers_of("direct", 429)
    reasons = pl.read_parquet(tmp_path / "out" / "outcomes.parquet").filter(pl.col("outcome") != Outcome.LOADED)
    assert reasons["reason"].null_count() == 0


@pytest.mark.parametrize("arguments", [["load"], ["load", "job.toml", "--limit", "0"], ["load", "job.toml", "--bogus"]])
def test_wrong_usage_is_one_json_document_where_json_is_asked_for(leadferry, arguments):
    ended = leadferry(*arguments, "--json")

    assert ended.code == ended.json["exit_code"] == 2
    assert "Usage:" in ended.err


def test_resuming_where_nothing_ever_ran_says_that_there_is_no_such_run(leadferry):
    ended = leadferry("resume", "tonight")

    assert ended.code == 2
    assert "There is no run tonight" in ended.err


FULL = OSError(errno.ENOSPC, "No space left on device", "leads.parquet")


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (FULL, (2, "No space left on device. Make room")),
        (
            pl.exceptions.ComputeError("No space left on device (os error 28)"),
            (2, "No space left on device. Make room"),
        ),
        (PermissionError(errno.EACCES, "Permission denied", "out"), (2, "Permission denied: out. Correct that")),
        (ValueError("4155552671 is odd"), (1, "Something unexpected went wrong (ValueError)")),
    ],
)
def test_what_the_system_refuses_is_told_in_its_words(leadferry_here, make_job, monkeypatch, error, ends):
    def fail(*_):
        raise error

    monkeypatch.setattr("flows.job_file.read_job", fail)
    ended = leadferry_here("preview", make_job(lead_rows(1)))
    assert ended.code == ends[0]
    assert ends[1] in ended.err
    assert "4155552671" not in ended.err


def fail_with_full(*_, **__):
    raise FULL


@pytest.mark.parametrize("command", [["check"], ["load", "--dry-run"]], ids=" ".join)
def test_a_check_that_meets_a_full_disk_sent_nothing_and_leaves_no_file(
    leadferry_here, make_job, monkeypatch, tmp_path, command
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("stays", encoding="utf-8")
    monkeypatch.setattr("flows.reporting.write_report", fail_with_full)

    ended = leadferry_here(*command, make_job([*lead_rows(3), *lead_rows(1)]), "--out", "out", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "DISK_FULL")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("full", ["flows.extracting.write_chunks", "flows.reporting.write_report"])
def test_a_load_that_meets_a_full_disk_says_by_its_code_whether_it_sent_something(
    leadferry_here, make_job, ringcx, monkeypatch, full
):
    monkeypatch.setattr(full, fail_with_full)

    ended = leadferry_here("load", make_job(lead_rows(3)), "--json")

    assert ended.json["error"]["code"] == "DISK_FULL"
    assert (ended.code, len(ringcx.state.leads())) == ((2, 0) if "extracting" in full else (1, 3))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"name = {'1' * 10_000}", "JOB_FILE_SYNTAX"),
        (f"name = {'[' * 5_000}{']' * 5_000}", "JOB_FILE_SYNTAX"),
        (f"name = {'[' * 200}{']' * 200}", "JOB_FILE_INVALID"),
        (f"[load]\nbatch_size = {'1' * 4_000}", "JOB_FILE_INVALID"),
    ],
    ids=["digits", "brackets", "fewer brackets", "fewer digits"],
)
def test_a_job_file_that_python_itself_refuses_is_told_as_one_to_mend(leadferry_here, tmp_path, text, code):
    (tmp_path / "odd.toml").write_text(text, encoding="utf-8")

    ended = leadferry_here("check", "odd.toml", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, code)


@pytest.mark.parametrize(
    "arguments",
    [["init", ""], ["check", ""], ["check", "leads.toml", "--out", ""], ["load", "leads.toml", "--source", " "]],
    ids=" ".join,
)
def test_an_empty_name_is_wrong_usage_and_not_the_working_folder(leadferry, make_job, tmp_path, arguments):
    make_job(lead_rows(1))
    before = sorted(tmp_path.iterdir())

    ended = leadferry(*arguments)

    assert ended.code == 2
    assert "it is empty, and must name something" in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_text_of_the_job_file_steers_no_terminal(leadferry_here, make_job):
    odd_key = make_job(lead_rows(1), load={'"\\u001b[31mred"': "x"})
    for_path = make_job(lead_rows(1), name="other", source={"path": "a\0\x1b]0;title\x07.csv"})

    for job in (odd_key, for_path):
        ended = leadferry_here("check", job)
        assert ended.code == 2
        assert not set(ended.err) & set("\0\x07\x1b")
        assert r"\x1b" in ended.err


def test_a_glob_with_stars_in_a_name_is_told_as_one_to_mend(leadferry_here, make_job):
    job = make_job(lead_rows(1), source={"path": "**l.csv"})

    for ended in (leadferry_here("check", job, "--json"), leadferry_here("init", "**l.csv", "--json")):
        assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_PATTERN")


def test_a_limit_of_more_rows_than_can_be_counted_is_wrong_usage(leadferry, make_job):
    job = make_job(lead_rows(2))

    assert leadferry("check", job, "--limit", "99999999999999999999").code == 2
    assert leadferry("check", job, "--limit", str(2**32 - 1)).code == 0

"""The same run as a Prefect flow, against a real Prefect server: tasks, states, artifacts, deployments, exit codes."""

import contextlib
import datetime as dt
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from connectors.sandbox.settings import SandboxSettings
from flows.prefect_processes import DEPLOYMENT, PROJECT, PrefectStack, clean_environment, end_session
from tests.conftest import Ended, lead_rows
from tests.notice_receivers import webhook
from tests.report_facts import make_full_facts, make_ringcx

pytestmark = pytest.mark.prefect

STAGES = ["prepare", "deliver", "reconcile", "report"]
TEN_DIGITS = re.compile(r"\d{3}\D{0,2}\d{3}\D?\d{4}(?!\d)")
START_DEMO = (sys.executable, "-m", "flows.prefect_demo", "--port", "0")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The demo, kept running: its home folder, and what it said up to the end of its one run.

    Its server, its deployment from prefect.yaml and its worker serve every test here.
    """
    home = tmp_path_factory.mktemp("demo")
    said = home / "said"
    environment = clean_environment(os.environ) | {"LEADFERRY_HOME": str(home)}
    with said.open("wb") as out:
        process = subprocess.Popen(START_DEMO, env=environment, cwd=PROJECT, stdout=out, stderr=out)
    try:
        wait_for_text(said, "Ctrl-C ends everything", process)
        yield home, said.read_text(encoding="utf-8")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert processes_about(str(home)) == []
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def stack(demo: tuple[Path, str]) -> PrefectStack:
    """The demo's Prefect."""
    home, said = demo
    port = re.search(r"http://127\.0\.0\.1:(\d+)/runs/", said)
    assert port, said
    return PrefectStack(home / "prefect-demo", int(port[1]), {}, Event())


@pytest.fixture
def known(stack: PrefectStack) -> dict[str, str | None]:
    """What a command's environment says more when it is to use the test's Prefect server.

    Prefect's own warnings are not ours to turn into errors.
    """
    return {"PREFECT_API_URL": f"{stack.url}/api", "PREFECT_HOME": str(stack.folder), "PYTHONWARNINGS": None}


@pytest.fixture
def prefect(leadferry: Callable[..., Ended], known: dict[str, str | None]) -> Callable[..., Ended]:
    """The command with the test's Prefect server."""

    def run(*arguments: str | Path, **changes: str | None) -> Ended:
        return leadferry(*arguments, **(known | changes))

    return run


def flow_run_named(stack: PrefectStack, name: str) -> dict[str, Any]:
    [found] = stack.call("POST", "flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
    return found


def of_flow_run(stack: PrefectStack, kind: str, flow_run_id: str) -> list[dict[str, Any]]:
    return stack.call("POST", f"{kind}/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}})


def task_states(stack: PrefectStack, flow_run_id: str) -> dict[str, str]:
    """Return the states of a flow run's tasks in the order they began, once the server has written all of them."""
    runs: list[dict[str, Any]] = []
    for _ in range(50):
        runs = of_flow_run(stack, "task_runs", flow_run_id)
        if runs and all(run["state_type"] in {"COMPLETED", "FAILED"} for run in runs) and runs_end(runs):
            break
        time.sleep(0.1)
    return {run["name"]: run["state_type"] for run in sorted(runs, key=lambda run: run["start_time"])}


def runs_end(runs: list[dict[str, Any]]) -> bool:
    return any(run["name"] in {"report", "plan"} for run in runs)


def test_the_command_line_does_not_import_prefect():
    code = "import sys, flows.cli, flows.run, flows.check_run; sys.exit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_a_cron_deployment_gets_scheduled_runs(stack):
    """With a wrong SQLAlchemy the scheduler fails without a word and this list stays empty for ever."""
    wanted = {"deployments": {"name": {"any_": ["nightly"]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}

    scheduled: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    while len(scheduled) < 2 and time.monotonic() < deadline:
        time.sleep(0.3)
        scheduled = stack.call("POST", "flow_runs/filter", wanted)

    starts = {dt.datetime.fromisoformat(run["expected_start_time"]) for run in scheduled if run["auto_scheduled"]}
    assert len(starts) >= 2
    assert {start.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") for start in starts} == {"02:30"}


def test_the_deployment_has_a_form_that_says_what_it_takes(stack):
    deployment = stack.call("GET", f"deployments/name/{DEPLOYMENT}")

    fields = deployment["parameter_openapi_schema"]["properties"]
    assert list(fields) == ["job", "limit", "run_id", "dry_run"]
    assert all(field["description"] for field in fields.values())
    assert {"minimum": 1, "type": "integer"} in fields["limit"]["anyOf"]
    assert deployment["parameters"] == {"job": "data-samples/leads.toml"}
    assert (PROJECT / deployment["parameters"]["job"]).is_file()
    assert deployment["enforce_parameter_schema"]


def test_a_load_runs_one_task_a_stage_and_shows_the_report_that_a_run_without_prefect_comes_to(
    prefect, leadferry, stack, make_job, ringcx
):
    rows = [*lead_rows(25), *lead_rows(3)]
    rows[3]["phone"] = "12"
    # Of two requests of one size the first words are the same, whichever is answered first.
    job = make_job(rows, quality={"seen_before": "ignore"}, load={"batch_size": 12})

    plain = leadferry("load", job, "--json").json
    ringcx.reset(SandboxSettings(throttles=False))
    ended = prefect("load", job, "--json", "--run-id", "shown")

    assert ended.code == 0, ended.err
    assert ended.json["balanced"]
    assert ended.json["counts"]["LOADED"] == 24
    of_this_run = {"run_id", "started_at", "finished_at", "folder", "timeline", "history"}
    assert set(plain) == set(ended.json)
    assert {key for key in plain if plain[key] != ended.json[key]} <= of_this_run
    run = flow_run_named(stack, "shown")
    assert run["state_type"] == "COMPLETED"
    assert run["state"]["message"] == ended.json["headline"]
    assert list(task_states(stack, run["id"]).items()) == [(stage, "COMPLETED") for stage in STAGES]
    shown = {artifact["key"]: artifact for artifact in of_flow_run(stack, "artifacts", run["id"])}
    bars = {"leads-progress-prepare", "leads-progress-deliver", "leads-progress-reconcile"}
    assert set(shown) == {"leads-summary", "leads-reasons", "leads-report", *bars}
    assert {float(shown[bar]["data"]) for bar in bars} == {100.0}
    assert f"](file://{ended.json['folder']}/report.html)" in shown["leads-report"]["data"]
    assert ended.json["headline"] in shown["leads-summary"]["data"]
    assert "report.html" in shown["leads-summary"]["data"]
    assert [reason["reason"] for reason in json.loads(shown["leads-reasons"]["data"])] == [
        reason["code"] for reason in ended.json["reasons"]
    ]
    assert not [text for text in everything_told(stack, "shown") if TEN_DIGITS.search(text)]


def everything_told(stack: PrefectStack, name: str) -> list[str]:
    """Return every log line and artifact of a flow run."""
    run = flow_run_named(stack, name)
    lines = stack.call("POST", "logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}})
    told = [line["message"] for line in lines]
    assert len(told) > 5
    return [*told, *(str(artifact["data"]) for artifact in of_flow_run(stack, "artifacts", run["id"]))]


def test_the_summary_says_what_stands_out_and_takes_no_text_for_markdown():
    from flows.prefect_artifacts import tell_summary  # noqa: PLC0415 - imports Prefect, for seconds

    difference = {"what": "leads seen, against those inserted", "expected": 9_000, "found": 7, "size": 8_993}
    facts = make_full_facts(
        headline="Nothing was sent: 1 column damaged ([x](http://example.com) <b>)",
        ringcx=make_ringcx(7) | {"differences": [difference]},
        warnings=["`code` | cell"],
    )

    told = tell_summary(facts)

    assert told.startswith(r"# Nothing was sent: 1 column damaged (\[x\](http://example.com) \<b\>)")
    assert "- leads seen, against those inserted: expected 9,000, found 7." in told
    assert "- 120,000 rows were read; the usual number is 250,000." in told
    assert r"- \`code\` \| cell" in told
    assert "- NO\\_ANSWER was met 6 times." in told


def test_a_quality_gate_fails_the_flow_run_and_exits_with_3(prefect, stack, make_job):
    rows = lead_rows(10)
    for row in rows[:6]:
        row["phone"] = "none"

    ended = prefect("load", make_job(rows), "--json", "--run-id", "gated")

    assert ended.code == 3
    assert ended.json["status"] == "gate"
    assert ended.json["error"]["code"] == "TOO_MANY_REJECTED"
    run = flow_run_named(stack, "gated")
    assert run["state_type"] == "FAILED"
    assert "6 of 10 rows were refused" in run["state"]["message"]
    assert task_states(stack, run["id"]) == {"prepare": "FAILED", "report": "COMPLETED"}


def test_unresolved_rows_fail_the_flow_run_and_a_resume_elsewhere_settles_them(
    prefect, leadferry, stack, make_job, ringcx
):
    patient = {"timeout_seconds": 5, "settle_seconds": 0.5, "give_up_seconds": 1}
    job = make_job(lead_rows(12), delivery=patient)
    ringcx.set_faults([{"call": "search", "from": 1, "fault": "search_fails"}])

    ended = prefect("load", job, "--json", "--run-id", "blind")
    failed = flow_run_named(stack, "blind")
    ringcx.set_faults([])
    resumed = leadferry("resume", "blind", "--json")

    assert ended.code == 1
    assert ended.json["counts"]["UNRESOLVED"] == 12
    assert failed["state_type"] == "FAILED"
    assert failed["state"]["message"] == ended.json["headline"]
    assert resumed.code == 0
    assert resumed.json["counts"]["LOADED"] == 12


def test_a_flow_waits_for_its_source_and_takes_it_when_it_comes(known, stack, make_job, environment, tmp_path):
    waits = {"missing": "wait", "wait_minutes": 2, "wait_poll_seconds": 0.2}
    job = make_job(lead_rows(3), source=waits)
    (tmp_path / "leads.csv").rename(tmp_path / "later")
    inherited = {name: value for name, value in (environment | known).items() if value is not None}
    command = [sys.executable, "-m", "flows", "load", str(job), "--run-id", "late", "--json"]
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(
            command, env=inherited, cwd=tmp_path, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        wait_for_text(tmp_path / "said", "Waiting up to", process)
        running = flow_run_named(stack, "late")
        (tmp_path / "later").rename(tmp_path / "leads.csv")
        out, _ = process.communicate(timeout=120)

    assert running["state_type"] == "RUNNING"
    assert process.returncode == 0, (tmp_path / "said").read_text()
    assert json.loads(out)["counts"]["LOADED"] == 3
    run = flow_run_named(stack, "late")
    assert run["state_type"] == "COMPLETED"
    assert list(task_states(stack, run["id"]).values()) == ["COMPLETED"] * len(STAGES)


def test_a_server_out_of_reach_is_told_before_anything_is_sent(prefect, make_job):
    ended = prefect("load", make_job(lead_rows(3)), "--json", PREFECT_API_URL="http://127.0.0.1:9/api")

    assert ended.code == 2
    assert ended.json["error"]["code"] == "PREFECT_UNREACHABLE"


def test_sigterm_ends_a_flow_after_the_requests_in_flight(known, make_job, ringcx, environment, leadferry, tmp_path):  # noqa: PLR0917 - fixtures
    job = make_job(lead_rows(60), load={"batch_size": 4}, delivery={"max_in_flight": 1})
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    inherited = {name: value for name, value in (environment | known).items() if value is not None}
    command = [sys.executable, "-m", "flows", "load", str(job), "--run-id", "stopped"]
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(command, env=inherited, cwd=tmp_path, stderr=said) as process,
    ):
        wait_for_text(tmp_path / "said", "deliver: 3 of 15", process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    ringcx.state.settings = SandboxSettings(throttles=False)

    [run] = leadferry("runs", "--json").json["runs"]
    resumed = leadferry("resume", "stopped", "--json")

    assert run["status"] == "interrupted"
    assert resumed.code == 0, resumed.err
    assert resumed.json["counts"]["LOADED"] == 60
    assert pl.read_parquet(Path(resumed.json["folder"]) / "outcomes.parquet")["leadId"].n_unique() == 60


def wait_for_text(file: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while text not in (said := file.read_text(encoding="utf-8")):
        assert process.poll() is None, f"ended without {text!r}: {said}"
        assert time.monotonic() < deadline, f"{text!r} never came: {said}"
        time.sleep(0.1)


def test_the_demo_shows_a_completed_run_of_the_deployment(demo, stack):
    home, said = demo

    assert "Completed" in said
    [shown] = re.findall(r"/runs/flow-run/([0-9a-f-]{36})", said)
    run = stack.call("GET", f"flow_runs/{shown}")
    assert re.fullmatch(r"sample-leads \d{4}-\d{2}-\d{2}", run["name"])
    assert task_states(stack, shown) == dict.fromkeys(STAGES, "COMPLETED")
    assert (home / "runs" / f"sample-leads-{shown}" / "report.html").is_file()


def test_retrying_a_flow_run_goes_on_with_its_own_run_and_sends_nothing_twice(demo, stack):
    home, said = demo
    [shown] = re.findall(r"/runs/flow-run/([0-9a-f-]{36})", said)
    report = home / "runs" / f"sample-leads-{shown}" / "report.json"
    before = json.loads(report.read_bytes())

    state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    stack.call("POST", f"flow_runs/{shown}/set_state", {"state": state, "force": True})
    ended = stack.wait_for_run(shown, 60)

    after = json.loads(report.read_bytes())
    assert ended["state_type"] == "COMPLETED", ended["state"]
    assert after["finished_at"] > before["finished_at"]
    assert (after["requests"], after["counts"]) == (before["requests"], before["counts"])
    assert [folder.name for folder in (home / "runs").glob("sample-leads-*")] == [report.parent.name]


def test_a_dry_run_of_the_deployment_sends_nothing(stack, make_job):
    asked = stack.start_run({"job": str(make_job(lead_rows(12))), "dry_run": True})

    ended = stack.wait_for_run(asked, 60)

    assert ended["state_type"] == "COMPLETED", ended["state"]
    assert ended["state"]["message"] == "12 of 12 rows would be sent in 2 requests."
    assert task_states(stack, asked) == {"plan": "COMPLETED"}


def test_credentials_and_who_is_told_come_from_secret_blocks_where_the_environment_has_none(prefect, stack, make_job):
    settings = SandboxSettings()
    kept = {
        "leadferry-rc-client-id": settings.client_id,
        "leadferry-rc-client-secret": settings.client_secret,
        "leadferry-rc-jwt": settings.jwt,
    }
    with webhook() as receiver:
        for name, value in (kept | {"leadferry-notify-url": receiver.address}).items():
            save_secret(stack, name, value)
        job = make_job(lead_rows(4), notify={"to": "env:LEADFERRY_NOTIFY_URL", "on": "always"})

        without = dict.fromkeys(("RC_CLIENT_ID", "RC_CLIENT_SECRET", "RC_JWT"))
        ended = prefect("load", job, "--json", "--run-id", "told", **without)

    assert ended.code == 0, ended.err
    assert not [value for value in kept.values() if value in ended.err + ended.out]
    (notice,) = receiver.got
    assert (notice["title"], "run: told" in notice["message"]) == ("Leadferry: leads: succeeded", True)
    assert "S3ntinel" not in ended.err + ended.out


def save_secret(stack: PrefectStack, name: str, value: str) -> None:
    kind = stack.call("GET", "block_types/slug/secret")
    [schema, *_] = stack.call(
        "POST", "block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    )
    stack.call(
        "POST",
        "block_documents/",
        {"name": name, "data": {"value": value}, "block_type_id": kind["id"], "block_schema_id": schema["id"]},
    )


def test_without_a_server_a_throw_away_one_keeps_every_task_run(leadferry, stack, make_job, tmp_path):
    """It starts from a copy of the other server's database: laying out a new one takes as long as all the rest."""
    home = tmp_path / "prefect"
    home.mkdir()
    database = home / "prefect.db"
    with (
        contextlib.closing(sqlite3.connect(stack.folder / "prefect.db")) as laid_out,
        contextlib.closing(sqlite3.connect(database)) as copy,
    ):
        laid_out.backup(copy)

    arguments = ("load", make_job(lead_rows(6)), "--prefect", "--json", "--run-id", "alone")
    ended = leadferry(*arguments, PREFECT_HOME=str(home), PYTHONWARNINGS=None)

    assert ended.code == 0, ended.err
    with contextlib.closing(sqlite3.connect(database)) as db:
        kept = db.execute(
            "select task_run.name, task_run.state_type from task_run join flow_run on flow_run.id = flow_run_id "
            "where flow_run.name = 'alone' order by task_run.start_time"
        ).fetchall()
        last_line = db.execute("select message from log order by timestamp desc limit 1").fetchone()
    assert kept == [(stage, "COMPLETED") for stage in STAGES]
    assert last_line[0].startswith("Finished in state Completed")
    assert "Error logging to API" not in ended.err


def test_a_demo_that_is_stopped_while_it_starts_takes_its_server_with_it(tmp_path):
    environment = clean_environment(os.environ) | {"LEADFERRY_HOME": str(tmp_path)}
    demo = subprocess.Popen(
        [*START_DEMO, "--once"], env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while len(processes_about(str(tmp_path))) < 2:
            assert demo.poll() is None
            time.sleep(0.1)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 130
        assert processes_about(str(tmp_path)) == []
    finally:
        end_session(demo)


def processes_about(text: str) -> list[int]:
    """Return the processes whose environment names `text`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if text.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found

"""Whole runs on every kind of ledger: loaded, killed, resumed, taken over from older versions."""

import json
import shutil
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path

import psycopg
import pytest

from connectors.ledger import Ledger
from connectors.sandbox.settings import SandboxSettings
from tests.conftest import lead_rows
from tests.ledger_databases import full_disk, ledger_database

OLD = Path(__file__).parents[1] / "connectors" / "old_ledger"


@pytest.fixture
def start(start_leadferry, ledger_url):
    """Start commands on the ledger, which end with the test."""
    return partial(start_leadferry, LEADFERRY_LEDGER=ledger_url)


def wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run never came that far"
        time.sleep(0.01)


def test_a_run_is_loaded_and_listed(leadferry, make_job, ringcx, ledger_url):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_half_committed"}])

    ended = leadferry("load", make_job(lead_rows(25)), "--json", "--run-id", "tonight", LEADFERRY_LEDGER=ledger_url)

    assert (ended.code, ended.json["counts"]["LOADED"]) == (0, 25), ended
    assert ringcx.state.doubles() == {}
    listed = leadferry("runs", "--json", LEADFERRY_LEDGER=ledger_url).json["runs"]
    assert [(run["run_id"], run["status"]) for run in listed] == [("tonight", "succeeded")]


def test_a_killed_run_is_resumed_at_once_by_the_same_host(leadferry, start, make_job, ringcx, ledger_url):
    """Its lease would last half a minute more, but the lock on its folder proves that its owner is gone."""
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    process = start(
        "load", make_job(lead_rows(60), delivery={"max_in_flight": 1, "give_up_seconds": 20}), "--run-id", "tonight"
    )
    wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 2, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ringcx.state.settings = SandboxSettings(throttles=False)

    began = time.monotonic()
    again = leadferry("resume", "tonight", "--json", LEADFERRY_LEDGER=ledger_url)

    assert (again.code, again.json["counts"]["LOADED"]) == (0, 60), again
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 60
    assert time.monotonic() - began < 25
    assert "waiting" not in again.err


def test_a_second_process_is_refused_while_the_first_is_alive(leadferry, start, make_job, ringcx, ledger_url):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.5))
    process = start("load", make_job(lead_rows(400), delivery={"max_in_flight": 1}), "--run-id", "tonight")
    wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 1, process)

    second = leadferry("resume", "tonight", LEADFERRY_LEDGER=ledger_url)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert (second.code, process.returncode) == (2, 130)
    assert "Another process is at work on the run in" in second.err
    assert ringcx.state.doubles() == {}


def test_a_disk_that_fills_up_stops_the_run_before_anything_unrecorded_is_sent(
    leadferry, start_leadferry, make_job, ringcx, tmp_path
):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    job = make_job(lead_rows(200), delivery={"max_in_flight": 2})
    with full_disk(tmp_path) as disk:
        url = f"sqlite:///{disk.folder / 'ledger.sqlite'}"
        process = start_leadferry("load", job, "--run-id", "tonight", LEADFERRY_LEDGER=url)
        wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 3, process)
        disk.fill()
        _, err = process.communicate(timeout=60)

        assert process.returncode == 1, err
        assert "There is no room left to write the ledger" in err
        assert "leadferry resume tonight" in err
        assert "Traceback" not in err
        ledger = Ledger(url)
        attempts = ledger.events("tonight")
        ledger.close()
        assert ringcx.state.requests_of("direct") <= len(attempts) < 20

        disk.make_room()
        ringcx.state.settings = SandboxSettings(throttles=False)
        again = leadferry("resume", "tonight", "--json", LEADFERRY_LEDGER=url)
    assert (again.code, again.json["counts"]["LOADED"]) == (0, 200), again
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 200


def test_a_ledger_that_another_program_holds_stops_the_run_and_resume_goes_on(
    leadferry, start_leadferry, make_job, ringcx, tmp_path
):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    job = make_job(lead_rows(200), delivery={"max_in_flight": 2})
    place = tmp_path / "ledger.sqlite"
    url = f"sqlite:///{place}?timeout=0.5"
    process = start_leadferry("load", job, "--run-id", "tonight", LEADFERRY_LEDGER=url)
    wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 2, process)
    other = sqlite3.connect(place, isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")
    _, err = process.communicate(timeout=60)
    begun = leadferry("load", job, LEADFERRY_LEDGER=url)
    other.execute("COMMIT")
    other.close()

    assert process.returncode == 1, err
    assert "held by another program" in err
    assert "Traceback" not in err
    assert begun.code == 2
    assert "held by another program" in begun.err
    again = leadferry("resume", "tonight", "--json", LEADFERRY_LEDGER=url)
    assert (again.code, again.json["counts"]["LOADED"]) == (0, 200), again
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 200


def test_a_run_survives_connections_that_the_ledgers_server_ends(start_leadferry, make_job, ringcx, tmp_path):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.05))
    job = make_job(lead_rows(200), delivery={"max_in_flight": 2})
    with ledger_database("PostgreSQL", tmp_path) as url, psycopg.connect(url, autocommit=True) as server:
        named = f"{url}&application_name=ended_often"
        process = start_leadferry("load", job, "--json", LEADFERRY_LEDGER=named)
        for answered in (2, 6, 12):
            wait_for(lambda answered=answered: ringcx.state.answers_of("direct", 200) >= answered, process)
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ended_often'"
            )
        out, err = process.communicate(timeout=60)

    assert (process.returncode, json.loads(out)["counts"]["LOADED"]) == (0, 200), err
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 200


def test_a_ledger_out_of_reach_is_a_wrong_configuration_and_nothing_is_sent(leadferry, make_job, ringcx):
    url = "postgresql://loader:s3cr3t@127.0.0.1:1/leads"

    ended = leadferry("load", make_job(lead_rows(5)), LEADFERRY_LEDGER=url)

    assert ended.code == 2
    assert "The ledger cannot be opened at" in ended.err
    assert "s3cr3t" not in ended.err + ended.out
    assert ringcx.state.requests_of("direct") == 0


def test_a_run_of_a_ledger_of_layout_1_is_listed_and_resumed(leadferry, ringcx, tmp_path):
    """The ledger and the folder are those that the first version left when it was killed while sending."""
    home = tmp_path / "home"
    shutil.copytree(OLD / "killed", home / "runs" / "killed")
    with sqlite3.connect(home / "ledger.sqlite") as db:
        db.executescript((OLD / "ledger.sql").read_text(encoding="utf-8").replace("@WORK@", str(tmp_path)))
    db.close()

    listed = leadferry("runs", "--json")
    assert {run["run_id"]: run["status"] for run in listed.json["runs"]} == {"ended": "succeeded", "killed": "running"}
    again = leadferry("resume", "killed", "--json")

    assert (again.code, again.json["counts"]["LOADED"]) == (0, 25), again
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 25
    told = {entry["state"]: entry["times"] for entry in again.json["delivery"]}
    assert told == {"unknown": 1, "absent": 2, "sending": 1, "accepted": 3}


def test_a_run_that_another_process_took_over_sends_nothing_more(start, make_job, ringcx, ledger_url):
    """As after a pause of the whole process that was longer than its lease."""
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.3))
    process = start("load", make_job(lead_rows(200), delivery={"max_in_flight": 1}), "--run-id", "tonight", "--json")
    wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 1, process)
    ledger = Ledger(ledger_url)
    lease = ledger.claim_run("tonight", host="elsewhere", lock="another", seconds=60)
    assert ledger.claim_run("tonight", host="elsewhere", lock="another", seconds=60, dead=lease.owner.token) is None
    sent = len(ledger.events("tonight"))

    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "Another process has taken over this run" in err
    assert "Traceback" not in err
    assert len(ledger.events("tonight")) == sent
    assert ledger.find_run("tonight").status == "running"
    assert ringcx.state.answers_of("direct", 200) <= sent
    ledger.close()

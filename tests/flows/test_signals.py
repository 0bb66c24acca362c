"""Ctrl-C and SIGTERM, wherever a run is: exit 130, the command to go on with, and nothing lost or doubled after it."""

import signal
import subprocess
import sys
import time
import tomllib

import pytest

from connectors.ledger import EventState, Ledger
from connectors.sandbox.settings import SandboxSettings
from tests.conftest import PROJECT, lead_rows

PATIENT = {"timeout_seconds": 5, "settle_seconds": 4, "give_up_seconds": 20, "max_in_flight": 1}


@pytest.fixture
def start(environment, tmp_path):
    """Start a load of the run `tonight` and go on while it runs."""

    def begin(job):
        command = [sys.executable, "-m", "flows", "load", str(job), "--run-id", "tonight"]
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return begin


@pytest.fixture
def events(tmp_path):
    """Read what the ledger says of the run."""

    def read():
        ledger = Ledger(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}")
        try:
            return ledger.events("tonight")
        finally:
            ledger.close()

    return read


def wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run never came that far"
        time.sleep(0.01)


def stop(process, *numbers):
    """Send signals, a moment apart, and hold that the process ends as it should."""
    with process:
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.2)
        _, err = process.communicate(timeout=40)
    assert process.returncode == 130, err
    assert "leadferry resume tonight" in err
    assert "Traceback" not in err


def goes_on_well(leadferry, ringcx, leads):
    """Resume and hold that every lead is in RingCX, once."""
    again = leadferry("resume", "tonight", "--json")
    assert again.code == 0, again
    assert again.json["counts"]["LOADED"] == leads
    assert sorted(ringcx.state.times_inserted().values()) == [1] * leads


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_requests_in_flight_are_ended_and_no_other_begins(leadferry, start, make_job, ringcx, number):
    ringcx.reset(SandboxSettings(throttles=False))
    ringcx.set_faults([{"call": "direct", "fault": "slow", "seconds": 1.0}])
    process = start(make_job(lead_rows(60), delivery=PATIENT | {"max_in_flight": 2}))
    wait_for(lambda: ringcx.state.open_requests and ringcx.state.faults.requests_of("direct"), process)

    stop(process, number)

    # Nothing was cut off: whatever was in flight was answered and written down.
    assert ringcx.state.answers_of("direct", 200) == ringcx.state.requests_of("direct") < 6
    ringcx.set_faults([])
    goes_on_well(leadferry, ringcx, 60)


def test_a_run_that_prepares_sends_nothing_any_more(start, make_job, ringcx, tmp_path):
    rows = lead_rows(100_000)
    process = start(make_job(rows, delivery=PATIENT, load={"batch_size": 1000}))
    wait_for(lambda: list((tmp_path / "home" / "runs").glob("tonight/*")), process)
    assert not (tmp_path / "home" / "runs" / "tonight" / "prepared.json").exists()

    stop(process, signal.SIGINT)

    assert ringcx.state.requests_of("direct") == 0


def test_a_wait_for_the_settling_time_is_cut_short(leadferry, start, make_job, ringcx, events):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_before_commit"}])
    process = start(make_job(lead_rows(4), delivery=PATIENT))
    wait_for(lambda: ringcx.state.requests_of("count") >= 3, process)

    stop(process, signal.SIGTERM)

    assert [event.state for event in events()] == [EventState.UNKNOWN]
    goes_on_well(leadferry, ringcx, 4)


def test_a_wait_for_the_throttle_is_cut_short(leadferry, start, make_job, ringcx, events):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "retry_after": "seconds", "seconds": 6}])
    process = start(make_job(lead_rows(4), delivery=PATIENT))
    wait_for(lambda: ringcx.state.answers_of("direct", 429), process)

    stop(process, signal.SIGINT)

    assert [event.state for event in events()] == [EventState.NOT_SENT]
    goes_on_well(leadferry, ringcx, 4)


def test_a_read_back_that_waits_is_cut_short(leadferry, start, make_job, ringcx, tmp_path):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "hide_leads", "seconds": 6.0}])
    process = start(make_job(lead_rows(4), delivery=PATIENT | {"settle_seconds": 20}))
    wait_for(lambda: ringcx.state.requests_of("count") >= 3, process)

    stop(process, signal.SIGTERM)

    assert not (tmp_path / "home" / "runs" / "tonight" / "outcomes.parquet").exists()
    goes_on_well(leadferry, ringcx, 4)


@pytest.mark.parametrize("times", [2, 4])
def test_pressing_ctrl_c_again_and_again_spoils_nothing(leadferry, start, make_job, ringcx, times):
    ringcx.set_faults([{"call": "direct", "nth": 2, "fault": "slow", "seconds": 2.0}])
    process = start(make_job(lead_rows(30), delivery=PATIENT))
    wait_for(lambda: ringcx.state.faults.requests_of("direct") == 2, process)

    stop(process, *[signal.SIGINT] * times)

    goes_on_well(leadferry, ringcx, 30)


@pytest.mark.parametrize(
    "module", ["flows.cli", "click", "transforms.vocabulary.errors", "flows.first_glance", "polars"]
)
def test_ctrl_c_while_the_command_is_still_imported_ends_it_in_a_word(environment, tmp_path, module):
    code = (
        "import os, runpy, signal, sys\n"
        "class InTheMidst:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, InTheMidst())\n"
        "sys.argv = ['leadferry', 'check', 'leads.toml']\n"
        "runpy.run_module('flows', run_name='__main__')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_the_installed_command_begins_where_an_early_ctrl_c_is_met():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert scripts == {"leadferry": "flows.__main__:main"}

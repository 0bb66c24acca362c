"""A source that is not there yet: waited for where the job says so, and taken when it is whole."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from threading import Event, Thread

import pytest

from flows.awaiting import await_source
from flows.job_file import read_job
from tests.conftest import lead_rows
from transforms.vocabulary.errors import RunInterruptedError, SourceError

WAIT = {"missing": "wait", "wait_minutes": 0.5, "wait_poll_seconds": 0.2}


@pytest.fixture
def job(make_job, tmp_path):
    """A job that waits, and no file yet."""

    def make(**source):
        path = make_job(lead_rows(3), source=WAIT | source)
        (tmp_path / "leads.csv").rename(tmp_path / "later")
        return path

    return make


@pytest.fixture
def waiting():
    """Wait in a thread; returns what was told, what was raised, and how to end it."""
    begun = []

    def begin(path):
        told, raised, stop = [], [], Event()

        def wait():
            try:
                await_source(read_job(path), stop, told.append)
            except (SourceError, RunInterruptedError) as error:
                raised.append(error)

        thread = Thread(target=wait)
        thread.start()
        begun.append((thread, stop))
        return thread, told, raised, stop

    yield begin
    for thread, stop in begun:
        stop.set()
        thread.join(10)


def test_a_file_that_has_lain_there_is_taken_at_once(job, tmp_path):
    path = job(wait_poll_seconds=3600, wait_minutes=600)
    (tmp_path / "later").rename(tmp_path / "leads.csv")
    os.utime(tmp_path / "leads.csv", (1, 1))

    await_source(read_job(path), Event(), pytest.fail)


def test_a_missing_file_fails_at_once_unless_the_job_waits(leadferry, make_job, tmp_path):
    path = make_job(lead_rows(1))
    (tmp_path / "leads.csv").unlink()

    ended = leadferry("check", path, "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_MISSING")


def test_after_its_time_the_job_ends_with_what_is_missing(job, leadferry):
    ended = leadferry("load", job(wait_minutes=0.01), "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_MISSING")
    assert "Waiting up to 1 second for" in ended.err


@pytest.mark.parametrize("command", ["check", "load"])
def test_a_file_that_comes_is_taken(job, environment, tmp_path, command):
    arguments = [sys.executable, "-m", "flows", command, str(job()), "--json"]
    with subprocess.Popen(
        arguments, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while "Waiting" not in process.stderr.readline():
            assert process.poll() is None
        (tmp_path / "later").rename(tmp_path / "leads.csv")
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["counts"]["rows_read"] == 3


def test_a_file_is_not_taken_while_it_grows(job, waiting, tmp_path):
    path = job(wait_poll_seconds=0.5)
    thread, told, raised, _ = waiting(path)
    with (tmp_path / "leads.csv").open("w", buffering=1) as file:
        for number in range(20):
            file.write(f"{number}\n")
            time.sleep(0.1)
            assert thread.is_alive()
    thread.join(10)

    assert not thread.is_alive()
    assert not raised
    assert len(told) == 1


def test_a_file_that_stays_empty_is_not_whole(job, waiting, tmp_path):
    path = job(wait_minutes=0.02)
    (tmp_path / "leads.csv").touch()
    thread, _, raised, _ = waiting(path)
    thread.join(10)

    assert [error.code for error in raised] == ["SOURCE_UNFINISHED"]
    assert "raise source.wait_minutes" in str(raised[0])


def test_a_stop_ends_the_waiting_at_once(job, waiting):
    thread, _, raised, stop = waiting(job(wait_poll_seconds=3600))
    began = time.monotonic()
    stop.set()
    thread.join(10)

    assert time.monotonic() - began < 2
    assert isinstance(raised[0], RunInterruptedError)


@pytest.mark.parametrize("command", ["check", "load"])
def test_ctrl_c_ends_the_waiting_and_a_load_can_go_on(job, environment, leadferry, tmp_path, command):
    path = job(wait_poll_seconds=60)
    arguments = [sys.executable, "-m", "flows", command, str(path), "--run-id", "tonight"]
    with subprocess.Popen(arguments, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while "Waiting" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    if command == "load":
        (tmp_path / "later").rename(tmp_path / "leads.csv")
        os.utime(tmp_path / "leads.csv", (1, 1))
        assert leadferry("resume", "tonight").code == 0


def test_a_run_keeps_the_path_it_began_with(leadferry, make_job, tmp_path):
    path = make_job(lead_rows(2), source={"path": "day-{run_date:%Y}-{{x}}/*.csv", "time_zone": "Asia/Tokyo"})
    year = time.strftime("%Y", time.gmtime(time.time() + 9 * 3600))
    (tmp_path / f"day-{year}-{{x}}").mkdir()
    (tmp_path / "leads.csv").rename(tmp_path / f"day-{year}-{{x}}" / "a.csv")

    ended = leadferry("load", path, "--json")

    assert ended.code == 0, ended.err
    assert ended.json["source"] == str(tmp_path / f"day-{year}-{{x}}" / "*.csv")


def test_the_zone_of_the_job_says_which_day_it_is(make_job):
    path = make_job(lead_rows(1), source={"path": "{run_date}.csv", "time_zone": "Pacific/Kiritimati"})
    ahead = read_job(path)
    behind = ahead.model_copy(update={"source": ahead.source.model_copy(update={"time_zone": "Pacific/Pago_Pago"})})
    moment = dt.datetime(2026, 11, 21, 10, 30, tzinfo=dt.UTC)

    assert ahead.as_of(moment).source.place.endswith("/2026-11-22.csv")
    assert behind.as_of(moment).source.place.endswith("/2026-11-20.csv")


def test_braces_in_the_folder_of_a_job_are_no_parameters(make_job, tmp_path):
    odd = tmp_path / "{run_date}"
    odd.mkdir()
    path = make_job(lead_rows(1)).rename(odd / "job.toml")

    assert read_job(path).source.place == str(odd / "leads.csv")

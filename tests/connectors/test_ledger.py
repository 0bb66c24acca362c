"""The ledger: what was intended is on disk before anything is sent, and a killed run can be read by the next."""

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.ledger import SCHEMA_VERSION, EventState, Ledger, RunRecord
from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
RUN = RunRecord(
    run_id="run-1",
    job="hospitals",
    status="running",
    folder=Path("runs/run-1"),
    job_json="{}",
    row_limit=None,
    started_at="2026-01-02T03:04:05+00:00",
    finished_at=None,
    account_id=None,
    campaign_id=None,
    campaign_name=None,
)
BATCHES = [Batch(1, "000001-a", 0, 10), Batch(2, "000002-b", 10, 5)]


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def open_ledger(place):
    """Open the ledger again and again, as other processes would."""
    opened = []

    def make(url=None):
        opened.append(Ledger(url or f"sqlite:///{place}"))
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    """A ledger with one planned run."""
    ledger = open_ledger()
    ledger.open_run(RUN)
    ledger.plan_batches("run-1", BATCHES)
    return ledger


def begin(ledger, number=1, places=None, baseline=()):
    return ledger.begin_attempt("run-1", number, places=places, baseline=baseline, now=NOW)


def end(ledger, attempt, state, answer=None):
    ledger.end_attempt(attempt, state=state, code="CODE", message="words", answer=answer, now=NOW)


def test_the_intent_to_send_is_seen_by_others_as_soon_as_it_returns(ledger, place):
    attempt = begin(ledger, places=[0, 3], baseline={9, 7})

    with sqlite3.connect(place) as other:
        rows = other.execute("select event_id, number, state, places, baseline from leadferry_events").fetchall()
    other.close()
    assert rows == [(attempt, 1, "sending", "[0,3]", "[7,9]")]


def test_every_connection_flushes_a_commit_to_disk(ledger):
    with ledger._engine.connect() as db:  # noqa: SLF001 - durability cannot be seen from outside without a power cut
        assert db.exec_driver_sql("pragma synchronous").scalar() == 2
        assert db.exec_driver_sql("pragma journal_mode").scalar() == "wal"


def test_an_attempt_has_no_end_until_its_answer_is_recorded(ledger):
    attempt = begin(ledger, baseline=[5])
    (event,) = ledger.events("run-1")
    assert (event.state, event.places, event.baseline, event.finished_at) == (EventState.SENDING, None, {5}, None)

    end(ledger, attempt, EventState.ACCEPTED, {"counts": {"inserted": 10}})

    (event,) = ledger.events("run-1")
    assert (event.event_id, event.state, event.code, event.message) == (attempt, EventState.ACCEPTED, "CODE", "words")
    assert event.answer == {"counts": {"inserted": 10}}
    assert dt.datetime.fromisoformat(event.finished_at) == NOW


def test_a_reopened_ledger_gives_the_same_run_batches_and_events(ledger, open_ledger):
    for state in (EventState.ACCEPTED, EventState.REFUSED, EventState.NOT_SENT, EventState.UNKNOWN):
        end(ledger, begin(ledger), state)
    ledger.settle("run-1", 1, places=[0, 1, 2], landed=[1], now=NOW)
    begin(ledger, number=2, places=[4])
    before = (ledger.find_run("run-1"), ledger.batches("run-1"), ledger.events("run-1"))
    ledger.close()

    again = open_ledger()

    assert (again.find_run("run-1"), again.batches("run-1"), again.events("run-1")) == before
    assert before[0] == RUN
    assert before[1] == BATCHES
    assert [event.number for event in again.events("run-1", 2)] == [2]
    settled = again.events("run-1", 1)[-1]
    assert (settled.state, settled.places, settled.answer) == (EventState.SETTLED, (0, 1, 2), {"landed": [1]})


def test_runs_are_listed_newest_first_and_can_be_updated(ledger):
    ledger.open_run(replace(RUN, run_id="run-2", started_at="2026-02-01T00:00:00+00:00", row_limit=7))
    ledger.update_run("run-1", status="succeeded", campaign_id=12345, finished_at="2026-03-01T00:00:00+00:00")

    assert [run.run_id for run in ledger.list_runs()] == ["run-2", "run-1"]
    assert ledger.find_run("run-1") == replace(
        RUN, status="succeeded", campaign_id=12345, finished_at="2026-03-01T00:00:00+00:00"
    )
    assert ledger.find_run("run-3") is None


def test_a_run_id_that_is_taken_is_refused_and_the_first_run_stays(ledger):
    with pytest.raises(ConfigurationError, match="leadferry resume run-1") as error:
        ledger.open_run(replace(RUN, job="another"))

    assert error.value.code == "RUN_EXISTS"
    assert ledger.find_run("run-1") == RUN


def test_batches_are_planned_once(ledger):
    ledger.plan_batches("run-1", [Batch(1, "000001-z", 0, 15)])
    ledger.plan_batches("run-1", [])

    assert ledger.batches("run-1") == BATCHES


def test_no_attempt_is_recorded_for_a_batch_that_was_never_planned(ledger):
    with pytest.raises(Exception, match="FOREIGN KEY"):
        begin(ledger, number=3)

    assert ledger.events("run-1") == []


def test_two_threads_that_write_at_once_lose_nothing(ledger):
    def work(number):
        for _ in range(25):
            end(ledger, begin(ledger, number), EventState.NOT_SENT)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (1, 2)))

    events = ledger.events("run-1")
    assert len({event.event_id for event in events}) == 50
    assert {event.state for event in events} == {EventState.NOT_SENT}
    assert len(ledger.events("run-1", 1)) == 25


def test_two_ledgers_on_one_database_wait_for_each_other(ledger, open_ledger):
    other = open_ledger()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: [begin(each) for _ in range(25)], (ledger, other)))

    assert len(ledger.events("run-1")) == 50


def test_many_that_open_a_new_ledger_at_the_same_moment_all_get_it(open_ledger, tmp_path):
    for number in range(5):
        url = f"sqlite:///{tmp_path / str(number)}"
        with ThreadPoolExecutor(8) as pool:
            ledgers = list(pool.map(lambda _, url=url: open_ledger(url), range(8)))
        ledgers[0].open_run(RUN)
        assert [each.find_run("run-1") for each in ledgers] == [RUN] * 8


def test_a_ledger_of_a_newer_layout_is_refused_and_left_alone(ledger, place, open_ledger):
    ledger.close()
    with sqlite3.connect(place) as other:
        other.execute("update leadferry_schema set version = ?", (SCHEMA_VERSION + 1,))
    other.close()

    with pytest.raises(ConfigurationError, match="Upgrade leadferry") as error:
        open_ledger()

    assert error.value.code == "LEDGER_NEWER"
    with sqlite3.connect(place) as other:
        assert other.execute("select version from leadferry_schema").fetchall() == [(SCHEMA_VERSION + 1,)]
    other.close()


@pytest.mark.parametrize(
    "url",
    [
        "rubbish",
        "",
        "sqlite:///{place}/missing/ledger.sqlite",
        "sqlite:///{place}",
        "nothing+atall://somewhere/db",
        "postgresql://user:s3cr3t@127.0.0.1:port/db",
        "postgresql+nodriver://user:s3cr3t@127.0.0.1/db",
        "sqlite:///{place}/ledger?timeout=soon",
    ],
)
def test_a_url_that_gives_no_database_is_a_wrong_configuration_and_keeps_its_password(open_ledger, tmp_path, url):
    with pytest.raises(ConfigurationError, match="LEADFERRY_LEDGER") as error:
        open_ledger(url.format(place=tmp_path) or " ")

    assert "s3cr3t" not in f"{error.value} {error.value!r}"


def test_a_file_that_is_no_database_is_a_wrong_configuration(open_ledger, place):
    place.write_text("This is a text file, and it is long enough to be taken for the head of a database. " * 5)

    with pytest.raises(ConfigurationError, match="cannot be opened"):
        open_ledger()


def test_a_writer_killed_while_sending_leaves_an_attempt_without_an_end(ledger, place, open_ledger):
    ledger.close()
    program = f"""
        import datetime as dt, time
        from connectors.ledger import Ledger
        ledger = Ledger("sqlite:///{place}")
        ledger.begin_attempt("run-1", 2, places=None, baseline=[4], now=dt.datetime.now(dt.UTC))
        print("sending", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout.readline() == b"sending\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    (event,) = open_ledger().events("run-1")
    assert (event.number, event.state, event.baseline) == (2, EventState.SENDING, {4})
    assert event.finished_at is None

"""Ledgers that cannot be used: each says what is wrong and what to do, and loses nothing that was recorded."""

import datetime as dt
import random
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from connectors.ledger import EventState, Ledger, RunRecord
from tests.ledger_databases import SERVER, full_disk, ledger_database
from tests.ledger_writers import write_for_ever
from tests.warm_command import FORKS
from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError

PROJECT = Path(__file__).parents[2]
OLD = PROJECT / "tests" / "connectors" / "old_ledger" / "ledger.sql"
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger.sqlite"


@contextmanager
def opened(url, run_id="run-1", **changes):
    """A ledger with one planned run, which is its own."""
    ledger = Ledger(url, **changes)
    texts = {"job": "job", "status": "running", "job_json": "{}", "started_at": "2026-01-02T03:04:05+00:00"}
    nothing = dict.fromkeys(("row_limit", "finished_at", "account_id", "campaign_id", "campaign_name"))
    if ledger.find_run(run_id) is None:
        ledger.open_run(RunRecord(run_id=run_id, folder=Path("runs"), **texts, **nothing))
    ledger.claim_run(run_id, host="here", lock="lock", seconds=60)
    ledger.plan_batches(run_id, [Batch(1, "000001-a", 0, 10)])
    try:
        yield ledger
    finally:
        ledger.close()


def begin(ledger, run_id="run-1"):
    return ledger.begin_attempt(run_id, 1, places=None, baseline=range(50), now=NOW)


def end(ledger, attempt, message="words"):
    ledger.end_attempt(attempt, state=EventState.ACCEPTED, code=None, message=message, answer=None, now=NOW)


def code_of(work):
    with pytest.raises(ConfigurationError) as error:
        work()
    assert error.value.next_step
    return error.value.code


@pytest.mark.parametrize(
    "url",
    [
        "rubbish",
        "",
        "sqlite:///{place}/missing/ledger.sqlite",
        "sqlite:///{place}",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://user:s3cr3t@127.0.0.1/db",
        "nothing+atall://somewhere/db",
        "postgresql://user:s3cr3t@127.0.0.1:port/db",
        "postgresql+nodriver://user:s3cr3t@127.0.0.1/db",
        "postgresql://user:s3cr3t@127.0.0.1:1/db",
        "postgres://user:s3cr3t@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=user&password=s3cr3t",
        "postgresql://user:s3cr3t@127.0.0.1:5432/db?no_such_option=1",
        "sqlite:///{place}/ledger?timeout=soon",
    ],
)
def test_a_url_that_gives_no_database_is_a_wrong_configuration_and_keeps_its_password(tmp_path, url):
    with pytest.raises(ConfigurationError, match="LEADFERRY_LEDGER") as error:
        Ledger(url.format(place=tmp_path) or " ")

    assert "s3cr3t" not in f"{error.value} {error.value!r}"


def test_a_server_that_refuses_the_sign_in_is_told_without_the_password(tmp_path):
    with ledger_database("PostgreSQL", tmp_path):
        url = SERVER.replace("postgres@", "nobody_known_here:s3cr3t@")
        with pytest.raises(ConfigurationError, match="nobody_known_here") as error:
            Ledger(url)

    assert error.value.code == "LEDGER_UNUSABLE"
    assert "s3cr3t" not in f"{error.value} {error.value!r}"


def test_a_file_that_is_no_database_is_a_wrong_configuration(place):
    place.write_text("This is a text file, and it is long enough to be taken for the head of a database. " * 5)

    assert code_of(lambda: Ledger(f"sqlite:///{place}")) == "LEDGER_DAMAGED"


def test_a_ledger_that_may_only_be_read_is_read_and_refuses_to_be_written(place):
    with opened(f"sqlite:///{place}") as writer:
        begin(writer)
        ledger = Ledger(f"sqlite:///file:{place}?mode=ro&uri=true")
        assert len(ledger.events("run-1")) == 1
        assert code_of(lambda: ledger.release_run("run-1")) == "LEDGER_READ_ONLY"
        assert code_of(lambda: ledger.windows().take("account", "direct", ((1, 1.0),))) == "LEDGER_READ_ONLY"
        ledger.close()


def test_an_old_ledger_that_may_only_be_read_is_not_upgraded(place):
    with sqlite3.connect(place) as db:
        db.executescript(OLD.read_text(encoding="utf-8"))
        db.execute("PRAGMA journal_mode=WAL")

        assert code_of(lambda: Ledger(f"sqlite:///file:{place}?mode=ro&uri=true")) == "LEDGER_READ_ONLY"
    db.close()


@contextmanager
def held_by_another_process(place):
    program = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("BEGIN EXCLUSIVE")
        print("held", flush=True)
        sys.stdin.readline()
        db.execute("COMMIT")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("let go\n", timeout=10)


def test_a_database_that_another_program_holds_is_waited_for_and_then_told(place):
    with opened(f"sqlite:///{place}", busy_seconds=0.3) as ledger:
        with held_by_another_process(place):
            began = time.monotonic()
            assert code_of(lambda: begin(ledger)) == "LEDGER_BUSY"
            assert 0.25 < time.monotonic() - began < 5
            assert code_of(lambda: ledger.windows().take("account", "direct", ((1, 1.0),))) == "LEDGER_BUSY"
            assert ledger.events("run-1") == []  # reading needs not wait

        assert begin(ledger) == 1


def test_a_database_that_is_let_go_of_in_time_is_written(place):
    with opened(f"sqlite:///{place}") as ledger, held_by_another_process(place) as holder:
        threading.Timer(0.3, holder.stdin.write, ("let go\n",)).start()
        threading.Timer(0.4, holder.stdin.flush).start()

        assert begin(ledger) == 1


def test_how_long_to_wait_can_be_said_in_the_url(place):
    with opened(f"sqlite:///{place}?timeout=0.2") as ledger, held_by_another_process(place):
        began = time.monotonic()
        assert code_of(lambda: begin(ledger)) == "LEDGER_BUSY"
        assert time.monotonic() - began < 5


def test_a_table_that_another_program_locks_is_waited_for_and_then_told(tmp_path):
    with ledger_database("PostgreSQL", tmp_path) as url, opened(url, busy_seconds=0.3) as ledger:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE leadferry_events")
            assert code_of(lambda: begin(ledger)) == "LEDGER_BUSY"
        assert begin(ledger) > 0


def test_a_full_database_refuses_the_intent_and_keeps_what_it_has(place):
    with opened(f"sqlite:///{place}") as ledger:
        attempt = begin(ledger)
        limit = ledger._database.read  # noqa: SLF001 - the limit is the connection's own
        limit(
            lambda db: db.exec_driver_sql(f"PRAGMA max_page_count={db.exec_driver_sql('PRAGMA page_count').scalar()}")
        )

        assert code_of(lambda: [begin(ledger) for _ in range(1_000)]) == "LEDGER_FULL"
        recorded = len(ledger.events("run-1"))
        assert code_of(lambda: end(ledger, attempt, "words" * 10_000)) == "LEDGER_FULL"

        assert [event.state for event in ledger.events("run-1")] == [EventState.SENDING] * recorded
        limit(lambda db: db.exec_driver_sql("PRAGMA max_page_count=1000000"))
        end(ledger, attempt)
        assert ledger.events("run-1")[0].state is EventState.ACCEPTED


def test_a_full_disk_refuses_the_intent_and_keeps_what_it_has(tmp_path):
    with full_disk(tmp_path) as disk, opened(f"sqlite:///{disk.folder / 'ledger.sqlite'}") as ledger:
        attempt = begin(ledger)
        disk.fill()

        assert code_of(lambda: [begin(ledger) for _ in range(10_000)]) == "LEDGER_FULL"
        assert ledger.events("run-1")[0].event_id == attempt

        recorded = len(ledger.events("run-1"))
        disk.make_room()
        assert begin(ledger) > attempt
        assert len(ledger.events("run-1")) == recorded + 1


def test_a_disk_that_is_full_while_a_ledger_is_upgraded_leaves_the_old_layout_whole(tmp_path):
    with full_disk(tmp_path) as disk:
        place = disk.folder / "ledger.sqlite"
        with sqlite3.connect(place) as db:
            db.executescript(OLD.read_text(encoding="utf-8"))
            before = list(db.iterdump())
        db.close()
        disk.fill()

        assert code_of(lambda: Ledger(f"sqlite:///{place}")) == "LEDGER_FULL"

        disk.make_room()
        with sqlite3.connect(place) as db:
            assert list(db.iterdump()) == before
        db.close()
        ledger = Ledger(f"sqlite:///{place}")
        assert len(ledger.events("ended")) == 8
        ledger.close()


def test_writers_that_are_killed_at_any_moment_lose_no_intent_that_was_recorded(ledger_url, tmp_path):
    runs = [f"run-{number}" for number in range(3)]
    said = {run_id: [] for run_id in runs}
    for run_id in runs:
        with opened(ledger_url, run_id) as ledger:
            ledger.release_run(run_id)
    for kill in range(3):
        files = {run_id: tmp_path / f"{run_id}-{kill}" for run_id in runs}
        processes = [FORKS.Process(target=write_for_ever, args=(ledger_url, *each)) for each in files.items()]
        for process in processes:
            process.start()
        for process, file in zip(processes, files.values(), strict=True):
            while not (file.exists() and file.stat().st_size):
                assert process.is_alive()
                time.sleep(0.01)
        for process in processes:
            time.sleep(random.uniform(0.0, 0.15))  # noqa: S311 - any moment will do
            process.kill()
            process.join()
        for run_id, file in files.items():
            said[run_id] += file.read_text(encoding="utf-8").splitlines(keepends=True)

    ledger = Ledger(ledger_url)
    for run_id in runs:
        states = {event.event_id: event.state for event in ledger.events(run_id)}
        whole = [line for line in said[run_id] if line.endswith("\n")]
        assert len(whole) >= 3
        assert {int(line.split()[0]) for line in whole} <= set(states)
        assert {states[int(line.split()[0])] for line in whole if "ended" in line} <= {EventState.NOT_SENT}
        assert len(states) <= len({line.split()[0] for line in whole}) + 3  # one more for each kill, not yet said
    ledger.close()
    if ledger_url.startswith("sqlite"):
        with sqlite3.connect(ledger_url.removeprefix("sqlite:///")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()

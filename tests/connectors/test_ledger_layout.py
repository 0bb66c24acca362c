"""Ledgers of older layouts are upgraded in place with all they hold; what is killed on the way leaves them whole."""

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from connectors.ledger import EventState, Ledger
from connectors.ledger_engine import read_url
from connectors.ledger_layout import LAYOUT
from connectors.ledger_tables import METADATA

PROJECT = Path(__file__).parents[2]
OLD = (Path(__file__).parent / "old_ledger" / "ledger.sql").read_text(encoding="utf-8")
TABLES = ("leadferry_runs", "leadferry_batches", "leadferry_events")


@pytest.fixture
def engine(ledger_url):
    engine = sa.create_engine(read_url(ledger_url))
    yield engine
    engine.dispose()


@pytest.fixture
def old_ledger(engine):
    """A ledger of layout 1, as its own program left it: one run that ended well, one that was killed."""
    if engine.dialect.name == "sqlite":
        with sqlite3.connect(engine.url.database) as db:
            db.executescript(OLD)
        db.close()
        return engine
    # The same layout and rows, as that program made them on PostgreSQL.
    text = OLD.replace("event_id INTEGER NOT NULL", "event_id SERIAL NOT NULL")
    statements = [each.strip() for each in text.replace("BEGIN TRANSACTION;", "").split(";\n")]
    first = {"leadferry_runs": 0, "leadferry_batches": 1, "leadferry_events": 2}
    statements.sort(key=lambda each: next((place for name, place in first.items() if name in each.split("(")[0]), 3))
    with engine.begin() as db:
        for each in statements:
            if each and each != "COMMIT;":
                db.exec_driver_sql(each.replace("%", "%%"))
        db.exec_driver_sql("SELECT setval('leadferry_events_event_id_seq', 11)")
    return engine


def contents(engine):
    """Everything that layout 1 knows, of each table in its order, but for the states of events."""
    columns = {
        "leadferry_runs": "run_id, job, status, folder, job_json, row_limit, started_at, finished_at, account_id,"
        " campaign_id, campaign_name",
        "leadferry_batches": "run_id, number, batch_id, first, size",
        "leadferry_events": "event_id, run_id, number, places, baseline, code, message, answer, started_at,"
        " finished_at",
    }
    with engine.connect() as db:
        return {
            table: [tuple(row) for row in db.exec_driver_sql(f"SELECT {names} FROM {table} ORDER BY 1, 2")]
            for table, names in columns.items()
        }


def layout_of(engine):
    with engine.connect() as db:
        names = set(sa.inspect(db).get_table_names())
        return names, db.exec_driver_sql("SELECT version FROM leadferry_schema").fetchall()


def differences(engine):
    options = {"version_table": "leadferry_revision", "compare_type": engine.dialect.name == "postgresql"}
    with engine.connect() as db:
        return compare_metadata(MigrationContext.configure(db, opts=options), METADATA)


def test_an_old_ledger_keeps_everything_and_its_proofs_are_told_apart(old_ledger, ledger_url):
    before = contents(old_ledger)
    assert len(before["leadferry_events"]) == 11

    ledger = Ledger(ledger_url)

    assert contents(old_ledger) == before
    states = [event.state for event in ledger.events("ended") if event.state.is_search]
    assert states == [EventState.PARTLY_LANDED, EventState.LANDED, EventState.ABSENT]
    assert [event.state for event in ledger.events("killed")] == [
        EventState.UNKNOWN, EventState.ABSENT, EventState.SENDING,
    ]  # fmt: skip
    assert layout_of(old_ledger)[1] == [(LAYOUT,)]
    ledger.close()


def test_new_events_follow_those_of_an_upgraded_ledger(old_ledger, ledger_url):
    del old_ledger
    ledger = Ledger(ledger_url)
    ledger.claim_run("killed", host="here", lock="lock", seconds=60)

    ledger.settle("killed", 1, places=range(10), landed=[], now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))

    assert [event.event_id for event in ledger.events("killed")] == [9, 10, 11, 12]
    ledger.close()


def test_the_steps_lead_to_the_tables_that_the_program_uses(engine, ledger_url):
    Ledger(ledger_url).close()

    assert differences(engine) == []


def test_an_upgraded_ledger_and_a_new_one_are_laid_out_alike(old_ledger, ledger_url):
    Ledger(ledger_url).close()

    assert differences(old_ledger) == []


def test_a_ledger_whose_laying_out_was_killed_half_way_is_completed(engine, ledger_url):
    """Layout 1 was made table by table, each for itself."""
    with engine.begin() as db:
        db.exec_driver_sql("CREATE TABLE leadferry_schema (version INTEGER NOT NULL)")

    Ledger(ledger_url).close()

    names, version = layout_of(engine)
    assert names >= set(TABLES)
    assert version == [(LAYOUT,)]


def test_many_that_open_an_old_ledger_at_the_same_moment_all_get_it_upgraded_once(old_ledger, ledger_url):
    before = contents(old_ledger)
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(lambda _: Ledger(ledger_url), range(6)))

    assert {len(ledger.events("ended")) for ledger in ledgers} == {8}
    assert contents(old_ledger) == before
    for ledger in ledgers:
        ledger.close()


@pytest.mark.parametrize("when", ["writes == 3", "writes == 9", "'UPDATE leadferry_revision SET' in statement"])
def test_an_upgrade_that_is_killed_leaves_the_old_layout_whole_and_the_next_completes_it(old_ledger, ledger_url, when):
    before, layout = contents(old_ledger), layout_of(old_ledger)
    program = f"""
        import os, signal
        import sqlalchemy as sa
        from connectors.ledger import Ledger
        writes = 0
        @sa.event.listens_for(sa.Engine, "before_cursor_execute")
        def count(connection, cursor, statement, *_):
            global writes
            writes += statement.lstrip().upper().startswith(("CREATE", "ALTER", "UPDATE", "INSERT", "DELETE"))
            if {when}:
                os.kill(os.getpid(), signal.SIGKILL)
        Ledger("{ledger_url}")
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=PROJECT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (contents(old_ledger), layout_of(old_ledger)) == (before, layout)

    ledger = Ledger(ledger_url)

    assert [event.state for event in ledger.events("killed")][1] is EventState.ABSENT
    assert (contents(old_ledger), layout_of(old_ledger)[1]) == (before, [(LAYOUT,)])
    ledger.close()


def test_a_ledger_of_layout_2_keeps_its_runs_which_have_no_numbers_yet(old_ledger, ledger_url):
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "connectors" / "ledger_migrations"))
    with old_ledger.begin() as db:
        config.attributes["connection"] = db
        command.stamp(config, "1")
        command.upgrade(config, "2")
        db.exec_driver_sql("UPDATE leadferry_runs SET fingerprint = 'same' WHERE run_id = 'ended'")
    before = contents(old_ledger)
    assert layout_of(old_ledger)[1] == [(2,)]

    ledger = Ledger(ledger_url)

    assert (contents(old_ledger), layout_of(old_ledger)[1]) == (before, [(LAYOUT,)])
    run = ledger.find_run("ended")
    assert (run.fingerprint, run.is_whole) == ("same", True)
    assert {run.numbers, run.other_source, run.pruned_at, run.forgotten_at} == {None}
    assert differences(old_ledger) == []
    ledger.close()


def test_opening_a_ledger_of_today_needs_no_alembic(ledger_url):
    """It is slow to import, and needed once in a ledger's life."""
    Ledger(ledger_url).close()
    program = "import sys; from connectors.ledger import Ledger; Ledger(sys.argv[1]); print('alembic' in sys.modules)"
    command = [sys.executable, "-c", program, ledger_url]

    ended = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (os.EX_OK, "False\n", "")


def test_the_steps_are_in_the_package_that_is_installed(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    steps = PROJECT / "connectors" / "ledger_migrations"
    assert {str(file.relative_to(PROJECT)) for file in steps.rglob("*.py")} <= inside

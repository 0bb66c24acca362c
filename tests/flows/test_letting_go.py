"""A source that is not read to its end: the process ends with the right code, and without a word of its libraries."""

import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import PROJECT, lead_rows
from tests.source_databases import KINDS, source_database

ENDLESS = {
    "SQLite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i AS id, {rest} FROM r",
    "DuckDB": "SELECT i AS id, {rest} FROM range(1, 1000000000) AS r(i)",
    "PostgreSQL": "SELECT generate_series(1, 1000000000) AS id, {rest}",
    "MariaDB": "SELECT seq AS id, {rest} FROM seq_1_to_1000000000",
}
REST = "'(203) 555-0123' AS phone, 'Ash' AS name, '06510' AS zip, 'CT' AS state"
PLAIN = lead_rows(100_000)


@pytest.fixture
def job(kind, make_job, tmp_path):
    """A job over more rows than anybody reads here."""
    if kind in KINDS:
        with source_database(kind, tmp_path) as database:
            query = ENDLESS[kind].format(rest=REST)
            yield make_job([], source={"type": "database", "path": None, "url": database.url, "query": query})
        return
    path = make_job(PLAIN)
    source = tmp_path / "leads.csv"
    if kind == "quoted CSV":
        lines = source.read_text("utf-8").splitlines()
        source.write_text("".join('"' + line.replace(",", '","') + '"\n' for line in lines), "utf-8")
    if kind == "odd CSV":
        lines = source.read_text("utf-8").splitlines(keepends=True)
        lines[50_000] = '"' + lines[50_000]  # a quote that never closes
        source.write_text("".join(lines), "utf-8")
    yield path


@pytest.mark.parametrize("kind", [*KINDS, "CSV", "quoted CSV", "odd CSV"])
def test_the_first_rows_are_enough(job, leadferry_anew):
    ended = leadferry_anew("check", "--limit", "5", job)

    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("kind", ["DuckDB", "PostgreSQL", "quoted CSV"])
def test_a_preview_reads_no_further_either(job, leadferry_anew):
    """One source whose reader is a library's own thread, one that is a server's, and one that is ours."""
    ended = leadferry_anew("preview", job)

    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_ends_a_check_of_an_endless_query(kind, make_job, environment, tmp_path):
    with source_database(kind, tmp_path) as database:
        query = ENDLESS[kind].format(rest=REST)
        path = make_job([], source={"type": "database", "path": None, "url": database.url, "query": query})
        process = _started(environment, tmp_path, "check", path)
        # Well within its rows: Python may lose a signal that comes while two threads import.
        _wait_for(lambda: any((tmp_path / "home" / "runs").glob("*/.leads.parquet.*")), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "interrupted\n")


def test_ctrl_c_ends_a_load_that_reads_an_endless_query(make_job, environment, tmp_path):
    with source_database("SQLite", tmp_path) as database:
        query = ENDLESS["SQLite"].format(rest=REST)
        path = make_job([], source={"type": "database", "path": None, "url": database.url, "query": query})
        process = _started(environment, tmp_path, "load", path, "--run-id", "tonight")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert err.splitlines() == [
        "run tonight",
        "stopping after the requests in flight; once more stops at once",
        "error: The run tonight was interrupted. Go on with: leadferry resume tonight",
    ]
    assert not list((tmp_path / "home" / "runs" / "tonight").glob("*extract*"))


def _started(environment, home, *words):
    command = [sys.executable, "-m", "flows", *map(str, words)]
    process = subprocess.Popen(
        command,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs = home / "home" / "runs"
    _wait_for(lambda: runs.exists() and any(runs.iterdir()), process)
    return process


def _wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run never came that far"
        time.sleep(0.01)

"""What a person should know of a source: on the terminal, in the report, and again after a resume."""

import polars as pl
import pytest

from tests.conftest import lead_rows


@pytest.fixture
def job(make_job, tmp_path):
    """Two files, of which one lacks a column."""
    path = make_job(lead_rows(2), source={"type": "parquet", "path": "parts"})
    (tmp_path / "parts").mkdir()
    pl.DataFrame(lead_rows(2)).write_parquet(tmp_path / "parts" / "1.parquet")
    pl.DataFrame(lead_rows(2, first=2)).with_columns(more=1).write_parquet(tmp_path / "parts" / "2.parquet")
    return path


NOTE = "The files do not have the same columns; what a file lacks is empty. 1.parquet lacks 'more'."


@pytest.mark.parametrize("command", [("check",), ("load", "--dry-run"), ("load",)], ids=" ".join)
def test_notes_are_told_at_once_and_in_the_report(job, leadferry, command):
    ended = leadferry(*command, job, "--json")

    assert ended.code == 0, ended.err
    assert ended.err.count(f"warning: {NOTE}") == 1
    assert ended.json["warnings"] == [NOTE]


def test_a_run_that_goes_on_after_its_source_was_read_still_tells(job, leadferry):
    failed = leadferry("load", job, "--run-id", "tonight", "--json", RINGCENTRAL_BASE_URL="http://127.0.0.1:9")
    assert failed.code == 2
    ended = leadferry("resume", "tonight", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["warnings"] == [NOTE]


def test_a_damaged_file_is_named_and_nothing_is_sent(job, leadferry, tmp_path):
    damaged = tmp_path / "parts" / "2.parquet"
    pl.DataFrame(lead_rows(5000)).write_parquet(damaged)
    content = bytearray(damaged.read_bytes())
    content[40:400] = bytes(360)
    damaged.write_bytes(content)

    for command in ("check", "load"):
        ended = leadferry(command, job, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_UNREADABLE")
        assert str(damaged) in ended.json["error"]["message"]


def test_files_of_no_rows_at_all_are_told_as_such(job, leadferry, tmp_path):
    for file in (tmp_path / "parts").iterdir():
        pl.read_parquet(file).clear().write_parquet(file)

    ended = leadferry("check", job, "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_EMPTY")

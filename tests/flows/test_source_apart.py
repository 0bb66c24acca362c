"""No run clears, or writes over, what it is to read."""

import polars as pl
import pytest

from flows.job_file import read_job
from flows.run_folder import RunFolder
from flows.source_apart import refuse_source_in
from tests.conftest import lead_rows
from transforms.vocabulary.errors import ConfigurationError

COMMANDS = pytest.mark.parametrize("command", [["check"], ["load", "--dry-run"], ["load"]], ids=" ".join)


@COMMANDS
def test_a_mended_rejects_file_is_not_cleared_away_by_the_run_that_reads_it(leadferry, make_job, tmp_path, command):
    rows = [*lead_rows(4), lead_rows(5)[4] | {"phone": "12"}]
    job, out = make_job(rows), tmp_path / "out"
    assert leadferry("check", job, "--out", out).code == 0
    mended = (out / "rejects.csv").read_text(encoding="utf-8").replace("12", "(415) 555-2671")
    (out / "rejects.csv").write_text(mended, encoding="utf-8")

    ended = leadferry(*command, job, "--source", out / "rejects.csv", "--out", out, "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "OUT_HOLDS_SOURCE")
    assert (out / "rejects.csv").read_text(encoding="utf-8") == mended
    elsewhere = leadferry(*command, job, "--source", out / "rejects.csv", "--out", tmp_path / "other", "--json")
    assert elsewhere.code == 0, elsewhere.err
    assert elsewhere.json["counts"]["rows_read"] == 1


@COMMANDS
def test_a_source_with_the_name_of_a_runs_file_stays(leadferry, make_job, tmp_path, command):
    job = make_job(lead_rows(3), source={"type": "parquet", "path": "leads.parquet"})
    pl.DataFrame(lead_rows(3)).write_parquet(tmp_path / "leads.parquet")
    before = (tmp_path / "leads.parquet").read_bytes()

    ended = leadferry(*command, job, "--out", ".", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "OUT_HOLDS_SOURCE")
    assert (tmp_path / "leads.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "out"),
    [
        (".", "."),
        ("*.csv", "."),
        ("./data/../*.csv", "."),
        ("**/*.csv", "data"),
        ("**/*.csv", "data/deeper"),
        ("d*/rej*", "data"),
        ("data", "data"),
        ("link", "data"),
        ("data/linked.csv", "data"),
        ("rejects.csv", "."),
    ],
)
def test_a_source_that_is_or_would_be_a_runs_file_is_refused(make_job, tmp_path, path, out):
    job = read_job(make_job(lead_rows(2), source={"path": path}))
    lay_out(tmp_path)

    with pytest.raises(ConfigurationError, match="the run would write a file of its own") as refused:
        refuse_source_in(RunFolder((tmp_path / out).resolve()), job)
    assert refused.value.code == "OUT_HOLDS_SOURCE"


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("leads.csv", "."),
        ("leads.csv", "data"),
        ("leads-*.csv", "."),
        ("*.csv", "data"),
        ("data", "."),
        (".", "data"),
        ("**/*.csv", ".leadferry/runs/one"),
        ("none.csv", "."),
        ("s3://bucket/rejects.csv", "."),
    ],
)
def test_a_source_beside_a_runs_files_is_read(make_job, tmp_path, path, out):
    job = read_job(make_job(lead_rows(2), source={"path": path}))
    lay_out(tmp_path)

    refuse_source_in(RunFolder((tmp_path / out).resolve()), job)


def lay_out(folder):
    (folder / "data" / "deeper").mkdir(parents=True)
    (folder / "rejects.csv").write_text("id,phone\n", encoding="utf-8")
    (folder / "data" / "rejects.csv").write_text("id,phone\n", encoding="utf-8")
    (folder / "data" / "linked.csv").symlink_to(folder / "data" / "rejects.csv")
    (folder / "link").symlink_to(folder / "data", target_is_directory=True)

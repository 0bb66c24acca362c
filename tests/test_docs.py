"""The documents say what really is."""

import datetime as dt
import json
import os
import re
import tomllib
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner

from connectors.sandbox.faults import FAULTS, load_faults
from flows.cli import cli
from flows.job_file import read_job
from tests.conftest import PROJECT, lead_rows

DOCS = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])


def test_every_fault_is_in_the_sandbox_page():
    page = (PROJECT / "docs" / "sandbox.md").read_text(encoding="utf-8")

    assert not [name for name, kind in FAULTS.items() if f"`{name}`" not in page]
    assert not [key for kind in FAULTS.values() for key in kind.parameters if f"`{key}`" not in page]


def test_the_sample_faults_can_be_played():
    path = PROJECT / "data-samples" / "faults.json"

    load_faults(path)
    assert len(json.loads(path.read_text())) == 5


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))

    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def _source_examples():
    page = (PROJECT / "docs" / "job-file.md").read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(\[source\]\n.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def _rest_of_a_job():
    job = (PROJECT / "data-samples" / "leads.toml").read_text(encoding="utf-8")
    return re.sub(r"^\[source\]\n.*?(?=^\[)", "", job, flags=re.MULTILINE | re.DOTALL)


def write_csv_example(path):
    """Rows as a mainframe leaves them: two lines of chatter, no header, comments, apostrophes, a short row."""
    rows = [list(row.values()) for row in lead_rows(6)]
    rows[3][2] = "José; Maria"
    lines = [";".join(f"'{cell}'" for cell in row) for row in rows]
    lines[4] = ";".join(f"'{cell}'" for cell in rows[4][:4])
    text = "\n".join(["export of tonight", "6 rows", *lines[:2], "# half way", *lines[2:]])
    (path / "export.csv").write_text(text, encoding="windows-1252")


def write_parquet_example(path):
    for month in ("01", "02"):
        (path / f"warehouse/leads/year=2026/month={month}").mkdir(parents=True)
        rows = pl.DataFrame(lead_rows(3, 100 * int(month)))
        rows.write_parquet(path / f"warehouse/leads/year=2026/month={month}/part.parquet")


def write_excel_example(path):
    with xlsxwriter.Workbook(str(path / "crm export.xlsx")) as book:
        book.add_worksheet("Notes").write(0, 0, "Not this one")
        sheet = book.add_worksheet("Leads")
        sheet.write(0, 0, "Our leads")
        rows = [row.values() for row in lead_rows(6)]
        for place, cells in enumerate([lead_rows(1)[0].keys(), *rows], 2):
            sheet.write_row(place, 0, list(cells))


def write_dated_example(path):
    day = dt.datetime.now(ZoneInfo("America/New_York"))
    for each in (day, day + dt.timedelta(days=1)):  # the day may end while the test runs
        folder = path / f"exports/{each:%Y-%m-%d}"
        folder.mkdir(parents=True)
        for number in (1, 2):
            pl.DataFrame(lead_rows(3, 10 * number)).write_csv(folder / f"{number}.csv")
            os.utime(folder / f"{number}.csv", (1, 1))  # whole since long ago


DATA = {
    "export.csv": write_csv_example,
    "warehouse/leads": write_parquet_example,
    "crm export.xlsx": write_excel_example,
    "exports/{run_date:%Y-%m-%d}/*.csv": write_dated_example,
}
"""Path in an example to what writes the six leads that the example is to read."""

ELSEWHERE = ("s3://our-exports/", "env:CRM_URL", "sqlite:///")
"""Beginnings of places whose examples run where there is such a server: `test_object_storage`, `test_database_jobs`."""


def _examples_of_files():
    """Examples that read files of this machine, which are all that name none of `ELSEWHERE`."""
    return [example for example in _source_examples() if not any(f'"{place}' in example for place in ELSEWHERE)]


@pytest.mark.parametrize("example", _examples_of_files(), ids=lambda text: text.splitlines()[2])
def test_every_example_of_a_source_reads_what_it_is_for(example, tmp_path, monkeypatch, make_job):
    source = tomllib.loads(example)["source"]
    DATA[source["path"]](tmp_path)
    columns = {
        "externId": "column_1",
        "leadPhone": "column_2",
        "lastName": "column_3",
        "zip": "column_4",
        "state": None,
    }
    job = make_job([], source={"path": None} | source, columns={} if source.get("header") is not False else columns)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADFERRY_HOME", str(tmp_path / "home"))

    ended = CliRunner().invoke(cli, ["check", str(job), "--json", "--debug"])

    assert ended.exit_code == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert (report["counts"]["rows_read"], report["leads_staged"]) == (6, 6)


@pytest.mark.parametrize("example", _source_examples(), ids=lambda text: text.splitlines()[1])
def test_every_example_of_a_source_is_a_valid_job(example, tmp_path):
    (tmp_path / "leads.sql").write_text("SELECT 1 AS id", encoding="utf-8")  # a query_file that an example names
    (tmp_path / "job.toml").write_text(f"{_rest_of_a_job()}\n{example}", encoding="utf-8")

    read_job(tmp_path / "job.toml")


def test_the_readme_names_the_commands_that_make_knows():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([\w-]+)", (PROJECT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert {"demo", "test", "prefect-demo"} <= named
    assert not [target for target in named if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)]

"""Jobs over databases, by the real command: loaded, resumed without asking again, and refused without a trace."""

import datetime as dt
import re
import sqlite3
import tomllib
from contextlib import closing

import polars as pl
import pytest

from flows.job_file import DatabaseSource, Job, read_job
from tests.conftest import PROJECT, lead_rows
from tests.source_databases import KINDS, source_database
from transforms.vocabulary.errors import ConfigurationError

COLUMNS = ("id", "phone", "name", "zip", "state")
QUERY = "SELECT id, phone, name, zip, state FROM leads ORDER BY id"
PAGE = (PROJECT / "docs" / "job-file.md").read_text(encoding="utf-8")
EXAMPLES = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL) if 'type = "database"' in block]


def fill(database, rows, table="leads"):
    columns = ", ".join(f"{name} varchar(40)" for name in COLUMNS)
    values = ", ".join("(" + ", ".join(f"'{row[name]}'" for name in COLUMNS) + ")" for row in rows)
    database.run(f"CREATE TABLE {table} ({columns})", f"INSERT INTO {table} VALUES {values}")


def source(**keys):
    return {"type": "database", "path": None, "query": QUERY} | keys


@pytest.fixture(params=KINDS)
def database(request, tmp_path):
    with source_database(request.param, tmp_path) as made:
        fill(made, lead_rows(25))
        yield made


@pytest.fixture
def sqlite(tmp_path):
    with source_database("SQLite", tmp_path) as made:
        fill(made, lead_rows(25))
        yield made


def test_a_load_from_a_database_brings_every_row(database, make_job, leadferry, tmp_path):
    job = make_job([], source=source(url="env:CRM_URL"))

    ended = leadferry("load", job, "--json", "--out", tmp_path / "out", CRM_URL=database.url)

    assert (ended.code, ended.json["counts"]["LOADED"]) == (0, 25)
    outcomes = pl.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes["externId"].cast(pl.String).to_list() == [row["id"] for row in lead_rows(25)]
    assert outcomes["source_row"].to_list() == list(range(25))


def test_a_check_and_its_limit(database, make_job, leadferry):
    job = make_job([], source=source(url="env:CRM_URL"))

    ended = leadferry("check", job, "--json", "--limit", "7", CRM_URL=database.url)

    assert (ended.code, ended.json["counts"]["rows_read"], ended.json["source"]) == (0, 7, "env:CRM_URL")


def test_the_run_s_own_parameters_are_always_there(sqlite, make_job, leadferry, tmp_path):
    query = "SELECT id, phone, :run_id AS name, zip, :run_date AS state FROM leads"
    job = make_job([], source=source(url=sqlite.url, query=query))

    ended = leadferry("load", job, "--json", "--run-id", "night-1", "--out", tmp_path / "out")

    extract = pl.read_parquet(tmp_path / "out" / "extract.parquet")
    today = dt.datetime.now().astimezone().date()
    assert ended.code == 0
    assert set(extract["name"]) == {"night-1"}
    assert set(extract["state"]) <= {str(today), str(today - dt.timedelta(days=1))}
    checked = leadferry("check", job, "--json")
    assert checked.code == 0
    assert checked.json["run_id"].startswith("check-")


def test_a_night_can_be_loaded_again(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(job_text('url = "sqlite:///x"\nquery = "select :run_date"\nparameters = { run_date = 2026-01-31 }'))

    of_run = read_job(path).as_of(dt.datetime(2026, 2, 3, tzinfo=dt.UTC), "r1")

    assert of_run.source.parameters == {"run_date": "2026-01-31", "run_id": "r1"}
    assert Job.model_validate_json(of_run.model_dump_json()) == of_run


def test_the_day_of_a_run_is_that_of_the_zone(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(job_text('url = "sqlite:///x"\nquery = "select :run_date"\ntime_zone = "Asia/Tokyo"'))

    of_run = read_job(path).as_of(dt.datetime(2026, 2, 3, 20, tzinfo=dt.UTC), "r1")

    assert of_run.source.parameters["run_date"] == "2026-02-04"


def test_a_resume_does_not_ask_the_database_again(sqlite, make_job, leadferry, tmp_path):
    job = make_job([], source=source(url=sqlite.url))
    stopped = leadferry("load", job, "--run-id", "r1", RC_JWT="wrong")
    assert stopped.code == 2
    sqlite.run("DELETE FROM leads WHERE id > 'X00003'")
    (tmp_path / "crm.sqlite").rename(tmp_path / "elsewhere.sqlite")

    ended = leadferry("resume", "r1", "--json")

    assert (ended.code, ended.json["counts"]["LOADED"]) == (0, 25)


def test_a_query_without_rows_is_an_empty_source(database, make_job, leadferry):
    job = make_job([], source=source(url="env:CRM_URL", query=QUERY.replace("ORDER", "WHERE id = 'none' ORDER")))

    for command in ("check", "load"):
        ended = leadferry(command, job, "--json", CRM_URL=database.url)
        assert (ended.code, ended.json["error"]["code"]) == (2, "SOURCE_EMPTY")


def test_a_failing_query_leaves_no_half_extract_and_sends_nothing(database, make_job, leadferry, tmp_path):
    for query in (
        "DELETE FROM leads",
        "SELECT nope FROM leads",
        "WITH g AS (DELETE FROM leads RETURNING id) SELECT id FROM g",
    ):
        job = make_job([], source=source(url="env:CRM_URL", query=query))
        ended = leadferry("load", job, "--json", CRM_URL=database.url)
        assert ended.code == 2, ended.err
        assert ended.json["error"]["next_step"]
    assert len(database.rows("SELECT id FROM leads")) == 25
    assert not [file for file in (tmp_path / "home").rglob("*") if "extract" in file.name]


def test_a_password_is_written_nowhere(make_job, leadferry, tmp_path):
    job = make_job([], source=source(url="env:CRM_URL"))
    url = "postgresql://nobody:s3ntinel@127.0.0.1:1/crm"

    for arguments in (("check", job), ("check", job, "--debug"), ("load", job), ("load", job, "--json", "--debug")):
        ended = leadferry(*arguments, CRM_URL=url)
        assert ended.code == 2
        assert "s3ntinel" not in ended.out + ended.err
        assert "env:CRM_URL" in ended.out + ended.err
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"s3ntinel" in file.read_bytes()]


def test_a_password_in_the_job_file_is_refused(make_job, leadferry):
    job = make_job([], source=source(url="postgresql://crm:s3ntinel@db/crm"))

    ended = leadferry("check", job)

    assert ended.code == 2
    assert "s3ntinel" not in ended.out + ended.err
    assert "environment variable" in ended.err


def job_text(keys):
    return f"""
name = "x"
[source]
type = "database"
{keys}
[columns]
externId = "id"
leadPhone = "phone"
[load]
campaign = "c"
description = "d"
dial_priority = "IMMEDIATE"
duplicate_handling = "RETAIN_ALL"
time_zone_option = "ZIPCODE"
"""


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ('query = "select 1"', "source.url: this key is required"),
        ('url = "env:X"', "give either query"),
        ('url = "env:X"\nquery = "select 1"\nquery_file = "x.sql"', "give either query"),
        ('url = "env:X"\nquery_file = "x.sql"', "x.sql cannot be read"),
        ('url = "env:X"\nquery = "select 1"\npath = "x"', "source.path: unknown key"),
        ('url = "env:X"\nqeury = "select 1"', "did you mean 'query'"),
        ('url = "somewhere"\nquery = "select 1"', "write a database URL"),
        ('url = "env:X"\nquery = "select 1"\ntimeout_seconds = 0', "source.timeout_seconds"),
        ('url = "env:X"\nquery = "select 1"\ntime_zone = "Mars"', "no IANA time zone"),
        ('url = "env:X"\nquery = "select 1"\nparameters = { a = [1] }', "source.parameters: a can be text, a number"),
        ('url = "env:X"\nquery = "select 1"\nparameters = { a = nan }', "a can be text, a number"),
        ('url = "env:X"\nquery = "select 1"\nparameters = { "a b" = 1 }', "source.parameters"),
    ],
)
def test_wrong_keys_are_told(tmp_path, keys, told):
    (tmp_path / "job.toml").write_text(job_text(keys))

    with pytest.raises(ConfigurationError, match=re.escape(told)):
        read_job(tmp_path / "job.toml")


def test_a_database_file_and_a_query_file_are_relative_to_the_job_file(tmp_path):
    (tmp_path / "q.sql").write_text("select 1 as x", encoding="utf-8-sig")
    (tmp_path / "job.toml").write_text(job_text('url = "sqlite:///data/crm.sqlite"\nquery_file = "q.sql"'))

    read = read_job(tmp_path / "job.toml").source

    assert (read.url, read.query) == (f"sqlite:///{tmp_path}/data/crm.sqlite", "select 1 as x")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_of_the_page_runs(number, tmp_path, make_job, leadferry, sqlite):
    rows = [row | {"kind": "solar", "changed": "2026-01-02"} for row in lead_rows(5)]
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as connection, connection:
        connection.execute("DROP TABLE leads")
        connection.execute("CREATE TABLE leads (id, phone, name, zip, state, kind, changed)")
        connection.executemany(
            f"INSERT INTO leads VALUES ({', '.join('?' * 7)})", [tuple(row.values()) for row in rows]
        )
    (tmp_path / "leads.sql").write_text(QUERY)
    keys = tomllib.loads(EXAMPLES[number])["source"]
    job = make_job([], source={"path": None} | keys | _without_dates(keys))

    ended = leadferry("check", job, "--json", CRM_URL=sqlite.url)

    assert (ended.code, ended.json["counts"]["rows_read"]) == (0, 5), ended.err


def _without_dates(keys):
    given = keys.get("parameters")
    return {"parameters": {name: str(value) for name, value in given.items()}} if given else {}


def test_the_page_has_every_key():
    examples = " ".join(EXAMPLES)

    assert len(EXAMPLES) >= 2
    assert not [key for key in DatabaseSource.model_fields if f"{key} = " not in examples]

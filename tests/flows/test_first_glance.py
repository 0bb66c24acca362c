"""Reading begins before the job is checked; what the job then says is what counts."""

import json
import os

import pytest

from flows.extracting import reading_of
from flows.first_glance import glance_at
from flows.job_file import read_job
from tests.conftest import lead_rows


def test_a_guess_is_what_the_job_says_itself(make_job):
    job_file = make_job(lead_rows(3), duplicates={"keep": "largest", "by": "name"})
    guess = glance_at(job_file)
    assert guess is not None
    assert guess == reading_of(read_job(job_file))


@pytest.mark.parametrize(
    "columns",
    [
        {"externId": "id", "leadPhone": ["phone", "zip"], "firstName": "name"},
        {"state": "state", "zip": "zip", "externId": "id", "leadPhone": "phone"},
        {"externId": "id", "leadPhone": "phone", "extendedLeadData": {"plan": "name", "area": "zip"}},
        {"externId": "id", "leadPhone": "phone", "leadPriority": "zip", "personaPhoneConfig": {"Work": "state"}},
    ],
)
def test_a_guess_names_the_columns_in_the_jobs_own_order(make_job, columns):
    job_file = make_job(lead_rows(3), columns=columns)
    assert glance_at(job_file) == reading_of(read_job(job_file))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "source = 7",
        "[source]\ntype = 'csv'",
        "[source]\ntype = 'csv'\npath = 7\n[columns]\nexternId = 'id'",
        "[source]\ntype = 'csv'\npath = 'leads.csv'",
        "[source]\ntype = 'csv'\npath = 'leads.csv'\ncolumns = 3",
        "duplicates = 1\n[source]\ntype = 'csv'\npath = 'leads.csv'\n[columns]\nexternId = 'id'",
        "columns = 'id'\n[source]\ntype = 'csv'\npath = 'leads.csv'",
        "[source]\ntype = 'csv'\npath = 'leads.csv'\n[columns]\nexternId = ['id', {}]",
        "[source]\ntype = 'csv'\npath = 'leads.csv'\nseparator = ';'\n[columns]\nexternId = 'id'",
        "[source]\ntype = 'parquet'\npath = 'leads.csv'\n[columns]\nexternId = 'id'",
        "[source]\ntype = 'csv'\npath = 'none.csv'\n[columns]\nexternId = 'id'",
        "[source]\ntype = 'csv'\npath = '.'\n[columns]\nexternId = 'id'",
        "[source]\ntype = 'csv'\npath = 'a\\u0000b'\n[columns]\nexternId = 'id'",
        "[source\n",
        f"a = {'1' * 10_000}",
        f"a = {'[' * 5_000}",
    ],
)
def test_what_cannot_be_seen_at_once_is_left_to_the_check_of_the_job(tmp_path, text):
    (tmp_path / "leads.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "job.toml").write_text(text, encoding="utf-8")
    assert glance_at(tmp_path / "job.toml") is None


def test_neither_is_a_job_file_that_is_none(tmp_path):
    assert glance_at(tmp_path / "none.toml") is None
    (tmp_path / "job.toml").write_bytes(b"\xff\xfe")
    assert glance_at(tmp_path / "job.toml") is None


def test_a_pipe_is_not_opened_before_the_job_is_known(tmp_path):
    os.mkfifo(tmp_path / "leads.csv")
    (tmp_path / "job.toml").write_text(
        "[source]\ntype = 'csv'\npath = 'leads.csv'\n[columns]\nexternId = 'id'", encoding="utf-8"
    )
    assert glance_at(tmp_path / "job.toml") is None


def test_a_path_that_only_looks_like_a_files_name_is_read_as_the_job_has_it(make_job, leadferry, tmp_path):
    """`{{` is a brace of the name: the file whose name has both is not the job's."""
    job_file = make_job(lead_rows(3))
    (tmp_path / "leads.csv").rename(tmp_path / "{a}.csv")
    (tmp_path / "{{a}}.csv").write_text("other\n1\n", encoding="utf-8")
    job_file.write_text(job_file.read_text(encoding="utf-8").replace("leads.csv", "{{a}}.csv"), encoding="utf-8")

    done = leadferry("check", job_file, "--json")

    assert done.code == 0, done.err
    assert json.loads(done.out)["counts"]["rows_read"] == 3

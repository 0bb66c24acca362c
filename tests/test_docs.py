"""The documents say what really is."""

import json
import re

import pytest

from connectors.sandbox.faults import FAULTS, load_faults
from flows.job_file import read_job
from tests.conftest import PROJECT

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

"""The documents say what really is."""

import json
import re

import pytest

from connectors.sandbox.faults import FAULTS, load_faults
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


def test_the_readme_names_the_commands_that_make_knows():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([\w-]+)", (PROJECT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert {"demo", "test", "prefect-demo"} <= named
    assert not [target for target in named if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)]

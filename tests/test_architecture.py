"""The arrows between the floors: who may import whom, read from the source itself."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
FLOORS = ("flows", "transforms", "connectors")
VOCABULARY = "transforms.vocabulary"
VALUES_OF_TRANSFORMS = {"transforms.batching"}
"""Beside the vocabulary: the value that the ledger keeps and staging reads, which holds no rule."""


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute here"
            yield node.module or ""


def modules(folder: str) -> list[Path]:
    found = sorted((PROJECT / folder).rglob("*.py"))
    assert found
    return found


def ours(name: str) -> bool:
    return name.partition(".")[0] in FLOORS


def name_of(file: Path) -> str:
    return str(file.relative_to(PROJECT))


@pytest.mark.parametrize("file", modules("transforms"), ids=name_of)
def test_transforms_import_nothing_of_ours_but_transforms(file):
    assert not [name for name in imports_of(file) if ours(name) and not name.startswith("transforms")]


@pytest.mark.parametrize("file", modules("transforms"), ids=name_of)
def test_transforms_do_no_input_or_output(file):
    outside = {
        "os",
        "pathlib",
        "io",
        "socket",
        "subprocess",
        "time",
        "random",
        "secrets",
        "httpx",
        "sqlalchemy",
        "logging",
    }
    allowed = {"transforms/postal.py": {"io"}}  # unpacks the table that ships inside the package

    met = {name.partition(".")[0] for name in imports_of(file)} & outside
    assert met <= allowed.get(name_of(file), set())


@pytest.mark.parametrize("file", [f for f in modules("connectors") if "sandbox" not in f.parts], ids=name_of)
def test_connectors_know_the_vocabulary_and_no_rule(file):
    met = [name for name in imports_of(file) if ours(name) and not name.startswith("connectors")]
    assert not [name for name in met if not name.startswith(VOCABULARY) and name not in VALUES_OF_TRANSFORMS]
    assert not [name for name in imports_of(file) if name.startswith("connectors.sandbox")]


@pytest.mark.parametrize("file", modules("connectors/sandbox"), ids=name_of)
def test_the_sandbox_imports_nothing_of_ours(file):
    assert not [name for name in imports_of(file) if ours(name) and not name.startswith("connectors.sandbox")]


@pytest.mark.parametrize("file", [f for floor in FLOORS for f in modules(floor)], ids=name_of)
def test_prefect_lives_in_its_own_modules(file):
    if not file.name.startswith("prefect"):
        assert not [name for name in imports_of(file) if name.partition(".")[0] == "prefect"]


@pytest.mark.parametrize("file", [f for floor in FLOORS for f in modules(floor)], ids=name_of)
def test_every_module_says_why_it_exists(file):
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def test_the_flows_know_no_wire_format():
    wire = {"uploadLeads", "leadsSupplied", "processingResult", "rejectedRows", "accessToken"}
    shown_to_people = {"flows/run_listing.py"}  # prints a dry run's first request
    for file in modules("flows"):
        if name_of(file) not in shown_to_people:
            assert not [word for word in wire if word in file.read_text(encoding="utf-8")], file


def test_this_python_is_one_that_the_project_supports():
    assert sys.version_info >= (3, 11)

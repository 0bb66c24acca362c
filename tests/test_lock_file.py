"""The lock file: complete, hashed, plain, and what is installed."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]
LOCK = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
PINS = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\$", LOCK, flags=re.MULTILINE)


def test_every_line_is_a_pin_or_a_hash_and_names_no_place():
    for line in LOCK.splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


def test_every_pin_is_followed_by_a_hash():
    lines = LOCK.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if "==" in line:
            assert following.startswith("    --hash=sha256:"), line


def test_what_is_installed_is_what_is_locked():
    for name, pin, marker in PINS:
        if marker and not Marker(marker).evaluate():
            continue
        try:
            assert version(name) == pin, name
        except PackageNotFoundError:
            raise AssertionError(f"{name} is locked but not installed") from None


def test_every_declared_dependency_is_locked_within_its_bounds():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = {canonicalize_name(name): pin for name, pin, _ in PINS}
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_prefect_is_locked_with_the_versions_its_server_works_with():
    pins = {name: pin for name, pin, _ in PINS}
    assert pins["prefect"] == "3.8.8"
    assert Requirement("x>=0.139,<0.151").specifier.contains(pins["fastapi"])
    assert Requirement("x>=2.0.58,<2.1").specifier.contains(pins["sqlalchemy"])

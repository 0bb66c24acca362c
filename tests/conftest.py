"""What most tests need: a sandbox RingCX on a real port, jobs and sources in a folder, and the real command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import polars as pl
import pytest
from click.testing import CliRunner

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows.cli import cli
from tests.ledger_databases import KINDS, ledger_database
from tests.warm_command import WarmCommand, run_warm

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared"

# How long an example takes depends on what else the machine does; what is tested is what comes of it. The suite takes
# the same examples each time, so that it fails for what was changed alone; `make properties` looks for new ones.
hypothesis.settings.register_profile("seeded", deadline=None, derandomize=True)
hypothesis.settings.register_profile("anew", deadline=None)
hypothesis.settings.load_profile("seeded")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the file that takes longest begin first: on one worker to the end, it would end after all others."""
    items.sort(key=lambda item: item.get_closest_marker("prefect") is None)


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def _ringcx() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def ringcx(_ringcx: SandboxServer) -> SandboxServer:
    """A sandbox with a fresh account, throttles off; `reset` it to change that."""
    _ringcx.reset(SandboxSettings(throttles=False))
    return _ringcx


@pytest.fixture
def environment(ringcx: SandboxServer, tmp_path: Path) -> dict[str, str]:
    """The environment of a command that is to meet the sandbox, with nothing of ours left over from outside."""
    settings = SandboxSettings()
    ours = ("RC_", "RINGCX_", "RINGCENTRAL_", "LEADFERRY_", "PREFECT_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {
        "RINGCX_BASE_URL": ringcx.url,
        "RINGCENTRAL_BASE_URL": ringcx.url,
        "RC_CLIENT_ID": settings.client_id,
        "RC_CLIENT_SECRET": settings.client_secret,
        "RC_JWT": settings.jwt,
        "RINGCX_ACCOUNT_ID": settings.account_id,
        "LEADFERRY_HOME": str(tmp_path / "home"),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def leadferry(environment: dict[str, str], tmp_path: Path) -> Callable[..., Ended]:
    """Run the real command in a process of its own, but one that has imported it before."""

    def run(*arguments: str | Path, **changes: str | None) -> Ended:
        merged = {name: value for name, value in (environment | changes).items() if value is not None}
        return _told(run_warm(arguments, env=merged, cwd=tmp_path))

    return run


@pytest.fixture
def start_leadferry(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., WarmCommand]]:
    """Start the real command, in a process as that of `leadferry`, and go on meanwhile; it is killed with the test."""
    with ExitStack() as stack:

        def start(*arguments: str | Path, **changes: str) -> WarmCommand:
            return stack.enter_context(WarmCommand(arguments, env=environment | changes, cwd=tmp_path))

        yield start


@pytest.fixture
def leadferry_anew(environment: dict[str, str], tmp_path: Path) -> Callable[..., Ended]:
    """Run the real command as a person does, with a Python of its own: each command is started so by some test."""

    def run(*arguments: str | Path, **changes: str | None) -> Ended:
        merged = {name: value for name, value in (environment | changes).items() if value is not None}
        command = [sys.executable, "-m", "flows", *map(str, arguments)]
        return _told(
            subprocess.run(command, env=merged, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        )

    return run


def _told(ended: subprocess.CompletedProcess[str]) -> Ended:
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def leadferry_here(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Run the command in this process: quicker, where a process of its own is not what is tested."""
    for name in [name for name in os.environ if name not in environment]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, given: str | None = None) -> Ended:
        ended = CliRunner().invoke(cli, [str(each) for each in arguments], input=given)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return run


@pytest.fixture(params=KINDS)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty ledger; each test that asks for it runs once on every kind of database."""
    with ledger_database(request.param, tmp_path) as url:
        yield url


def lead_rows(count: int, first: int = 0) -> list[dict[str, str | None]]:
    """Return `count` good source rows with ids and numbers of their own."""
    areas = ("203", "617", "973", "401", "716", "404", "305", "312", "713", "303", "602", "206", "408", "907", "808")
    return [
        {
            "id": f"X{number:05d}",
            "phone": f"({areas[number % len(areas)]}) 555-{number // len(areas) % 10_000:04d}",
            "name": f"Lead {number}",
            "zip": "06511",
            "state": "CT",
        }
        for number in range(first, first + count)
    ]


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Path]:
    """Write a source and a job over it; sections given replace or add keys. Returns the job's path."""

    def make(rows: list[dict[str, str | None]] | str, *, name: str = "leads", **sections: dict[str, Any]) -> Path:
        source = tmp_path / f"{name}.csv"
        if isinstance(rows, str):
            source.write_text(rows, encoding="utf-8")
        else:
            pl.DataFrame(rows, infer_schema_length=None).write_csv(source)
        job: dict[str, dict[str, Any]] = {
            "source": {"type": "csv", "path": source.name},
            "columns": {"externId": "id", "leadPhone": "phone", "lastName": "name", "zip": "zip", "state": "state"},
            "load": {
                "campaign": "My Predictive Campaign",
                "description": "Test leads",
                "dial_priority": "NORMAL",
                "duplicate_handling": "REMOVE_FROM_LIST",
                "time_zone_option": "EXPLICIT",
                "batch_size": 10,
            },
            "quality": {"max_reject_rate": 0.5},
            # The sandbox of most tests keeps no throttles, and commands of one test share what they count.
            "delivery": {
                "timeout_seconds": 5,
                "settle_seconds": 0.5,
                "give_up_seconds": 5,
                "keep_throttles": False,
            },
        }
        for section, keys in sections.items():
            job[section] = {key: value for key, value in (job.get(section, {}) | keys).items() if value is not None}
        lines = [f"name = {json.dumps(name)}"]
        for section, keys in job.items():
            lines += [f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())]
        path = tmp_path / f"{name}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return make


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)

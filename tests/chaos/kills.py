"""Kills the real process at an edge of what it writes down, resumes, and looks at what RingCX then holds."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

from connectors.ledger import Ledger
from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from tests.chaos.killed_command import watch
from tests.chaos.playing import environment_of, write_job
from tests.chaos.schedules import Row, Schedule
from tests.warm_command import run_warm

KILLED = -9
_RUN_ID = "tonight"
_LEADS = 12


@dataclass(frozen=True)
class Edge:
    """Where the process dies."""

    step: str
    when: str
    nth: int

    def __str__(self) -> str:
        """Name the edge as a test does."""
        return f"{self.when} {self.step} {self.nth}"


@dataclass(frozen=True)
class Outlived:
    """What became of a load that was killed and gone on with."""

    edge: Edge
    killed: int
    code: int
    times_inserted: tuple[int, ...]
    words: str

    @property
    def is_good(self) -> bool:
        """Whether every lead is there, once, and the second command ended well."""
        return (self.killed, self.code, self.times_inserted) == (KILLED, os.EX_OK, (1,) * _LEADS)

    def tell(self) -> str:
        """Say what became of it."""
        return f"{self.edge}: killed {self.killed}, then exit {self.code}, inserted {self.times_inserted} {self.words}"


def list_edges() -> list[Edge]:
    """Return every edge of the small load, in the order of their first coming."""
    with tempfile.TemporaryDirectory(prefix="chaos-edges-") as name, _small_ringcx() as ringcx:
        place = Path(name)
        steps = place / "steps"
        ended = _run(place, ringcx, Edge("none", "before", 0), KILLED_COMMAND_STEPS=str(steps))
        if ended.returncode != os.EX_OK:
            raise RuntimeError(ended.stderr)
        met = [line.rsplit(" ", 1) for line in dict.fromkeys(steps.read_text(encoding="utf-8").splitlines())]
    return [Edge(step, when, int(nth)) for step, nth in met for when in ("before", "after")]


def outlive(edge: Edge) -> Outlived:
    """Kill a small load at `edge`, go on with it, and tell what is in RingCX."""
    place = Path(tempfile.mkdtemp(prefix="chaos-kill-"))
    try:
        with _small_ringcx() as ringcx:
            killed = _run(place, ringcx, edge)
            go_on = ["resume", _RUN_ID] if _is_recorded(place) else ["load", "chaos.toml", "--run-id", _RUN_ID]
            ended = _command(place, ringcx, go_on)
            times = tuple(ringcx.state.times_inserted()[row.extern_id] for row in _small_load().rows)
            return Outlived(edge, killed.returncode, ended.returncode, times, ended.stderr[-500:])
    finally:
        shutil.rmtree(place, ignore_errors=True)


def outlive_all(edges: Sequence[Edge], threads: int) -> list[Outlived]:
    """Try every edge, several at a time."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(outlive, edges))


def _small_ringcx() -> SandboxServer:
    """Make a RingCX that drops the answer of the second load after it was carried out."""
    faults = [{"call": "direct", "nth": 2, "fault": "drop_after_commit"}]
    return SandboxServer(SandboxSettings(throttles=False), faults=faults)


def _small_load() -> Schedule:
    """Return three batches sent one after another, so that the nth step is the same every time."""
    return Schedule(
        seed=0,
        rows=tuple(Row(f"K{number:02d}", f"203555{number:04d}", "06511") for number in range(_LEADS)),
        settings=SandboxSettings(),
        load={"batch_size": 4, "duplicate_handling": "RETAIN_ALL", "time_zone_option": "NOT_APPLICABLE"},
        delivery={"timeout_seconds": 2.0, "settle_seconds": 0.5, "give_up_seconds": 5.0, "max_in_flight": 1},
        faults=[],
    )


def _run(place: Path, ringcx: SandboxServer, edge: Edge, **more: str) -> CompletedProcess[str]:
    write_job(_small_load(), place)
    watched = partial(watch, edge.step, edge.when, edge.nth)
    return _command(place, ringcx, ["load", "chaos.toml", "--run-id", _RUN_ID], watched, **more)


def _command(
    place: Path,
    ringcx: SandboxServer,
    arguments: list[str],
    before: Callable[[], object] | None = None,
    **more: str,
) -> CompletedProcess[str]:
    return run_warm(arguments, env=environment_of(ringcx.url, place) | more, cwd=place, before=before)


def _is_recorded(place: Path) -> bool:
    file = place / "home" / "ledger.sqlite"
    if not file.exists():
        return False
    ledger = Ledger(f"sqlite:///{file}")
    try:
        return ledger.find_run(_RUN_ID) is not None
    finally:
        ledger.close()

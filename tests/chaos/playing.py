"""Plays one schedule: the real command in this process, over real HTTP, then `resume` until nothing is left to do.

What became of the leads is read from the sandbox alone. One process plays one schedule at a time, for the command
takes its settings from the environment.
"""

import json
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import polars as pl
from click.testing import CliRunner

from connectors.ringcx.throttle import LIMITS
from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows.cli import cli
from tests.chaos.raw_client import RawClient
from tests.chaos.schedules import DO_NOT_CALL, GOOD, REJECTED, REPEATED, UNUSABLE, Schedule, make_schedule

PROJECT: Final = Path(__file__).parents[2]
POSTGRES_SHARE: Final = 5
"""One seed in so many keeps its ledger in the database that LEADFERRY_CHAOS_LEDGER names."""

_MOST_RESUMES: Final = 5
_SQUEEZE: Final = 20
_IN_DOUBT: Final = ("UNRESOLVED", "NOT_SENT")
_OURS: Final = ("RC_", "RINGCX_", "RINGCENTRAL_", "LEADFERRY_", "PREFECT_")
_MAY_BE: Final = {GOOD: (), REPEATED: ("DUPLICATE",), UNUSABLE: ("REJECTED",), REJECTED: (), DO_NOT_CALL: ()}
_WHY: Final = {
    "REJECTED_BY_API": {"rejected", "refused", "failed"},
    "REMOVED_BY_API": {"do_not_call", "duplicate"},
}


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    told: dict[str, Any]
    err: str

    @property
    def counts(self) -> dict[str, int]:
        """The counts of its report; none where it ended before there was one."""
        return self.told.get("counts") or {}

    @property
    def in_doubt(self) -> int:
        """Rows of which the report says that they are not settled."""
        return sum(self.counts.get(outcome, 0) for outcome in _IN_DOUBT)


@dataclass
class Verdict:
    """What is to be said of one schedule, from the sandbox's truth."""

    seed: int
    leads: int = 0
    requests: int = 0
    faults: int = 0
    codes: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrongly_green: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    unresolved_before: int = 0
    unresolved_after: int = 0
    trouble: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept."""
        return not (
            self.lost or self.doubled or self.wrongly_green or self.misnamed or self.unresolved_after or self.trouble
        )

    def tell(self) -> str:
        """Say on one line what went wrong."""
        wrong = {
            name: getattr(self, name)
            for name in ("lost", "doubled", "wrongly_green", "misnamed", "unresolved_after", "trouble")
            if getattr(self, name)
        }
        return f"seed {self.seed}: exit codes {self.codes}, {wrong or 'kept the promise'}"


def play(schedule: Schedule, *, keep: Path | None = None) -> Verdict:
    """Play `schedule` and judge it; `keep` is a folder in which everything is left to look at."""
    verdict = Verdict(schedule.seed, leads=len(schedule.rows))
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix=f"chaos-{schedule.seed}-")) if keep is None else keep
    try:
        with SandboxServer(schedule.settings) as ringcx, _environment(ringcx.url, schedule, place):
            before = load_before(schedule, ringcx)
            ringcx.set_faults(schedule.faults)
            _Play(schedule, ringcx, place, before, verdict).run()
            verdict.requests = ringcx.state.counts.total()
            verdict.faults += sum(len(seen.faults) for seen in ringcx.state.requests)
    except Exception:  # noqa: BLE001 - one broken schedule is a finding; the others are played all the same
        verdict.trouble.append(traceback.format_exc())
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)
    verdict.seconds = time.monotonic() - began
    return verdict


def play_seed(seed: int) -> Verdict:
    """Play the schedule of a seed."""
    return play(make_schedule(seed))


def lead_of(schedule: Schedule, place: int) -> dict[str, str]:
    """Return the lead of a source row as a request carries it."""
    row = schedule.rows[place]
    lead = {"externId": row.extern_id, "leadPhone": row.phone, "leadTimezone": "EST"}
    return lead | ({"zip": row.zip_code} if row.zip_code else {})


def lift_faults(ringcx: SandboxServer) -> None:
    """Let nothing more go wrong; returns when the server can be reached again."""
    ringcx.set_faults([])
    ringcx.state.refused_until = 0.0
    give_up_at = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{ringcx.url}/sandbox/state", trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)
        else:
            return


def wait_until_quiet(ringcx: SandboxServer) -> None:
    """Wait until the server has carried out everything it still has in hand."""
    give_up_at = time.monotonic() + 30
    while ringcx.state.pending_late_commits or ringcx.state.open_requests:
        if time.monotonic() > give_up_at:
            raise TimeoutError("the sandbox never came to rest")
        time.sleep(0.02)


def _load_for_sure(client: RawClient, lead: dict[str, str], schedule: Schedule) -> None:
    """Load a lead however short tokens live: a 401 did nothing, so the next token may try again."""
    for tries_left in reversed(range(50)):
        try:
            client.load([lead], schedule.load | {"duplicate_handling": schedule.before_handling})
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.UNAUTHORIZED or not tries_left:
                raise
        else:
            return


def load_before(schedule: Schedule, ringcx: SandboxServer) -> Mapping[str, int]:
    """Load what was there before, wait until searches show it, and return how often each id is there."""
    if schedule.loaded_before:
        with RawClient(ringcx.url, timeout=10) as client:
            for place in schedule.loaded_before:  # one by one: the most leads a load may have are few here and there
                _load_for_sure(client, lead_of(schedule, place), schedule)
        time.sleep(schedule.delivery["settle_seconds"] / 2)  # no index lags longer: they were there long before
    return ringcx.state.times_inserted()


def environment_of(url: str, place: Path) -> dict[str, str]:
    """Return the environment of a command that is to meet the sandbox, with nothing of ours left over from outside."""
    settings = SandboxSettings()
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | {
        "RINGCX_BASE_URL": url,
        "RINGCENTRAL_BASE_URL": url,
        "RC_CLIENT_ID": settings.client_id,
        "RC_CLIENT_SECRET": settings.client_secret,
        "RC_JWT": settings.jwt,
        "RINGCX_ACCOUNT_ID": settings.account_id,
        "LEADFERRY_HOME": str(place / "home"),
    }


@contextmanager
def _environment(url: str, schedule: Schedule, place: Path) -> Iterator[None]:
    """Set this process's environment to that of a command."""
    kept = os.environ.copy()
    wanted = environment_of(url, place)
    shared = kept.get("LEADFERRY_CHAOS_LEDGER")
    if shared and schedule.seed % POSTGRES_SHARE == 0:
        wanted["LEADFERRY_LEDGER"] = shared
    os.environ.clear()
    os.environ.update(wanted)
    limits = dict(LIMITS)
    # All times are short here; RingCX's windows shrink with them, or a schedule would wait for a minute.
    LIMITS.update({call: tuple((n, seconds / _SQUEEZE) for n, seconds in each) for call, each in limits.items()})
    try:
        yield
    finally:
        LIMITS.update(limits)
        os.environ.clear()
        os.environ.update(kept)


def brought(ringcx: SandboxServer, before: Mapping[str, int]) -> dict[str, int]:
    """Return how often each id was inserted since `before`."""
    now = ringcx.state.times_inserted()
    return {each: times - before.get(each, 0) for each, times in now.items() if times > before.get(each, 0)}


def lost(schedule: Schedule, ringcx: SandboxServer, there: Mapping[str, int]) -> list[str]:
    """Return the ids that ought to be there, are not, and were not turned away by RingCX itself."""
    return sorted(schedule.expected - there.keys() - ringcx.state.turned_away().keys())


class _Play:
    """One schedule being played: a load, then resumes without faults until nothing is left."""

    def __init__(
        self, schedule: Schedule, ringcx: SandboxServer, place: Path, before: Mapping[str, int], verdict: Verdict
    ) -> None:
        self._schedule, self._ringcx, self._place = schedule, ringcx, place
        self._before, self._verdict = before, verdict
        self._before_ids = {lead.lead_id for lead in ringcx.state.leads()}
        self._run_id = f"chaos-{schedule.seed}-{os.getpid()}-{time.monotonic_ns()}"

    def run(self) -> None:
        """Load, resume, judge."""
        job = write_job(self._schedule, self._place)
        with _interrupted_after(self._schedule.interrupt_after):
            ended = self._command("load", str(job), "--run-id", self._run_id)
        self._verdict.unresolved_before = ended.in_doubt
        for _ in range(_MOST_RESUMES):
            if ended.counts and not ended.in_doubt and not ended.told.get("error"):
                break
            lift_faults(self._ringcx)
            ended = self._command("resume", self._run_id)
        self._verdict.unresolved_after = ended.in_doubt if ended.counts else len(self._schedule.rows)
        wait_until_quiet(self._ringcx)
        self._judge_end(ended)

    def _command(self, *arguments: str) -> Ended:
        """Run the command and check what it says against the truth at that moment."""
        result = CliRunner().invoke(cli, [*arguments, "--json"])
        told = json.loads(result.stdout) if result.stdout.strip() else {}
        ended = Ended(result.exit_code, told, result.stderr)
        self._verdict.codes.append(ended.code)
        if told.get("error", {}).get("code") == "UNEXPECTED":
            self._verdict.trouble.append(f"UNEXPECTED: {result.stderr}")
        if ended.code == os.EX_OK:
            self._judge_green(ended)
        elif ended.counts and not ended.told.get("balanced"):
            self._verdict.trouble.append("the books did not balance")
        return ended

    def _judge_green(self, ended: Ended) -> None:
        """A run that is called good has every row accounted for, truly, and now."""
        wrong = self._verdict.wrongly_green
        if not ended.told.get("balanced") or ended.in_doubt or ended.told.get("status") != "succeeded":
            wrong.append(f"exit 0 with {ended.counts}, status {ended.told.get('status')}")
        wrong += self._find_misnamed() + [f"{each} missing" for each in self._find_lost()]

    def _judge_end(self, ended: Ended) -> None:
        verdict = self._verdict
        verdict.doubled += sorted(extern_id for extern_id, times in self._brought().items() if times > 1)
        if not self._outcomes().is_file():
            verdict.lost += sorted(self._schedule.expected - self._brought().keys())
            verdict.trouble.append(f"no outcomes were written: {ended}")
            return
        verdict.lost += self._find_lost()
        verdict.misnamed += self._find_misnamed()

    def _brought(self) -> dict[str, int]:
        return brought(self._ringcx, self._before)

    def _outcomes(self) -> Path:
        return self._place / "home" / "runs" / self._run_id / "outcomes.parquet"

    def _find_lost(self) -> list[str]:
        return lost(self._schedule, self._ringcx, self._brought())

    def _find_misnamed(self) -> list[str]:
        """Return the rows whose outcome is not what the sandbox knows of them."""
        brought, turned_away = self._brought(), self._ringcx.state.turned_away()
        leads = {lead.lead_id: lead.extern_id for lead in self._ringcx.state.leads()}
        wrong = []
        for row in pl.read_parquet(self._outcomes()).iter_rows(named=True):
            source = self._schedule.rows[row["source_row"]]
            outcome, there = row["outcome"], brought.get(source.extern_id, 0) > 0
            why = turned_away.get(source.extern_id, set())
            if outcome == "LOADED":
                ours = leads.get(row["leadId"]) == source.extern_id and row["leadId"] not in self._before_ids
                right = there and ours
            elif outcome in _WHY:
                # A server that names no rejected row leaves only counters, which do not say which lead was what.
                named = self._schedule.settings.send_rejected_rows
                right = not there and bool(why & _WHY[outcome] if named else why)
            elif outcome in _IN_DOUBT:
                right = True
            else:
                right = not there and outcome in _MAY_BE[source.kind]
            if not right:
                wrong.append(f"{source.extern_id} ({source.kind}) {outcome} {row['reason']}, in RingCX {there}, {why}")
        return wrong


@contextmanager
def _interrupted_after(seconds: float | None) -> Iterator[None]:
    """Press Ctrl-C once after `seconds`; where the command is not there to hear it, nothing happens."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)


def write_job(schedule: Schedule, place: Path) -> Path:
    """Write the schedule's source and job file into `place`; return the job's path."""
    pl.DataFrame(
        [{"id": row.extern_id, "phone": row.phone, "zip": row.zip_code, "state": "CT"} for row in schedule.rows],
        infer_schema_length=None,
    ).write_csv(place / "leads.csv")
    sections: dict[str, dict[str, Any]] = {
        "source": {"type": "csv", "path": "leads.csv"},
        "columns": {"externId": "id", "leadPhone": "phone", "zip": "zip", "state": "state"},
        "load": {
            "campaign": "My Predictive Campaign",
            "description": "Chaos",
            "dial_priority": "NORMAL",
            **schedule.load,
        },
        "quality": {"max_reject_rate": 1.0},
        "delivery": schedule.delivery,
    }
    lines = ['name = "chaos"']
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    path = place / "chaos.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path

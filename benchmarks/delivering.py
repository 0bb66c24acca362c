"""How fast leads are delivered: against the shortest time the throttles allow, and a loop over the vendor's SDK.

Each load is the real command in a process of its own; when its first request began and its last one ended is read from
its ledger. The sandbox runs in a process of its own as well.
"""

import datetime as dt
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks.jobs import write_job
from benchmarks.processes import Cost, cost_of, printed
from connectors.ledger import Ledger
from connectors.sandbox.settings import SandboxSettings
from flows.demo import sandbox_environment
from flows.load_plan import shortest_seconds

LATENCIES = (0.0, 1.0, 5.0)
"""Seconds that the throttled sandbox takes for every answer."""

THROTTLED_REQUESTS = 150
SDK_LATENCY = 0.25
"""Seconds an answer takes where the loop is compared; both would only wait for the sandbox's processor without any."""

SDK_LEADS = int(os.environ.get("BENCH_LEADS", "50000"))
MANY_LEADS = int(os.environ.get("BENCH_DELIVERED", "1000000"))

READ_BACKS = 3
"""How often a load is read back; the quickest counts, for what else the machine does only adds."""

_SANDBOX = """
import sys
from connectors.sandbox.server import run_sandbox
from connectors.sandbox.settings import SandboxSettings
settings = SandboxSettings(throttles=sys.argv[1] == "throttled", latency_seconds=float(sys.argv[2]))
run_sandbox(settings, on_ready=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True)
class Delivered:
    """What one delivery came to: seconds from the first request's start to the last one's end, and how many of each."""

    seconds: float
    requests: int
    leads: int
    throttled: int


@contextmanager
def sandbox(*, throttled: bool, latency: float = 0.0) -> Iterator[str]:
    """Run a sandbox in a process of its own and give its URL."""
    words = [sys.executable, "-c", _SANDBOX, "throttled" if throttled else "free", str(latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        try:
            if server.stdout is None or not select.select([server.stdout], [], [], 60)[0]:
                raise TimeoutError("the sandbox did not start")
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def load(folder: Path, job: Path, url: str) -> Delivered:
    """Load a job into the sandbox at `url` and tell how its delivery went."""
    cost_of(sys.executable, "-m", "flows", "load", job, "--run-id", "bench", environment=_environment(folder, url))
    return _delivered(folder)


def _environment(folder: Path, url: str) -> dict[str, str]:
    return sandbox_environment(url, SandboxSettings()) | {"LEADFERRY_HOME": str(folder / "home")}


def _delivered(folder: Path) -> Delivered:
    ledger = Ledger(f"sqlite:///{folder / 'home' / 'ledger.sqlite'}")
    events = [event for event in ledger.events("bench") if not event.state.is_search]
    leads = sum(batch.size for batch in ledger.batches("bench"))
    ledger.close()
    begun = min(dt.datetime.fromisoformat(event.started_at) for event in events)
    ended = max(dt.datetime.fromisoformat(event.finished_at) for event in events if event.finished_at)
    throttled = sum(event.code == "THROTTLED" for event in events)
    return Delivered((ended - begun).total_seconds(), len(events), leads, throttled)


def bench_throttles(folder: Path) -> None:
    """Load against throttled sandboxes of several latencies, at once: they do little but wait."""

    def one(latency: float) -> tuple[float, Delivered]:
        home = folder / f"throttled-{latency}"
        _, job = write_job(home, 4 * THROTTLED_REQUESTS, batch_size=4)
        with sandbox(throttled=True, latency=latency) as url:
            return latency, load(home, job, url)

    with ThreadPoolExecutor(len(LATENCIES)) as pool:
        for latency, took in pool.map(one, LATENCIES):
            shortest = shortest_seconds(took.requests) + latency
            print(
                f"{took.requests} requests within the throttles, answers after {latency:.0f} s: {took.seconds:.1f} s, "
                f"{took.seconds / shortest:.3f} x the shortest possible (at most 1.02), {took.throttled} x 429 (none)"
            )


def bench_sdk_loop(folder: Path) -> None:
    """Deliver without throttles, and let a loop over the vendor's SDK send the same leads."""
    home = folder / "sdk"
    _, job = write_job(home, SDK_LEADS, keep_throttles=False)
    with sandbox(throttled=False, latency=SDK_LATENCY) as url:
        ours = load(home, job, url)
    with sandbox(throttled=False, latency=SDK_LATENCY) as url:
        staged = home / "home" / "runs" / "bench" / "leads.parquet"
        theirs = printed("-m", "benchmarks.sdk_loop", staged, url)
    rate = ours.leads / ours.seconds
    print(
        f"delivery without throttles, answers after {SDK_LATENCY} s: {rate:,.0f} leads/s, "
        f"{rate / theirs:.1f} x the SDK loop's {theirs:,.0f} (at least 5)"
    )


def bench_many_leads(folder: Path) -> None:
    """Deliver, read back and report a large staged run in a process of its own, for its peak memory."""
    home = folder / "many"
    _, job = write_job(home, MANY_LEADS, keep_throttles=False)
    nowhere = _environment(home, "http://127.0.0.1:9")
    load_it = (sys.executable, "-m", "flows", "load", job, "--run-id", "bench")
    with suppress(subprocess.CalledProcessError):
        cost_of(*load_it, environment=nowhere)  # stages the leads, then finds nobody to send them to
    with sandbox(throttled=False) as url:
        took: Cost = cost_of(sys.executable, "-m", "flows", "resume", "bench", environment=_environment(home, url))
        done = _delivered(home)
        print(
            f"{done.leads:,} leads in {done.requests:,} requests delivered, read back and reported: "
            f"{took.seconds:.0f} s, peak {took.megabytes:,.0f} MB (500)"
        )
        bench_reading_back(home, url, done.leads)


def bench_reading_back(home: Path, url: str, leads: int) -> None:
    """Read a loaded run back and report it, as `leadferry reconcile` does; tell the sandbox's own share apart."""
    again = (sys.executable, "-m", "flows", "reconcile", "bench")
    costs, shares = [], []
    for _ in range(READ_BACKS):
        begun = _sandbox_seconds(url)
        costs.append(cost_of(*again, environment=_environment(home, url)))
        shares.append(_sandbox_seconds(url) - begun)
    print(
        f"{leads:,} leads read back and reported: {min(cost.seconds for cost in costs):.1f} s (at most 15), "
        f"peak {max(cost.megabytes for cost in costs):,.0f} MB (1,000); "
        f"the sandbox's processor was busy for {min(shares):.1f} s of them"
    )


def _sandbox_seconds(url: str) -> float:
    """Return the seconds of processor time that the sandbox has taken so far."""
    with urlopen(f"{url}/sandbox/state") as answer:  # noqa: S310 - our own
        seconds: float = json.load(answer)["processorSeconds"]
    return seconds

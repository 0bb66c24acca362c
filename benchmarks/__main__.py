"""`make bench`: prints each ratio with its floor and what it should be.

Absolute times depend on the machine; the ratios travel better.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows.demo import sandbox_environment

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
LEADS = int(os.environ.get("BENCH_LEADS", "50000"))
ROUNDS = 5
ROWS_BY_ROW = 20_000
"""Enough rows to time the peer; it would need minutes for all of them."""

FLOOR = "import polars as pl, sys; pl.scan_csv(sys.argv[1], infer_schema=False).sink_parquet(sys.argv[2])"

JOB = """
name = "bench"
[source]
type = "csv"
path = "{source}"
[columns]
externId = "id"
leadPhone = "phone"
firstName = "first"
lastName = "last"
address1 = "street"
city = "city"
state = "state"
zip = "zip"
email = "email"
auxData1 = "a"
auxData2 = "b"
[load]
campaign = "My Predictive Campaign"
description = "Bench"
dial_priority = "NORMAL"
duplicate_handling = "REMOVE_FROM_LIST"
time_zone_option = "EXPLICIT"
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds on the clock, and its largest resident size in MB."""

    seconds: float
    megabytes: float


def cost_of(*command: str | Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command to its end and return what it took, process start included. Raises CalledProcessError."""
    words = [str(word) for word in command]
    begun = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        child = subprocess.Popen(words, env=os.environ | (environment or {}), stdout=nowhere)  # noqa: S603 - our own
        _, status, usage = os.wait4(child.pid, 0)
    ended = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, words)
    return Cost(ended, usage.ru_maxrss / 1024)


def printed(*command: str | Path) -> float:
    """Return the number that a Python module of ours prints."""
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    return float(done.stdout)


def make_check(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write a source of `rows` rows and a job over it; return both."""
    source, job = folder / f"source-{rows}.csv", folder / f"job-{rows}.toml"
    # In a process of its own: a child's peak memory counts what its parent once held.
    cost_of(sys.executable, "-m", "benchmarks.sources", source, str(rows))
    job.write_text(JOB.format(source=source.name), encoding="utf-8")
    return source, job


def bench_check(folder: Path) -> None:
    """Time `leadferry check` against polars reading the same CSV and writing Parquet, and against itself, ten times."""
    source, job = make_check(folder, ROWS)
    check = (sys.executable, "-m", "flows", "check", job, "--out", folder / "check")
    ours, ratios = [], []
    for _ in range(ROUNDS):
        floor = cost_of(sys.executable, "-c", FLOOR, source, folder / "floor.parquet")
        ours.append(cost_of(*check))
        ratios.append(ours[-1].seconds / floor.seconds)
        print(f"  check {ours[-1].seconds:.2f} s, polars CSV to Parquet {floor.seconds:.2f} s, ratio {ratios[-1]:.2f}")
    typical = statistics.median(cost.seconds for cost in ours)
    peak = max(cost.megabytes for cost in ours)
    print(
        f"check of {ROWS:,} rows: {statistics.median(ratios):.2f} x polars (at most 2.5), peak {peak:,.0f} MB (1,000)"
    )
    by_row = printed("-m", "benchmarks.row_by_row", source, min(ROWS, ROWS_BY_ROW))
    print(f"check against row by row: {ROWS / typical / by_row:.0f} x its {by_row:,.0f} rows a second (at least 50)")
    source.unlink()
    _, large_job = make_check(folder, 10 * ROWS)
    large = cost_of(sys.executable, "-m", "flows", "check", large_job, "--out", folder / "check")
    print(
        f"check of {10 * ROWS:,} rows: {large.seconds:.1f} s, {large.seconds / typical:.1f} x the time of {ROWS:,} "
        f"(at most 10.5), peak {large.megabytes:,.0f} MB (1,500)"
    )


def bench_tables() -> None:
    """Time what a fresh process makes before its first row."""
    took = statistics.median(printed("-m", "benchmarks.compile_tables") for _ in range(ROUNDS))
    print(f"number metadata, ZIP and zone tables: {took:.2f} s (at most 0.30)")


def bench_load(folder: Path) -> None:
    """Time a whole load against the sandbox without throttles, beside the check that is part of it."""
    _, job = make_check(folder, LEADS)
    settings = SandboxSettings(throttles=False)
    with SandboxServer(settings) as sandbox:
        environment = sandbox_environment(sandbox.url, settings) | {"LEADFERRY_HOME": str(folder / "home")}
        check = cost_of(sys.executable, "-m", "flows", "check", job, "--out", folder / "c2", environment=environment)
        load = cost_of(sys.executable, "-m", "flows", "load", job, environment=environment)
        landed = sandbox.state.lead_count
    print(
        f"load of {landed:,} leads: {load.seconds:.2f} s, {load.seconds / check.seconds:.2f} x its own check, "
        f"{landed / load.seconds:,.0f} leads/s"
    )


def main() -> None:
    """Run every benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        bench_tables()
        bench_check(Path(name))
        bench_load(Path(name))


if __name__ == "__main__":
    main()

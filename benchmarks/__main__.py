"""`make bench`: prints each ratio with its floor. Absolute times depend on the machine; the ratios travel better."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows.demo import sandbox_environment

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
LEADS = int(os.environ.get("BENCH_LEADS", "50000"))
ROUNDS = 3

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


def write_source(path: Path, rows: int) -> None:
    """Write `rows` leads of 13 text columns, every number valid and used once."""
    number = pl.int_range(rows, eager=True)
    areas = pl.Series([203, 617, 973, 401, 716, 404, 305, 312, 713, 303, 602, 206, 408, 907, 808])
    area = areas.gather(number % areas.len())
    local = number // areas.len()
    frame = pl.DataFrame({"n": number, "area": area, "x": 200 + local // 10_000, "l": local % 10_000})
    digits = pl.col("l").cast(pl.String).str.zfill(4)
    frame.select(
        pl.format("L{}", "n").alias("id"),
        pl.format("({}) {}-{}", "area", "x", digits).alias("phone"),
        pl.lit("Ada").alias("first"),
        pl.format("Ashdown {}", "l").alias("last"),
        pl.format("{} Elm Street", "n").alias("street"),
        pl.lit("New Haven").alias("city"),
        pl.lit("CT").alias("state"),
        pl.lit("06511").alias("zip"),
        pl.format("ada.{}@example.com", "n").alias("email"),
        pl.lit("solar").alias("a"),
        pl.format("{}", "x").alias("b"),
        pl.lit("web").alias("c"),
        pl.lit("2026-05-01").alias("d"),
    ).write_csv(path)


def seconds(*command: str | Path, environment: dict[str, str] | None = None) -> float:
    """Run a command to its end and return how long it took."""
    begun = time.perf_counter()
    merged = os.environ | (environment or {})
    subprocess.run(list(map(str, command)), check=True, env=merged, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    return time.perf_counter() - begun


def bench_check(folder: Path) -> None:
    """Time `leadferry check` against polars reading the same CSV and writing Parquet, process start included."""
    source, job = folder / "source.csv", folder / "job.toml"
    write_source(source, ROWS)
    job.write_text(JOB.format(source=source.name), encoding="utf-8")
    ratios = []
    for _ in range(ROUNDS):
        floor = seconds(sys.executable, "-c", FLOOR, source, folder / "floor.parquet")
        ours = seconds(sys.executable, "-m", "flows", "check", job, "--out", folder / "check")
        ratios.append(ours / floor)
        print(f"  check {ours:.2f} s, polars CSV to Parquet {floor:.2f} s, ratio {ours / floor:.2f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"check of {ROWS:,} rows: {statistics.median(ratios):.2f} x polars, peak memory {peak:,.0f} MB")


def bench_load(folder: Path) -> None:
    """Time a whole load against the sandbox without throttles, beside the check that is part of it."""
    source, job = folder / "load.csv", folder / "load.toml"
    write_source(source, LEADS)
    job.write_text(JOB.format(source=source.name), encoding="utf-8")
    settings = SandboxSettings(throttles=False)
    with SandboxServer(settings) as sandbox:
        environment = sandbox_environment(sandbox.url, settings) | {"LEADFERRY_HOME": str(folder / "home")}
        check = seconds(sys.executable, "-m", "flows", "check", job, "--out", folder / "c2", environment=environment)
        load = seconds(sys.executable, "-m", "flows", "load", job, environment=environment)
        landed = sandbox.state.lead_count
    print(f"load of {landed:,} leads: {load:.2f} s, {load / check:.2f} x its own check, {landed / load:,.0f} leads/s")


def main() -> None:
    """Run every benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        bench_check(Path(name))
        bench_load(Path(name))


if __name__ == "__main__":
    main()

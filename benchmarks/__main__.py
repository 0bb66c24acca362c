"""`make bench`: prints each ratio with its floor and what it should be.

Absolute times depend on the machine; the ratios travel better.
"""

import os
import statistics
import sys
import tempfile
from itertools import cycle, islice, permutations
from pathlib import Path

from benchmarks.delivering import bench_many_leads, bench_sdk_loop, bench_throttles
from benchmarks.extracting import print_copy_ratio, print_csv_ratio, print_peaks
from benchmarks.jobs import write_job
from benchmarks.processes import cost_of, printed

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
ROUNDS = 12
"""Each order of three measures, twice."""
ROWS_BY_ROW = 20_000
"""Rows that time the peer in a round; it would need minutes for all of them."""

FLOOR = "import polars as pl, sys; pl.scan_csv(sys.argv[1], infer_schema=False).sink_parquet(sys.argv[2])"


def bench_check(folder: Path) -> None:
    """Time `leadferry check` against two peers, and against itself on ten times the rows.

    One is polars reading the same CSV and writing Parquet, the other the same rules row by row. Both run in each round:
    the speed of a machine changes from one minute to the next. And each in turn comes first: after a process that keeps
    one core busy the next finds a rested machine, and after one that keeps them all busy a slower one.
    """
    source, job = write_job(folder, ROWS)
    check = (sys.executable, "-m", "flows", "check", job, "--out", folder / "check")
    floor, ours, by_row = [], [], []
    measures = (
        lambda: floor.append(cost_of(sys.executable, "-c", FLOOR, source, folder / "floor.parquet")),
        lambda: ours.append(cost_of(*check)),
        lambda: by_row.append(printed("-m", "benchmarks.row_by_row", source, min(ROWS, ROWS_BY_ROW))),
    )
    ratios, times_by_row = [], []
    for order in islice(cycle(permutations(measures)), ROUNDS):
        for measure in order:
            measure()
        ratios.append(ours[-1].seconds / floor[-1].seconds)
        times_by_row.append(ROWS / ours[-1].seconds / by_row[-1])
        print(
            f"  check {ours[-1].seconds:.2f} s, polars CSV to Parquet {floor[-1].seconds:.2f} s, "
            f"ratio {ratios[-1]:.2f}; row by row {by_row[-1]:,.0f} rows/s, ratio {times_by_row[-1]:.0f}"
        )
    typical = statistics.median(cost.seconds for cost in ours)
    peak = max(cost.megabytes for cost in ours)
    print(
        f"check of {ROWS:,} rows: {statistics.median(ratios):.2f} x polars (at most 2.5), peak {peak:,.0f} MB (1,000)"
    )
    print(f"check against row by row: {statistics.median(times_by_row):.0f} x its rows a second (at least 50)")
    source.unlink()
    _, large_job = write_job(folder, 10 * ROWS)
    large = cost_of(sys.executable, "-m", "flows", "check", large_job, "--out", folder / "check")
    print(
        f"check of {10 * ROWS:,} rows: {large.seconds:.1f} s, {large.seconds / typical:.1f} x the time of {ROWS:,} "
        f"(at most 10.5), peak {large.megabytes:,.0f} MB (1,500)"
    )


def bench_tables() -> None:
    """Time what a fresh process makes before its first row."""
    took = statistics.median(printed("-m", "benchmarks.compile_tables") for _ in range(ROUNDS))
    print(f"number metadata, ZIP and zone tables: {took:.2f} s (at most 0.30)")


def main() -> None:
    """Run every benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        bench_tables()
        bench_check(Path(name))
        bench_sdk_loop(Path(name))
        bench_many_leads(Path(name))
        bench_throttles(Path(name))
    print_csv_ratio(ROWS)
    print_copy_ratio(ROWS)
    print_peaks(10 * ROWS)


if __name__ == "__main__":
    main()

"""The command line of chaos: many schedules in several processes, or one seed alone."""

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from pprint import pprint

from tests.chaos.kills import list_edges, outlive_all
from tests.chaos.playing import play, play_seed
from tests.chaos.schedules import make_schedule
from tests.chaos.summing_up import Summary

PROCESSES_PER_CPU = 3
"""A schedule mostly waits: for time-outs, for the settling time, for a throttle."""


def main() -> int:
    """Play the schedules, kill a load at every edge, sum both up, and return 1 if the promise was broken anywhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this schedule alone, and show it")
    parser.add_argument("--keep", type=Path, help="with --seed: leave ledger and run in this folder")
    parser.add_argument("--first", type=int, default=int(os.environ.get("CHAOS_SEED", "1")))
    parser.add_argument("--schedules", type=int, default=int(os.environ.get("CHAOS_SCHEDULES", "1000")))
    parser.add_argument("--processes", type=int, default=PROCESSES_PER_CPU * (os.cpu_count() or 1))
    given = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = "1"  # for the workers, which import polars anew
    if given.seed is not None:
        return _play_alone(given.seed, given.keep)
    # Both are run, whatever the first comes to.
    broken = _play_all(range(given.first, given.first + given.schedules), given.processes)
    return max(broken, _kill_everywhere(given.processes))


def _play_alone(seed: int, keep: Path | None) -> int:
    schedule = make_schedule(seed)
    pprint(schedule, width=160)
    if keep is not None:
        keep.mkdir(parents=True)
    verdict = play(schedule, keep=keep)
    print(verdict.tell())
    return 0 if verdict.is_good else 1


def _play_all(seeds: range, processes: int) -> int:
    summary = Summary()
    began = time.monotonic()
    # Spawned, for a fork of a process that has threads may hang.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        playing = [pool.submit(play_seed, seed) for seed in seeds]
        for done, played in enumerate(as_completed(playing), start=1):
            verdict = played.result()
            summary.add(verdict)
            if not verdict.is_good:
                print(f"\n{verdict.tell()}", flush=True)
            if done % 50 == 0:
                print(f"{done}/{len(seeds)}", end=" ", flush=True)
    print(f"\n{summary.tell(time.monotonic() - began)}")
    return 1 if summary.broken else 0


def _kill_everywhere(threads: int) -> int:
    """Kill the real process at every edge of a small load, and go on with it."""
    began = time.monotonic()
    outlived = outlive_all(list_edges(), threads)
    wrong = [each for each in outlived if not each.is_good]
    for each in wrong:
        print(each.tell())
    print(f"killed at {len(outlived)} edges and gone on: {len(wrong)} ended wrongly; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

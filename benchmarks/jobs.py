"""The job that the benchmarks run, over a source of made-up leads."""

import sys
from pathlib import Path
from typing import Final

from benchmarks.processes import cost_of

_JOB: Final = """
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
batch_size = {batch_size}
[delivery]
keep_throttles = {keep_throttles}
"""


def write_job(folder: Path, rows: int, *, batch_size: int = 1000, keep_throttles: bool = True) -> tuple[Path, Path]:
    """Write a source of `rows` rows and a job over it into `folder`; return both."""
    folder.mkdir(parents=True, exist_ok=True)
    source, job = folder / f"source-{rows}.csv", folder / f"job-{rows}.toml"
    # In a process of its own: a child's peak memory counts what its parent once held.
    cost_of(sys.executable, "-m", "benchmarks.sources", source, str(rows))
    told = {"source": source.name, "batch_size": batch_size, "keep_throttles": str(keep_throttles).lower()}
    job.write_text(_JOB.format(**told), encoding="utf-8")
    return source, job

"""The benchmark's peer judges as Leadferry does, so that comparing their speed compares the same work."""

import datetime as dt

import polars as pl
import pytest

from benchmarks.jobs import write_job
from benchmarks.row_by_row import Tables, judge_rows
from flows.job_file import read_job
from flows.preparation import prepared_check
from flows.progress import SilentProgress
from flows.run_folder import RunFolder

AS_OF = dt.date(2026, 1, 15)
ROWS = 20_000
SAME = [
    *("source_row", "externId", "leadPhone", "outcome", "reason", "detail", "time_zone", "time_zone_source"),
    *("time_zone_conflict", "zip_zone", "number_zone", "state_zone", "other_zones", "leadTimezone", "state", "note"),
]
FIELDS = {"firstName": "first", "lastName": "last", "address1": "street", "city": "city", "zip": "zip"}
FIELDS |= {"email": "email", "auxData1": "a", "auxData2": "b"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Check a source of the benchmark's; returns outcomes, leads and damage, and what the peer makes of the same."""
    path = tmp_path_factory.mktemp("peer")
    source, job_file = write_job(path, ROWS)
    folder = RunFolder(path / "run")
    folder.make()
    job = read_job(job_file)
    with prepared_check(job, folder, as_of=AS_OF, limit=None, progress=SilentProgress()) as (prepared, _):
        pass
    judged = judge_rows(source, ROWS, Tables(AS_OF))
    return pl.read_parquet(folder.outcomes), pl.read_parquet(folder.leads), prepared.damage, judged


def test_the_peer_gives_each_row_the_same_outcome(both):
    outcomes, _, _, judged = both
    peer = pl.DataFrame(judged.outcomes, infer_schema_length=None).select(SAME)
    assert peer.height == ROWS
    assert peer.with_columns(pl.col("source_row").cast(pl.UInt64)).equals(outcomes.select(SAME))
    assert {"REJECTED", "NOT_SENT"} <= set(peer["outcome"])


def test_the_peer_makes_the_same_leads(both):
    _, leads, _, judged = both
    peer = [lead for lead in judged.outcomes if lead["outcome"] == "NOT_SENT"]
    for field, name in FIELDS.items():
        assert leads[field].to_list() == [lead[name] for lead in peer], field


def test_the_peer_counts_the_same_damage(both):
    _, _, damage, judged = both
    assert damage, "the source has damage to find"
    for verdict in damage:
        assert judged.damage[verdict["column"], "value"] == verdict["values"]
        assert judged.damage[verdict["column"], verdict["kind"].lower().replace("_", " ")] == verdict["rows"]

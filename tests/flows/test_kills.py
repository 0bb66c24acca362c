"""Killed at any edge of what it writes down, a load is gone on with to the same end: each lead there, once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.kills import Edge, outlive

# `make chaos` tries every edge; here are those of each kind.
STEPS = (
    "open_run 1", "extract.parquet 1", "prepared.json 1", "plan_batches 1", "begin_attempt 1", "end_attempt 1",
    "begin_attempt 3", "settle 1", "sent.parquet 1", "outcomes.parquet 1", "report.json 1", "release_run 1",
)  # fmt: skip
# Before one step is after the step before it, but for what happens in between: a request, or a search.
BEFORE = ("end_attempt 2", "settle 1")


def edges_of(when, steps):
    return [Edge(step, when, int(nth)) for step, nth in (text.split() for text in steps)]


EDGES = [*edges_of("after", STEPS), *edges_of("before", BEFORE)]


@pytest.fixture(scope="module")
def outlived():
    """Every edge, tried at the same time: each takes two processes that mostly wait."""
    with ThreadPoolExecutor(6) as pool:
        yield {edge: pool.submit(outlive, edge) for edge in EDGES}


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_a_load_killed_at_any_edge_is_gone_on_with_to_the_same_end(outlived, edge):
    ended = outlived[edge].result()

    assert ended.is_good, ended.tell()

"""Loads at the same time share RingCX's throttles through the ledger: together they are never answered 429."""

import pytest

from connectors.sandbox.settings import SandboxSettings
from tests.conftest import lead_rows

BATCHES = 15
"""Of two loads together all 30 direct loads that RingCX allows in ten seconds, and twice the searches."""


@pytest.mark.parametrize("same_job", [False, True], ids=["two jobs", "one job twice"])
def test_two_loads_at_once_keep_the_throttles_together(start_leadferry, make_job, ringcx, same_job):
    ringcx.reset(SandboxSettings(throttles=True))
    options = {
        "load": {"batch_size": 1, "duplicate_handling": "RETAIN_ALL"},
        "delivery": {"give_up_seconds": 120, "keep_throttles": True},
    }
    first = make_job(lead_rows(BATCHES), **options)
    second = first if same_job else make_job(lead_rows(BATCHES, first=BATCHES), name="others", **options)

    loads = [start_leadferry("load", job, "--run-id", run_id) for run_id, job in {"one": first, "two": second}.items()]
    said = [load.communicate(timeout=120)[1] for load in loads]

    assert ringcx.state.requests_of("direct") == 2 * BATCHES
    assert ringcx.state.summary()["throttled"] == 0
    if same_job:
        # Each run's leads are there, but neither run can tell which of two leads of one id is its own.
        assert set(ringcx.state.times_inserted().values()) == {2}
    else:
        assert [load.returncode for load in loads] == [0, 0], said
        assert sorted(ringcx.state.times_inserted().values()) == [1] * 2 * BATCHES

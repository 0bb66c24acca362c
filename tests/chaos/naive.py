"""The floor to compare with: a loader that sends each batch and tries again on any error, as scripts usually do."""

import contextlib
import time

import httpx

from connectors.sandbox.server import SandboxServer
from tests.chaos.playing import Verdict, brought, lead_of, load_before, lost, wait_until_quiet
from tests.chaos.raw_client import RawClient
from tests.chaos.schedules import Schedule, make_schedule

TRIES = 3
_PAUSE_SECONDS = 0.1


def play_naively(schedule: Schedule) -> Verdict:
    """Load the leads of `schedule` that ought to land with the naive loop, and judge it by the same truth."""
    verdict = Verdict(schedule.seed, leads=len(schedule.rows))
    with SandboxServer(schedule.settings) as ringcx:
        before = load_before(schedule, ringcx)
        ringcx.set_faults(schedule.faults)
        _load(schedule, ringcx.url)
        wait_until_quiet(ringcx)
        there = brought(ringcx, before)
        verdict.doubled += sorted(extern_id for extern_id, times in there.items() if times > 1)
        verdict.lost += lost(schedule, ringcx, there)
        verdict.requests = ringcx.state.counts.total()
    return verdict


def play_seed_naively(seed: int) -> Verdict:
    """Play the schedule of a seed with the naive loop."""
    return play_naively(make_schedule(seed))


def _load(schedule: Schedule, url: str) -> None:
    leads = [lead_of(schedule, place) for place in range(len(schedule.rows))]
    leads = [lead for lead in leads if lead["externId"] in schedule.expected]
    size = schedule.load["batch_size"]
    with RawClient(url, timeout=schedule.delivery["timeout_seconds"]) as client:
        for first in range(0, len(leads), size):
            for _ in range(TRIES):
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    client.load(leads[first : first + size], schedule.load)
                    break
                time.sleep(_PAUSE_SECONDS)

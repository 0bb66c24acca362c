"""A few of the schedules that `make chaos` plays by the thousand, and proof that they can be failed."""

from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.chaos.naive import play_seed_naively
from tests.chaos.playing import play_seed
from tests.chaos.schedules import OLD_NEWS_EVERY, make_schedule
from tests.warm_command import FORKS

SEEDS = (*range(1, 13), OLD_NEWS_EVERY)
NAIVE_SEEDS = SEEDS[:8]


@pytest.fixture(scope="module")
def played():
    """Every schedule, played at the same time: they mostly wait, each in a process with an environment of its own."""
    with ProcessPoolExecutor(6, mp_context=FORKS) as pool:
        ours = {seed: pool.submit(play_seed, seed) for seed in SEEDS}
        naive = {seed: pool.submit(play_seed_naively, seed) for seed in NAIVE_SEEDS}
        yield ours, naive


@pytest.mark.parametrize("seed", SEEDS)
def test_under_any_schedule_of_faults_each_lead_lands_once_or_is_named_and_resume_ends_it(played, seed):
    verdict = played[0][seed].result()

    assert verdict.is_good, verdict.tell()


def test_a_loader_that_merely_tries_again_loses_or_doubles_leads_under_the_same_schedules(played):
    verdicts = [naive.result() for naive in played[1].values()]

    assert sum(len(verdict.doubled) for verdict in verdicts) > 0
    assert sum(len(verdict.lost) for verdict in verdicts) > 0


def test_a_seed_makes_the_same_schedule_every_time():
    assert make_schedule(7) == make_schedule(7) != make_schedule(8)

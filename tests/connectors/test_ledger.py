"""The ledger: what was intended is on disk before anything is sent, and a killed run can be read by the next."""

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.ledger import EventState, Ledger, RunRecord
from connectors.ledger_engine import read_url
from connectors.ledger_layout import LAYOUT
from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError, DeliveryError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
RUN = RunRecord(
    run_id="run-1",
    job="hospitals",
    status="running",
    folder=Path("runs/run-1"),
    job_json="{}",
    row_limit=None,
    started_at="2026-01-02T03:04:05+00:00",
    finished_at=None,
    account_id=None,
    campaign_id=None,
    campaign_name=None,
)
BATCHES = [Batch(1, "000001-a", 0, 10), Batch(2, "000002-b", 10, 5)]


@pytest.fixture
def open_ledger(ledger_url):
    """Open the ledger again and again, as other processes would."""
    opened = []

    def make(url=None, **changes):
        opened.append(Ledger(url or ledger_url, **changes))
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    """A ledger with one planned run, which is its own."""
    ledger = open_ledger()
    ledger.open_run(RUN)
    claim(ledger)
    ledger.plan_batches("run-1", BATCHES)
    return ledger


def claim(ledger, *, lock="lock-1", seconds=60.0, dead=None):
    return ledger.claim_run("run-1", host="here", lock=lock, seconds=seconds, dead=dead)


def begin(ledger, number=1, places=None, baseline=()):
    return ledger.begin_attempt("run-1", number, places=places, baseline=baseline, now=NOW)


def end(ledger, attempt, state, answer=None):
    ledger.end_attempt(attempt, state=state, code="CODE", message="words", answer=answer, now=NOW)


def query(url, sql):
    """Do one statement as another program would."""
    engine = sa.create_engine(read_url(url))
    with engine.begin() as db:
        result = db.exec_driver_sql(sql)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def test_the_intent_to_send_is_seen_by_others_as_soon_as_it_returns(ledger, ledger_url):
    attempt = begin(ledger, places=[0, 3], baseline={9, 7})

    rows = query(ledger_url, "select event_id, number, state, places, baseline from leadferry_events")
    assert rows == [(attempt, 1, "sending", "[0,3]", "[7,9]")]


def test_every_connection_flushes_a_commit_to_disk(ledger, ledger_url):
    # Durability cannot be seen from outside without a power cut.
    ask = ledger._database.read  # noqa: SLF001
    told = [("pragma synchronous", 2), ("pragma journal_mode", "wal")]
    if "postgresql" in ledger_url:
        told = [("show synchronous_commit", "on")]
    assert [(each, ask(lambda db, each=each: db.exec_driver_sql(each).scalar())) for each, _ in told] == told


def test_an_attempt_has_no_end_until_its_answer_is_recorded(ledger):
    attempt = begin(ledger, baseline=[5])
    (event,) = ledger.events("run-1")
    assert (event.state, event.places, event.baseline, event.finished_at) == (EventState.SENDING, None, {5}, None)

    end(ledger, attempt, EventState.ACCEPTED, {"counts": {"inserted": 10}})

    (event,) = ledger.events("run-1")
    assert (event.event_id, event.state, event.code, event.message) == (attempt, EventState.ACCEPTED, "CODE", "words")
    assert event.answer == {"counts": {"inserted": 10}}
    assert dt.datetime.fromisoformat(event.finished_at) == NOW


def test_a_reopened_ledger_gives_the_same_run_batches_and_events(ledger, open_ledger):
    for state in (EventState.ACCEPTED, EventState.REFUSED, EventState.NOT_SENT, EventState.UNKNOWN):
        end(ledger, begin(ledger), state)
    ledger.settle("run-1", 1, places=[0, 1, 2], landed=[1], now=NOW)
    begin(ledger, number=2, places=[4])
    before = (ledger.find_run("run-1"), ledger.batches("run-1"), ledger.events("run-1"))
    ledger.close()

    again = open_ledger()

    assert (again.find_run("run-1"), again.batches("run-1"), again.events("run-1")) == before
    assert before[0] == RUN
    assert before[1] == BATCHES
    assert [event.number for event in again.events("run-1", 2)] == [2]
    settled = again.events("run-1", 1)[-1]
    assert (settled.state, settled.places, settled.answer) == (EventState.PARTLY_LANDED, (0, 1, 2), {"landed": [1]})


@pytest.mark.parametrize(
    ("landed", "state"),
    [([], EventState.ABSENT), ([0, 2], EventState.PARTLY_LANDED), ([0, 2, 5], EventState.LANDED)],
)
def test_a_search_says_whether_all_none_or_some_of_an_attempt_landed(ledger, landed, state):
    end(ledger, begin(ledger, places=[0, 2, 5]), EventState.UNKNOWN)

    ledger.settle("run-1", 1, places=[0, 2, 5], landed=landed, now=NOW)

    attempt, search = ledger.events("run-1")
    assert (attempt.state.is_search, search.state.is_search) == (False, True)
    assert (search.state, search.answer) == (state, {"landed": landed})


def test_runs_are_listed_newest_first_and_can_be_updated(ledger):
    ledger.open_run(replace(RUN, run_id="run-2", started_at="2026-02-01T00:00:00+00:00", row_limit=7))
    ledger.update_run("run-1", status="succeeded", campaign_id=12345, finished_at="2026-03-01T00:00:00+00:00")

    assert [run.run_id for run in ledger.list_runs()] == ["run-2", "run-1"]
    assert ledger.find_run("run-1") == replace(
        RUN, status="succeeded", campaign_id=12345, finished_at="2026-03-01T00:00:00+00:00"
    )
    assert ledger.find_run("run-3") is None


def test_a_run_id_that_is_taken_is_refused_and_the_first_run_stays(ledger):
    with pytest.raises(ConfigurationError, match="leadferry resume run-1") as error:
        ledger.open_run(replace(RUN, job="another"))

    assert error.value.code == "RUN_EXISTS"
    assert ledger.find_run("run-1") == RUN


def test_batches_are_planned_once(ledger):
    ledger.plan_batches("run-1", [Batch(1, "000001-z", 0, 15)])
    ledger.plan_batches("run-1", [])

    assert ledger.batches("run-1") == BATCHES


def test_no_attempt_is_recorded_for_a_batch_that_was_never_planned(ledger):
    with pytest.raises(ConfigurationError, match="no batch 3") as error:
        begin(ledger, number=3)

    assert error.value.code == "LEDGER_DAMAGED"
    assert ledger.events("run-1") == []


def test_two_threads_that_write_at_once_lose_nothing(ledger):
    def work(number):
        for _ in range(25):
            end(ledger, begin(ledger, number), EventState.NOT_SENT)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (1, 2)))

    events = ledger.events("run-1")
    assert len({event.event_id for event in events}) == 50
    assert {event.state for event in events} == {EventState.NOT_SENT}
    assert len(ledger.events("run-1", 1)) == 25


def test_two_ledgers_on_one_database_wait_for_each_other(ledger, open_ledger):
    other = open_ledger()
    other.open_run(replace(RUN, run_id="run-2"))
    other.claim_run("run-2", host="here", lock="lock-2", seconds=60)
    other.plan_batches("run-2", BATCHES)

    def work(each, run_id):
        for _ in range(25):
            each.begin_attempt(run_id, 1, places=None, baseline=(), now=NOW)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (ledger, other), ("run-1", "run-2")))

    assert [len(ledger.events(run_id)) for run_id in ("run-1", "run-2")] == [25, 25]


def test_many_that_open_a_new_ledger_at_the_same_moment_all_get_it(open_ledger):
    with ThreadPoolExecutor(8) as pool:
        ledgers = list(pool.map(lambda _: open_ledger(), range(8)))

    ledgers[0].open_run(RUN)
    assert [each.find_run("run-1") for each in ledgers] == [RUN] * 8


def test_a_ledger_of_a_newer_layout_is_refused_and_left_alone(ledger, ledger_url, open_ledger):
    ledger.close()
    query(ledger_url, "update leadferry_schema set version = version + 1")

    with pytest.raises(ConfigurationError, match="Upgrade leadferry") as error:
        open_ledger()

    assert error.value.code == "LEDGER_NEWER"
    assert query(ledger_url, "select version from leadferry_schema") == [(LAYOUT + 1,)]


def test_a_writer_killed_while_sending_leaves_an_attempt_without_an_end(ledger, ledger_url, open_ledger):
    ledger.release_run("run-1")
    ledger.close()
    program = f"""
        import datetime as dt, time
        from connectors.ledger import Ledger
        ledger = Ledger("{ledger_url}")
        ledger.claim_run("run-1", host="there", lock="lock", seconds=60)
        ledger.begin_attempt("run-1", 2, places=None, baseline=[4], now=dt.datetime.now(dt.UTC))
        print("sending", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout.readline() == b"sending\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    (event,) = open_ledger().events("run-1")
    assert (event.number, event.state, event.baseline) == (2, EventState.SENDING, {4})
    assert event.finished_at is None


WRITES = {
    "begin": begin,
    "end": lambda ledger: ledger.end_attempt(
        1, state=EventState.UNKNOWN, code=None, message=None, answer=None, now=NOW
    ),
    "settle": lambda ledger: ledger.settle("run-1", 1, places=[0], landed=[], now=NOW),
    "plan": lambda ledger: ledger.plan_batches("run-1", BATCHES),
    "update": lambda ledger: ledger.update_run("run-1", status="failed"),
}


@pytest.mark.parametrize("write", WRITES)
def test_whoever_lost_a_run_records_nothing_more(ledger, open_ledger, write):
    assert begin(ledger) == 1
    other = open_ledger()
    lease = claim(other, lock="lock-2")
    assert 0 < lease.left <= 60
    assert claim(other, lock="lock-2", dead=lease.owner.token) is None
    before = (ledger.find_run("run-1"), ledger.events("run-1"))

    with pytest.raises(DeliveryError) as error:
        WRITES[write](ledger)

    assert error.value.code == "RUN_TAKEN_OVER"
    assert (ledger.find_run("run-1"), ledger.events("run-1")) == before
    assert not ledger.renew_run("run-1", 60)


def test_of_many_that_claim_a_run_at_once_one_gets_it(ledger, open_ledger):
    ledger.release_run("run-1")
    ledgers = [open_ledger() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        leases = list(pool.map(claim, ledgers))

    assert leases.count(None) == 1
    assert {lease.owner.token for lease in leases if lease} == {ledgers[leases.index(None)]._token}  # noqa: SLF001


def test_a_lease_that_ran_out_is_free(ledger, open_ledger):
    claim(ledger, seconds=0.05)
    time.sleep(0.1)

    assert claim(open_ledger(), lock="lock-2") is None


def test_a_run_is_taken_only_from_the_owner_that_is_known_to_be_dead(ledger, open_ledger):
    """Two that saw the same owner die must not take the run from each other."""
    first, second = open_ledger(), open_ledger()
    dead = claim(first).owner.token
    assert claim(ledger) is None
    assert claim(first, dead=dead) is None

    assert claim(second, dead=dead) is not None


def test_words_that_no_database_takes_are_kept_as_far_as_they_go(ledger):
    attempt = begin(ledger)

    ledger.end_attempt(attempt, state=EventState.REFUSED, code="C" * 300, message="a\0b\ud800", answer=None, now=NOW)

    (event,) = ledger.events("run-1")
    assert (event.code, event.message) == ("C" * 300, "ab?")


def test_moments_of_events_are_told_in_order_however_many_there_are(ledger):
    first, second, _ = begin(ledger, 1, places=[0, 1]), begin(ledger, 2), begin(ledger, 1, places=[2])
    end(ledger, second, EventState.REFUSED)
    end(ledger, first, EventState.ACCEPTED, {"counts": {}})

    told = [list(ledger.event_moments("run-1", page_rows=rows)) for rows in (1, 2, 3, 4)]

    assert [(moment.state.value, moment.code) for moment in told[0]] == [
        ("accepted", "CODE"),
        ("refused", "CODE"),
        ("sending", None),
    ]
    assert told[1:] == told[:1] * 3
    assert (told[0][0].started_at, told[0][0].message) == (NOW.isoformat(), "words")
    assert list(ledger.event_moments("run-2")) == []


# --- numbers, and lead data that goes ---------------------------------------------------------------------------


def test_earlier_whole_runs_of_a_job_are_told_newest_first(ledger):
    others = {"b": {}, "c": {}, "limited": {"row_limit": 5}, "mended": {"other_source": "rejects.csv"}}
    for place, (run_id, changes) in enumerate(others.items()):
        started = f"2026-01-0{3 + place}T00:00:00+00:00"
        ledger.open_run(replace(RUN, run_id=run_id, started_at=started, **changes))
    ledger.open_run(replace(RUN, run_id="other", job="another", started_at="2026-01-03T00:00:00+00:00"))

    before = ledger.runs_before("hospitals", "2026-02-01T00:00:00+00:00", 2)

    assert [run.run_id for run in before] == ["c", "b"]
    assert [run.run_id for run in ledger.runs_before("hospitals", "2026-01-03T00:00:00+00:00", 9)] == ["run-1"]


def told_of_leads(ledger):
    """Record an answer and a refusal that have something of leads in them."""
    first = ledger.begin_attempt("run-1", 1, places=None, baseline=[7, 8, 9], now=NOW)
    answer = {"counts": {"inserted": 9}, "rejected": [{"message": "Ann is no lead", "fits": [3]}]}
    ledger.end_attempt(first, state=EventState.ACCEPTED, code=None, message="Ann", answer=answer, now=NOW)
    second = ledger.begin_attempt("run-1", 2, places=None, baseline=[], now=NOW)
    ledger.end_attempt(second, state=EventState.REFUSED, code="HTTP_400", message="Ben", answer=None, now=NOW)


def test_a_stripped_run_keeps_states_codes_and_counters(ledger):
    told_of_leads(ledger)

    ledger.strip_run("run-1", "2026-03-01T00:00:00+00:00")

    first, second = ledger.events("run-1")
    assert (first.state, first.baseline, first.message) == (EventState.ACCEPTED, frozenset(), None)
    assert first.answer == {"counts": {"inserted": 9}}
    assert (second.state, second.code, second.message) == (EventState.REFUSED, "HTTP_400", None)
    assert ledger.find_run("run-1").pruned_at == "2026-03-01T00:00:00+00:00"


def test_forgotten_leads_leave_baselines_and_words_and_others_stay(ledger):
    told_of_leads(ledger)

    assert ledger.forget_leads("run-1", {8}, "2026-03-01T00:00:00+00:00") == 2

    first, second = ledger.events("run-1")
    assert (first.baseline, first.message, second.message) == (frozenset({7, 9}), None, None)
    assert first.answer == {"counts": {"inserted": 9}, "rejected": [{"message": "", "fits": [3]}]}
    assert ledger.find_run("run-1").forgotten_at is not None
    assert ledger.forget_leads("run-1", {8}, "2026-03-02T00:00:00+00:00") == 0


def test_only_who_has_the_run_takes_lead_data_out_of_it(ledger, open_ledger):
    told_of_leads(ledger)
    other = open_ledger()

    for take in (lambda: other.strip_run("run-1", "x"), lambda: other.forget_leads("run-1", {8}, "x")):
        with pytest.raises(DeliveryError, match="taken over"):
            take()

    assert ledger.events("run-1")[0].message == "Ann"

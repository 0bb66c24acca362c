"""A run is worked on by one process: whoever is alive keeps it, whoever is dead loses it, the loser learns of it."""

import threading
import time
from pathlib import Path

import pytest

from connectors.ledger import Ledger, RunRecord
from flows.run_folder import RunFolder
from flows.run_lease import lease_held
from transforms.vocabulary.errors import ConfigurationError, DeliveryError, RunInterruptedError


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture
def open_ledger(ledger_url):
    opened = []

    def make():
        opened.append(Ledger(ledger_url))
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    ledger = open_ledger()
    texts = {"job": "job", "status": "running", "job_json": "{}", "started_at": "2026-01-02T03:04:05+00:00"}
    nothing = dict.fromkeys(("row_limit", "finished_at", "account_id", "campaign_id", "campaign_name"))
    ledger.open_run(RunRecord(run_id="run-1", folder=Path("runs/run-1"), **texts, **nothing))
    return ledger


def hold(ledger, folder, *, stop=None, told=None, **seconds):
    told = [] if told is None else told
    return lease_held(ledger, "run-1", folder, stop=stop or threading.Event(), tell=told.append, **seconds)


def claim_elsewhere(ledger, seconds, dead=None):
    return ledger.claim_run("run-1", host="elsewhere", lock="another", seconds=seconds, dead=dead)


def test_a_run_that_is_let_go_of_is_free_at_once(ledger, folder, open_ledger):
    with hold(ledger, folder):
        assert claim_elsewhere(open_ledger(), 60) is not None

    assert claim_elsewhere(open_ledger(), 60) is None


def test_a_lease_is_renewed_for_as_long_as_its_owner_works(ledger, folder, open_ledger):
    with hold(ledger, folder, lease_seconds=1.0, renew_seconds=0.1):
        time.sleep(1.5)
        standing = claim_elsewhere(open_ledger(), 60)

    assert standing is not None
    assert standing.left > 0.3


def test_a_dead_process_of_the_same_lock_loses_the_run_at_once(ledger, folder, open_ledger):
    with folder.held() as lock:
        open_ledger().claim_run("run-1", host="here", lock=lock, seconds=60)
    told = []

    with hold(ledger, folder, told=told):
        ledger.update_run("run-1", status="interrupted")

    assert told == []


def test_the_lease_of_a_dead_process_elsewhere_is_waited_for_and_the_wait_is_told(ledger, folder, open_ledger):
    claim_elsewhere(open_ledger(), 1.0)
    began, told = time.monotonic(), []

    with hold(ledger, folder, told=told):
        assert 0.7 < time.monotonic() - began < 10

    (words,) = told
    assert "elsewhere" in words


def test_a_process_that_renews_its_lease_elsewhere_keeps_the_run(ledger, folder, open_ledger):
    other = open_ledger()
    claim_elsewhere(other, 2.0)
    renewal = threading.Timer(0.5, other.renew_run, ("run-1", 60.0))
    renewal.start()

    with pytest.raises(ConfigurationError, match=r"Another process is at work on the run in .*elsewhere") as error:
        hold(ledger, folder).__enter__()

    renewal.join()
    assert error.value.code == "RUN_BUSY"


def test_a_wait_for_a_lease_can_be_stopped(ledger, folder, open_ledger):
    claim_elsewhere(open_ledger(), 60)
    stop = threading.Event()
    stop.set()

    with pytest.raises(RunInterruptedError):
        hold(ledger, folder, stop=stop).__enter__()


def test_a_process_that_lost_its_run_is_stopped_and_told(ledger, folder, open_ledger):
    stop, other = threading.Event(), open_ledger()

    def work():
        with hold(ledger, folder, stop=stop, renew_seconds=0.1):
            lease = claim_elsewhere(other, 60)
            claim_elsewhere(other, 60, dead=lease.owner.token)
            assert stop.wait(10)
            raise RunInterruptedError("INTERRUPTED", "stopped.", "")

    with pytest.raises(DeliveryError) as error:
        work()

    assert error.value.code == "RUN_TAKEN_OVER"
    assert claim_elsewhere(other, 60) is None  # what the loser let go of was not the winner's


def test_a_run_whose_folder_is_not_here_is_refused(ledger, tmp_path):
    with pytest.raises(ConfigurationError, match="where its folder is") as error:
        hold(ledger, RunFolder(tmp_path / "missing")).__enter__()

    assert error.value.code == "FOLDER_UNUSABLE"


def test_a_lock_that_was_removed_and_made_anew_proves_nobody_dead(folder):
    with folder.held() as first:
        (folder.path / ".lock").unlink()
        with folder.held() as second:
            assert first != second

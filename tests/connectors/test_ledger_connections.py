"""Connections to PostgreSQL that break: the ledger goes on, and nothing is recorded twice or lost."""

import datetime as dt
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from connectors.ledger import EventState, Ledger, RunRecord
from tests.ledger_databases import ledger_database
from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
TEXTS = {"job": "job", "status": "running", "job_json": "{}", "started_at": "2026-01-02T03:04:05+00:00"}
NOTHING = dict.fromkeys(("row_limit", "finished_at", "account_id", "campaign_id", "campaign_name"))
RUN = RunRecord(run_id="run-1", folder=Path("runs"), **TEXTS, **NOTHING)


class Cable:
    """Lies between the ledger and its server, and can be cut at a commit: before it arrives, or before its answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.name = f"ledger test {self.port}".replace(" ", "-")
        self.cut: str | None = None
        self.cuts = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Let nobody through any more."""
        _end(self._listener)
        self._thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", 5432))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        muted = threading.Event()
        back = threading.Thread(target=_carry_back, args=(far, near, muted), daemon=True)
        back.start()
        while data := _receive(near):
            if b"COMMIT" in data and self.cut:
                if self.cut == "before the answer":
                    muted.set()
                    far.sendall(data)
                    time.sleep(0.2)
                self.cut = None
                self.cuts += 1
                break
            far.sendall(data)
        _end(near)
        _end(far)
        back.join()
        near.close()
        far.close()


def _carry_back(far: socket.socket, near: socket.socket, muted: threading.Event) -> None:
    while data := _receive(far):
        if not muted.is_set():
            with suppress(OSError):
                near.sendall(data)
    _end(near)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def url(tmp_path):
    with ledger_database("PostgreSQL", tmp_path) as url:
        yield url


@pytest.fixture
def cable(url):
    del url  # it skips where there is no server
    cable = Cable()
    yield cable
    with suppress(OSError):
        cable.unplug()


@contextmanager
def opened(url, cable):
    ledger = Ledger(f"{url.replace(':5432', f':{cable.port}')}&application_name={cable.name}", patience_seconds=3)
    try:
        yield ledger
    finally:
        ledger.close()


def begin(ledger):
    return ledger.begin_attempt("run-1", 1, places=None, baseline=(), now=NOW)


def plan(ledger):
    ledger.open_run(RUN)
    ledger.claim_run("run-1", host="here", lock="lock", seconds=60)
    ledger.plan_batches("run-1", [Batch(1, "000001-a", 0, 10)])


@pytest.mark.parametrize("cut", ["before it arrives", "before the answer"])
def test_every_write_is_recorded_once_when_the_connection_breaks_while_it_commits(url, cable, cut):
    with opened(url, cable) as ledger:
        writes = [
            lambda: ledger.open_run(RUN),
            lambda: ledger.claim_run("run-1", host="here", lock="lock", seconds=60),
            lambda: ledger.plan_batches("run-1", [Batch(1, "000001-a", 0, 10)]),
            lambda: begin(ledger),
            lambda: ledger.end_attempt(
                ledger.events("run-1")[0].event_id,
                state=EventState.UNKNOWN, code=None, message=None, answer=None, now=NOW,
            ),
            lambda: ledger.settle("run-1", 1, places=range(10), landed=[1], now=NOW),
            lambda: ledger.update_run("run-1", status="unresolved"),
            lambda: ledger.windows().take("account", "direct", ((5, 60.0),)),
        ]  # fmt: skip
        answers = []
        for write in writes:
            cable.cut = cut
            answers.append(write())

        events = ledger.events("run-1")
        assert cable.cuts == len(writes)
        assert [event.state for event in events] == [EventState.UNKNOWN, EventState.PARTLY_LANDED]
        assert answers[3] == events[0].event_id
        assert (answers[1], answers[7]) == (None, 0.0)
        assert ledger.find_run("run-1").status == "unresolved"
        assert len(ledger.batches("run-1")) == 1


def test_a_server_that_ends_all_connections_is_connected_to_anew(url, cable):
    with opened(url, cable) as ledger:
        plan(ledger)
        with psycopg.connect(url, autocommit=True) as server:
            for _ in range(3):
                begin(ledger)
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (cable.name,)
                )
                assert ledger.find_run("run-1") == RUN

        assert len(ledger.events("run-1")) == 3


def test_a_server_that_stays_away_is_told_as_lost_and_names_the_next_step(url, cable):
    with opened(url, cable) as ledger:
        plan(ledger)
        cable.unplug()
        cable.cut = "before it arrives"

        with pytest.raises(ConfigurationError, match="was lost") as error:
            begin(ledger)

        began = time.monotonic()
        with pytest.raises(ConfigurationError, match="was lost"):
            ledger.events("run-1")  # having waited once is enough
        assert time.monotonic() - began < 2

    assert error.value.code == "LEDGER_LOST"
    again = Ledger(url)
    assert again.events("run-1") == []
    again.close()

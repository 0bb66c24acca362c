"""The shared throttle windows: no limit is broken by any number of threads and processes, and nobody is locked out."""

import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import Event

import orjson
import pytest
import sqlalchemy as sa

from connectors.ledger import Ledger
from connectors.ledger_tables import WINDOWS
from tests.ledger_writers import take_from_threads
from tests.warm_command import FORKS


@pytest.fixture
def windows(ledger_url):
    ledger = Ledger(ledger_url)
    yield ledger.windows()
    ledger.close()


def test_a_call_is_let_through_until_its_window_is_full_and_then_told_how_long_to_wait(windows):
    limits = ((2, 0.4), (3, 60.0))
    began = time.time()
    assert [windows.take("account", "direct", limits) for _ in range(2)] == [0.0, 0.0]

    wait = windows.take("account", "direct", limits)
    assert 0.4 - (time.time() - began) - 0.05 < wait <= 0.4
    time.sleep(wait)

    assert windows.take("account", "direct", limits) == 0.0
    assert 55 < windows.take("account", "direct", limits) <= 60


def test_a_call_that_left_late_is_counted_as_of_then(windows):
    limits = ((2, 60.0),)
    for _ in range(2):
        assert windows.take("account", "direct", limits) == 0.0
        time.sleep(0.5)

    windows.count_anew("account", "direct", 1.0)  # the first of them, so the second is the older one now
    assert 59.1 < windows.take("account", "direct", limits) <= 59.5
    windows.count_anew("account", "direct", 0.5)
    assert 59.6 < windows.take("account", "direct", limits) <= 60


def test_it_is_that_call_that_is_counted_anew_however_long_others_keep_the_window(windows):
    limits = ((2, 60.0),)
    windows.take("account", "direct", limits)
    first_at = time.monotonic()
    time.sleep(0.5)
    second_at = time.monotonic()
    windows.take("account", "direct", limits)
    database, kept = windows._database, Event()  # noqa: SLF001 - what others write in

    def keep(db):
        db.execute(sa.update(WINDOWS).values(call=WINDOWS.c.call))
        kept.set()
        time.sleep(0.6)

    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(database.write, keep)
        kept.wait(10)
        windows.count_anew("account", "direct", time.monotonic() - first_at)  # the second is as old when it comes to it
        keeping.result()
    wait = windows.take("account", "direct", limits)
    assert wait + time.monotonic() - second_at > 59.75  # with the first still in the window it is half a second less


def test_a_call_that_no_window_remembers_is_not_counted_anew(windows):
    windows.count_anew("account", "direct", 0.1)

    assert windows.take("account", "direct", ((1, 60.0),)) == 0.0


def test_calls_and_sub_accounts_are_counted_apart(windows):
    assert windows.take("account", "direct", ((1, 60.0),)) == 0.0
    assert windows.take("account", "search", ((1, 60.0),)) == 0.0
    assert windows.take("another", "direct", ((1, 60.0),)) == 0.0
    assert windows.take("account", "direct", ((1, 60.0),)) > 0


def test_a_pause_holds_for_everybody_and_a_shorter_one_does_not_end_it(windows, ledger_url):
    windows.pause("account", "direct", 60)
    windows.pause("account", "direct", 1)
    other = Ledger(ledger_url)

    assert 50 < other.windows().take("account", "direct", ()) <= 60
    assert other.windows().take("account", "search", ()) == 0.0
    other.close()


def test_a_longer_pause_makes_a_pause_longer(windows):
    windows.pause("account", "direct", 0.1)
    windows.pause("account", "direct", 60)

    assert windows.take("account", "direct", ((5, 1.0),)) > 50


def test_a_pause_ends(windows):
    windows.pause("account", "direct", 0.1)
    time.sleep(windows.take("account", "direct", ()))

    assert windows.take("account", "direct", ()) == 0.0


def test_a_clock_that_stepped_back_stops_nobody(windows):
    """Times and pauses of a clock that was an hour ahead mean nothing to one that is right."""
    ahead = time.time() + 3600
    windows.take("account", "direct", ((2, 10.0),))
    windows.pause("account", "direct", 0.0)
    windows._database.write(  # noqa: SLF001 - nobody may set this host's clock
        lambda db: db.execute(
            sa.text("update leadferry_windows set sent = :sent, paused_at = :ahead, paused_until = :ahead + 0.2"),
            {"sent": orjson.dumps([ahead, ahead]).decode(), "ahead": ahead},
        )
    )

    assert windows.take("account", "direct", ((2, 10.0),)) <= 0.201


def test_one_take_costs_little(windows):
    windows.take("account", "direct", ((1_000, 60.0),))
    took = []
    for _ in range(100):
        began = time.perf_counter()
        windows.take("account", "direct", ((1_000, 60.0),))
        took.append(time.perf_counter() - began)

    assert min(took) < 0.005  # the others may have waited for this machine's other work


def test_threads_and_processes_together_keep_to_one_window_and_none_fails(ledger_url):
    Ledger(ledger_url).close()
    began = time.monotonic()
    with ProcessPoolExecutor(4, mp_context=FORKS) as processes:
        taken = sum(processes.map(take_from_threads, [ledger_url] * 4))
    took = time.monotonic() - began

    assert 80 <= taken <= 40 * (took + 1)


def test_sixty_four_threads_take_at_once(windows):
    with ThreadPoolExecutor(64) as pool:
        waits = list(pool.map(lambda _: windows.take("account", "direct", ((100, 60.0),)), range(256)))

    assert waits.count(0.0) == 100

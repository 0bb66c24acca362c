"""What processes do that only write to a ledger, some until they are killed; apart, so that they import little."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from connectors.ledger import EventState, Ledger


def write_for_ever(url: str, run_id: str, said: Path) -> NoReturn:
    """Record an attempt and its end again and again, and say each when it is written."""
    ledger = Ledger(url)
    lease = ledger.claim_run(run_id, host="here", lock="lock", seconds=60)
    if lease is not None:  # of the one that was killed before
        ledger.claim_run(run_id, host="here", lock="lock", seconds=60, dead=lease.owner.token)
    now = dt.datetime.now(dt.UTC)
    with said.open("a", encoding="utf-8") as out:
        while True:
            attempt = ledger.begin_attempt(run_id, 1, places=None, baseline=[], now=now)
            print(attempt, file=out, flush=True)
            ledger.end_attempt(attempt, state=EventState.NOT_SENT, code=None, message=None, answer=None, now=now)
            print(attempt, "ended", file=out, flush=True)


def take_from_threads(url: str) -> int:
    """Take turns of a window of 40 a second from 16 threads for three seconds; return how many it let through."""
    ledger = Ledger(url)
    windows = ledger.windows()
    end = time.monotonic() + 3

    def work(_: int) -> int:
        taken = 0
        while time.monotonic() < end:
            wait = windows.take("account", "direct", ((40, 1.0),))
            taken += wait == 0
            time.sleep(min(wait, 0.05))
        return taken

    with ThreadPoolExecutor(16) as pool:
        taken = sum(pool.map(work, range(16)))
    ledger.close()
    return taken

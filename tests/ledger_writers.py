"""A process that does nothing but write to a ledger, to be killed at any moment; apart, so that it imports little."""

import datetime as dt
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

"""The throttle windows that every process on a ledger shares: RingCX counts a sub-account's calls together, so do we.

A window is a log of the last calls in one row. Losing the newest of them with the power costs a 429, not a lead.
"""

import time
from collections.abc import Sequence
from typing import Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from connectors.ledger_engine import LedgerDatabase
from connectors.ledger_tables import WINDOWS

_ADD_ROW: Final = sa.text(
    "INSERT INTO leadferry_windows (scope, call, paused_at, paused_until, sent)"
    " VALUES (:scope, :call, 0, 0, '[]') ON CONFLICT DO NOTHING"
)
_SHORTEST_WAIT: Final = 0.001


class LedgerWindows:
    """Sliding windows of calls, shared by all threads, processes and hosts of one ledger."""

    def __init__(self, database: LedgerDatabase) -> None:
        """Count in `database`, which needs not be durable."""
        self._database = database

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def take(self, scope: str, call: str, limits: Sequence[tuple[int, float]]) -> float:
        """Count a call now and return 0.0 if `limits` (calls, seconds) and pauses allow it; else the seconds to wait.

        Raises ConfigurationError where the ledger cannot be written.
        """

        def work(db: Connection) -> float:
            row = _locked_row(db, scope, call)
            now = self._database.clock(db)
            # Every time may be from a clock that was ahead of this one: none is believed beyond what it can mean.
            longest = max((seconds for _, seconds in limits), default=0.0)
            sent: list[float] = sorted(at for at in orjson.loads(row.sent) if now - longest < at <= now + longest)
            paused: float = min(row.paused_until - now, row.paused_until - row.paused_at)
            wait = max([paused, *(sent[-count] + seconds - now for count, seconds in limits if len(sent) >= count)])
            if wait > 0:
                return max(wait, _SHORTEST_WAIT)
            if limits:
                kept = [*sent, now][-max(count for count, _ in limits) :]
                db.execute(_of(scope, call).values(sent=orjson.dumps(kept).decode()))
            return 0.0

        return self._database.write(work)

    def count_anew(self, scope: str, call: str, seconds: float) -> None:
        """Count a call as of now that was counted `seconds` ago: it has left only now. Raises ConfigurationError."""
        asked = time.monotonic()

        def work(db: Connection) -> None:
            row = _locked_row(db, scope, call)
            now = self._database.clock(db)
            # Others may have kept the row for long; what they counted anew meanwhile must not be taken for this call.
            counted = now - seconds - (time.monotonic() - asked)
            sent: list[float] = orjson.loads(row.sent)
            if sent:
                # Calls of one moment are each as good as the other. But it was counted no later than it is said to be:
                # calls after that may have been counted anew already.
                sent.remove(min(sent, key=lambda at: (at > counted, abs(at - counted))))
                db.execute(_of(scope, call).values(sent=orjson.dumps([*sent, now]).decode()))

        self._database.write(work)

    def pause(self, scope: str, call: str, seconds: float) -> None:
        """Let nobody make `call` for `seconds`; a longer pause that is on already holds. Raises ConfigurationError."""

        def work(db: Connection) -> None:
            row = _locked_row(db, scope, call)
            now = self._database.clock(db)
            if min(row.paused_until - now, row.paused_until - row.paused_at) < seconds:
                db.execute(_of(scope, call).values(paused_at=now, paused_until=now + seconds))

        self._database.write(work)


def _of(scope: str, call: str) -> sa.Update:
    return WINDOWS.update().where(WINDOWS.c.scope == scope, WINDOWS.c.call == call)


def _locked_row(db: Connection, scope: str, call: str) -> Row[tuple[str, str, float, float, str]]:
    """Return the row of a window, made if need be; nobody else reads it for writing until the transaction ends."""
    query = sa.select(WINDOWS).where(WINDOWS.c.scope == scope, WINDOWS.c.call == call).with_for_update()
    row = db.execute(query).one_or_none()
    if row is None:
        db.execute(_ADD_ROW, {"scope": scope, "call": call})
        row = db.execute(query).one()
    return row

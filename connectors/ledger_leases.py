"""Who works on a run: one process at a time, for as long as it renews its lease or can be proved dead.

Time only lets a lease be taken over. What counts when something is to be recorded is the token in the run's row, asked
in the transaction that records: a process that lost its lease without noticing can record nothing, hence send nothing.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connectors.ledger_tables import EVENTS, RUNS
from transforms.vocabulary.errors import DeliveryError

TAKEN_OVER: Final = "RUN_TAKEN_OVER"


@dataclass(frozen=True)
class Owner:
    """A process that works on runs: its own token, its host as people call it, and the lock file it holds there."""

    token: str
    host: str
    lock: str


@dataclass(frozen=True)
class Lease:
    """Whose a run is, until when by the ledger's clock, and how many seconds that is from now."""

    owner: Owner
    until: float
    left: float


def claim(db: Connection, run_id: str, owner: Owner, *, now: float, seconds: float, dead: str | None) -> Lease | None:
    """Give the run to `owner` if it is free, its lease ran out, or its owner is the one known to be `dead`.

    Returns None if it was given, else the lease that stands.
    """
    row = db.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id).with_for_update()).one()
    until = row.lease_until or 0.0
    if row.lease_token not in {None, owner.token, dead} and until > now:
        return Lease(Owner(row.lease_token, row.lease_host or "", row.lease_lock or ""), until, until - now)
    values = {
        "lease_token": owner.token,
        "lease_host": owner.host,
        "lease_lock": owner.lock,
        "lease_until": now + seconds,
    }
    db.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(values))
    return None


def renew(db: Connection, run_id: str, token: str, *, now: float, seconds: float) -> bool:
    """Make the lease last until `seconds` from now; False if it is another's by now."""
    mine = RUNS.update().where(RUNS.c.run_id == run_id, RUNS.c.lease_token == token)
    return db.execute(mine.values(lease_until=now + seconds)).rowcount == 1


def release(db: Connection, run_id: str, token: str) -> None:
    """Let go of the run, if it is still held."""
    mine = RUNS.update().where(RUNS.c.run_id == run_id, RUNS.c.lease_token == token)
    db.execute(mine.values(lease_token=None, lease_host=None, lease_lock=None, lease_until=None))


def require_run(db: Connection, run_id: str, token: str) -> None:
    """Make sure that the run is still `token`'s until this transaction ends. Raises DeliveryError."""
    _require(db, sa.select(RUNS.c.lease_token).where(RUNS.c.run_id == run_id), token)


def require_run_of_event(db: Connection, event_id: int, token: str) -> None:
    """Make sure that the event's run is still `token`'s until this transaction ends. Raises DeliveryError."""
    run_id = sa.select(EVENTS.c.run_id).where(EVENTS.c.event_id == event_id).scalar_subquery()
    _require(db, sa.select(RUNS.c.lease_token).where(RUNS.c.run_id == run_id), token)


def taken_over() -> DeliveryError:
    """Return what a process is told that lost its run to another."""
    return DeliveryError(
        TAKEN_OVER,
        "Another process has taken over this run; this one records and sends nothing more.",
        "`leadferry runs` shows how the run goes on.",
    )


def _require(db: Connection, query: "sa.Select[tuple[str | None]]", token: str) -> None:
    # Shared, so that many threads may record at once while nobody can take the run over.
    if db.execute(query.with_for_update(read=True)).scalar() != token:
        raise taken_over()

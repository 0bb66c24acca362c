"""The ledger: what was intended, tried and answered, durable before and after every request.

A run that is killed anywhere is told by this alone where it stands. The intent to send a batch is on disk before its
first byte leaves; an attempt that has no end in the ledger may have done anything and is asked about, never repeated.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from connectors import ledger_leases, ledger_redaction
from connectors.ledger_engine import BUSY_SECONDS, PATIENCE_SECONDS, LedgerDatabase
from connectors.ledger_layout import bring_up_to_date
from connectors.ledger_leases import Lease, Owner
from connectors.ledger_tables import BATCHES, EVENTS, RUNS
from connectors.ledger_windows import LedgerWindows
from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError


class EventState(StrEnum):
    """What an event of a batch says: an attempt to send, or a search that settled an unknown attempt.

    `SENDING` that nobody is sending any more means the same as `UNKNOWN`.
    """

    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    LANDED = "landed"  # every lead of the attempt is in RingCX
    ABSENT = "absent"  # none is, and none can land any more
    PARTLY_LANDED = "partly_landed"  # the answer names those that are; the others are proved absent

    @classmethod
    def _missing_(cls, value: object) -> "EventState | None":
        """Read what a program of layout 1 writes that has the ledger open while it is upgraded."""
        return cls.PARTLY_LANDED if value == "settled" else None

    @property
    def is_search(self) -> bool:
        """Whether this is what a search proved, rather than what an attempt met."""
        return self in {EventState.LANDED, EventState.ABSENT, EventState.PARTLY_LANDED}


@dataclass(frozen=True)
class RunRecord:
    """One run as the ledger keeps it.

    `numbers` is JSON, there once the run was reported on. `other_source` is what it read in place of its job's source
    (`--source`). `pruned_at` is when its lead data was deleted, `forgotten_at`
    when somebody was last taken out of it.
    """

    run_id: str
    job: str
    status: str
    folder: Path
    job_json: str
    row_limit: int | None
    started_at: str
    finished_at: str | None
    account_id: str | None
    campaign_id: int | None
    campaign_name: str | None
    fingerprint: str | None = None
    numbers: str | None = None
    other_source: str | None = None
    pruned_at: str | None = None
    forgotten_at: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the run read all of its job's own source, so that its numbers can be compared with others'."""
        return self.row_limit is None and self.other_source is None


_RUN_COLUMNS: Final = tuple(field.name for field in fields(RunRecord))
_SELECT_RUN: Final = sa.select(*(RUNS.c[name] for name in _RUN_COLUMNS))


@dataclass(frozen=True)
class BatchEvent:
    """One thing that happened to a batch: an attempt to send some of it, or a search that settled one.

    `places` are the offsets of the leads within the batch, None for all; `baseline` are the lead ids that already had
    one of the batch's external ids before its first attempt; `answer` is what was kept of the server's answer.
    """

    event_id: int
    number: int
    state: EventState
    places: tuple[int, ...] | None
    baseline: frozenset[int]
    code: str | None
    message: str | None
    answer: Mapping[str, Any] | None
    started_at: str
    finished_at: str | None


@dataclass(frozen=True)
class EventTally:
    """How often the events of a run had one state and code, and the words of the first of them."""

    state: EventState
    code: str | None
    times: int
    message: str | None


@dataclass(frozen=True)
class EventMoment:
    """When an event of a run began and ended, and what came of it; nothing of any lead."""

    event_id: int
    state: EventState
    code: str | None
    message: str | None
    started_at: str
    finished_at: str | None


class Ledger:
    """The ledger in one database; safe to use from several threads.

    A run is written to only between `claim_run` and `release_run` of the same object: whoever lost it meanwhile is
    told so by a DeliveryError and nothing is recorded. Every method raises ConfigurationError where the database fails.
    """

    def __init__(
        self, url: str, *, busy_seconds: float = BUSY_SECONDS, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Open the ledger at a SQLAlchemy `url`; a new one is laid out, an old one upgraded.

        Other programs that hold the database are waited for `busy_seconds`, a lost connection is made anew for
        `patience_seconds`. Raises ConfigurationError for what is no ledger of this version.
        """
        self._open = partial(LedgerDatabase, url, busy_seconds=busy_seconds, patience_seconds=patience_seconds)
        self._database = self._open()
        self._windows: LedgerWindows | None = None
        self._token = uuid4().hex
        try:
            bring_up_to_date(self._database)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self._database.close()
        if self._windows is not None:
            self._windows.close()

    def windows(self) -> LedgerWindows:
        """Return the throttle windows that all processes on this ledger share."""
        if self._windows is None:
            self._windows = LedgerWindows(self._open(durable=False))
        return self._windows

    def claim_run(self, run_id: str, *, host: str, lock: str, seconds: float, dead: str | None = None) -> Lease | None:
        """Make the run this object's for `seconds` and return None, or return the lease that another has on it.

        `lock` names the lock file that is held meanwhile; `dead` is the token of an owner that is known to have ended.
        """
        owner = Owner(self._token, host, lock)

        def work(db: Connection) -> Lease | None:
            return ledger_leases.claim(db, run_id, owner, now=self._database.clock(db), seconds=seconds, dead=dead)

        return self._database.write(work)

    def renew_run(self, run_id: str, seconds: float) -> bool:
        """Keep the run for `seconds` from now; False if another has it."""
        return self._database.write(
            lambda db: ledger_leases.renew(db, run_id, self._token, now=self._database.clock(db), seconds=seconds)
        )

    def release_run(self, run_id: str) -> None:
        """Let others have the run at once."""
        self._database.write(lambda db: ledger_leases.release(db, run_id, self._token))

    def open_run(self, run: RunRecord) -> None:
        """Record a new run. Raises ConfigurationError if the run id is taken."""
        values = {name: getattr(run, name) for name in _RUN_COLUMNS} | {"folder": str(run.folder)}
        try:
            self._database.write(lambda db: db.execute(RUNS.insert().values(values)))
        except sa.exc.IntegrityError:
            if self.find_run(run.run_id) == run:
                return  # recorded right before the connection was lost
            raise ConfigurationError(
                "RUN_EXISTS",
                f"There is already a run {run.run_id}.",
                f"Use `leadferry resume {run.run_id}` to go on with it, or another --run-id.",
            ) from None

    def find_run(self, run_id: str) -> RunRecord | None:
        """Return a run, or None."""
        row = self._database.read(lambda db: db.execute(_SELECT_RUN.where(RUNS.c.run_id == run_id)).one_or_none())
        return None if row is None else _run(row)

    def list_runs(self) -> list[RunRecord]:
        """Return every run, newest first."""
        query = _SELECT_RUN.order_by(RUNS.c.started_at.desc(), RUNS.c.run_id)
        rows = self._database.read(lambda db: db.execute(query).all())
        return [_run(row) for row in rows]

    def runs_before(self, job: str, moment: str, most: int) -> list[RunRecord]:
        """Return the newest `most` whole runs of `job` that began before `moment`, newest first."""
        is_whole = sa.and_(RUNS.c.row_limit.is_(None), RUNS.c.other_source.is_(None))
        query = (
            _SELECT_RUN.where(RUNS.c.job == job, RUNS.c.started_at < moment, is_whole)
            .order_by(RUNS.c.started_at.desc(), RUNS.c.run_id)
            .limit(most)
        )
        rows = self._database.read(lambda db: db.execute(query).all())
        return [_run(row) for row in rows]

    def find_loaded(self, run: RunRecord) -> RunRecord | None:
        """Return the newest other run of the same job that brought leads of the same rows into RingCX, or None."""
        brought = (EventState.ACCEPTED, EventState.LANDED, EventState.PARTLY_LANDED)
        query = _SELECT_RUN.where(
            RUNS.c.fingerprint == run.fingerprint,
            RUNS.c.job == run.job,
            RUNS.c.run_id != run.run_id,
            sa.exists().where(EVENTS.c.run_id == RUNS.c.run_id, EVENTS.c.state.in_([each.value for each in brought])),
        ).order_by(RUNS.c.started_at.desc())
        row = self._database.read(lambda db: db.execute(query).first())
        return None if row is None else _run(row)

    def update_run(self, run_id: str, **values: str | int | None) -> None:
        """Set columns of a run. Raises DeliveryError if it is not this object's."""

        def work(db: Connection) -> None:
            ledger_leases.require_run(db, run_id, self._token)
            db.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(values))

        self._database.write(work)

    def plan_batches(self, run_id: str, batches: Iterable[Batch]) -> None:
        """Record the batches of a run, all or none; a run that has some already keeps those.

        Raises DeliveryError if the run is not this object's.
        """
        rows = [
            {
                "run_id": run_id,
                "number": batch.number,
                "batch_id": batch.batch_id,
                "first": batch.first,
                "size": batch.size,
            }
            for batch in batches
        ]

        def work(db: Connection) -> None:
            ledger_leases.require_run(db, run_id, self._token)
            known = db.execute(sa.select(sa.func.count()).where(BATCHES.c.run_id == run_id).select_from(BATCHES))
            if rows and not known.scalar():
                db.execute(BATCHES.insert(), rows)

        self._database.write(work)

    def batches(self, run_id: str) -> list[Batch]:
        """Return the batches of a run, in order."""
        query = sa.select(BATCHES).where(BATCHES.c.run_id == run_id).order_by(BATCHES.c.number)
        rows = self._database.read(lambda db: db.execute(query).all())
        return [Batch(row.number, row.batch_id, row.first, row.size) for row in rows]

    def begin_attempt(
        self, run_id: str, number: int, *, places: Sequence[int] | None, baseline: Iterable[int], now: dt.datetime
    ) -> int:
        """Record the intent to send and return the attempt's id; when this returns, it is on disk.

        Raises DeliveryError if the run is not this object's: then nothing may be sent.
        """
        return self._add_event(
            run_id,
            {
                "run_id": run_id,
                "number": number,
                "state": EventState.SENDING.value,
                "places": None if places is None else orjson.dumps(list(places)).decode(),
                "baseline": orjson.dumps(sorted(baseline)).decode(),
                "started_at": now.isoformat(),
            },
        )

    def end_attempt(
        self,
        event_id: int,
        *,
        state: EventState,
        code: str | None,
        message: str | None,
        answer: Mapping[str, Any] | None,
        now: dt.datetime,
    ) -> None:
        """Record what an attempt's answer proved.

        Raises DeliveryError if the run is not this object's: whoever has it asks by search what the attempt did.
        """
        values = {
            "state": state.value,
            "code": _storable(code),
            "message": _storable(message),
            "answer": None if answer is None else orjson.dumps(answer).decode(),
            "finished_at": now.isoformat(),
        }

        def work(db: Connection) -> None:
            ledger_leases.require_run_of_event(db, event_id, self._token)
            db.execute(EVENTS.update().where(EVENTS.c.event_id == event_id).values(values))

        self._database.write(work)

    def settle(
        self, run_id: str, number: int, *, places: Sequence[int], landed: Sequence[int], now: dt.datetime
    ) -> None:
        """Record that a search settled the unknown attempt at `places`: `landed` are in RingCX, the rest are not.

        Raises DeliveryError if the run is not this object's.
        """
        values = {
            "run_id": run_id,
            "number": number,
            "state": _proof(places, landed).value,
            "places": orjson.dumps(list(places)).decode(),
            "baseline": "[]",
            "answer": orjson.dumps({"landed": list(landed)}).decode(),
            "started_at": now.isoformat(),
            "finished_at": now.isoformat(),
        }
        self._add_event(run_id, values)

    def _add_event(self, run_id: str, values: Mapping[str, Any]) -> int:
        """Add an event and return its id.

        Where the connection is lost while committing, nobody knows whether the event is there. It is then added again
        under the same key of ours, which the database lets in once.
        """
        key = uuid4().hex

        def work(db: Connection) -> int:
            ledger_leases.require_run(db, run_id, self._token)
            insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            new = insert(EVENTS).values(attempt_key=key, **values)
            db.execute(new.on_conflict_do_nothing(index_elements=["attempt_key"]))
            return int(db.execute(sa.select(EVENTS.c.event_id).where(EVENTS.c.attempt_key == key)).scalar_one())

        try:
            return self._database.write(work)
        except sa.exc.IntegrityError:
            raise ConfigurationError(
                "LEDGER_DAMAGED",
                f"The ledger has no batch {values['number']} of the run {run_id}.",
                "Put back a copy of the ledger.",
            ) from None

    def events(self, run_id: str, number: int | None = None) -> list[BatchEvent]:
        """Return the events of a run (or of one of its batches), oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.run_id == run_id).order_by(EVENTS.c.event_id)
        if number is not None:
            query = query.where(EVENTS.c.number == number)
        return [_event(row) for row in self._database.read(lambda db: db.execute(query).all())]

    def event_moments(self, run_id: str, *, page_rows: int = 5_000) -> Iterator[EventMoment]:
        """Yield when the events of a run happened, oldest first; no more than `page_rows` are held at once."""
        columns = [EVENTS.c[field.name] for field in fields(EventMoment)]
        last = 0
        while True:
            query = sa.select(*columns).where(EVENTS.c.run_id == run_id, EVENTS.c.event_id > last)
            page = self._events_page(query.order_by(EVENTS.c.event_id).limit(page_rows))
            for row in page:
                yield EventMoment(row.event_id, EventState(row.state), *row[2:])
            if len(page) < page_rows:
                return
            last = page[-1].event_id

    def _events_page(self, query: sa.Select[Any]) -> Sequence[Row[Any]]:
        return self._database.read(lambda db: db.execute(query).all())

    def strip_run(self, run_id: str, moment: str) -> None:
        """Empty a run's events of lead data and note when. Raises DeliveryError if the run is not this object's."""

        def work(db: Connection) -> None:
            ledger_leases.require_run(db, run_id, self._token)
            ledger_redaction.strip_run(db, run_id)
            db.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(pruned_at=moment))

        self._database.write(work)

    def forget_leads(self, run_id: str, lead_ids: Collection[int], moment: str) -> int:
        """Take leads out of a run's events, note when, and return how many events changed.

        Raises DeliveryError if the run is not this object's.
        """

        def work(db: Connection) -> int:
            ledger_leases.require_run(db, run_id, self._token)
            changed = ledger_redaction.forget_leads(db, run_id, lead_ids)
            db.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(forgotten_at=moment))
            return changed

        return self._database.write(work)

    def tally_events(self, run_id: str) -> list[EventTally]:
        """Return how often each state and code occurred in a run, in the order of their first occurrence."""
        first = sa.func.min(EVENTS.c.event_id).label("first")
        groups = (
            sa.select(EVENTS.c.state, EVENTS.c.code, sa.func.count().label("times"), first)
            .where(EVENTS.c.run_id == run_id)
            .group_by(EVENTS.c.state, EVENTS.c.code)
            .subquery()
        )
        query = (
            sa.select(groups.c.state, groups.c.code, groups.c.times, EVENTS.c.message)
            .join(EVENTS, EVENTS.c.event_id == groups.c.first)
            .order_by(groups.c.first)
        )
        rows = self._database.read(lambda db: db.execute(query).all())
        return [EventTally(EventState(row.state), row.code, row.times, row.message) for row in rows]


def _proof(places: Sequence[int], landed: Sequence[int]) -> EventState:
    if not landed:
        return EventState.ABSENT
    return EventState.LANDED if len(landed) == len(places) else EventState.PARTLY_LANDED


def _run(row: Row[Any]) -> RunRecord:
    return RunRecord(**{**row._mapping, "folder": Path(row.folder)})  # noqa: SLF001 - SQLAlchemy's documented name


def _event(row: Row[Any]) -> BatchEvent:
    return BatchEvent(
        event_id=row.event_id,
        number=row.number,
        state=EventState(row.state),
        places=None if row.places is None else tuple(orjson.loads(row.places)),
        baseline=frozenset(orjson.loads(row.baseline)),
        code=row.code,
        message=row.message,
        answer=None if row.answer is None else orjson.loads(row.answer),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _storable(text: str | None) -> str | None:
    """Return a foreign text as every database takes it: PostgreSQL refuses NUL, and none takes half a surrogate."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")

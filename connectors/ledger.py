"""The ledger: what was intended, tried and answered, durable before and after every request.

A run that is killed anywhere is told by this alone where it stands. The intent to send a batch is on disk before its
first byte leaves; an attempt that has no end in the ledger may have done anything and is asked about, never repeated.
"""

import datetime as dt
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from transforms.batching import Batch
from transforms.vocabulary.errors import ConfigurationError

SCHEMA_VERSION: Final = 1
_BUSY_SECONDS: Final = 30
_ASK_AGAIN_SECONDS: Final = 0.02

_METADATA: Final = sa.MetaData()
_VERSION = sa.Table("leadferry_schema", _METADATA, sa.Column("version", sa.Integer, nullable=False))
_RUNS = sa.Table(
    "leadferry_runs",
    _METADATA,
    sa.Column("run_id", sa.String(200), primary_key=True),
    sa.Column("job", sa.String(200), nullable=False),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("job_json", sa.Text, nullable=False),
    sa.Column("row_limit", sa.BigInteger),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.Column("account_id", sa.String(100)),
    sa.Column("campaign_id", sa.BigInteger),
    sa.Column("campaign_name", sa.Text),
)
_BATCHES = sa.Table(
    "leadferry_batches",
    _METADATA,
    sa.Column("run_id", sa.String(200), sa.ForeignKey("leadferry_runs.run_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.String(100), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
)
_EVENTS = sa.Table(
    "leadferry_events",
    _METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(200), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("places", sa.Text),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("code", sa.String(100)),
    sa.Column("message", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.ForeignKeyConstraint(["run_id", "number"], ["leadferry_batches.run_id", "leadferry_batches.number"]),
    sa.Index("leadferry_events_by_batch", "run_id", "number"),
)


_RUN_COLUMNS: Final = tuple(column.name for column in _RUNS.columns)


class EventState(StrEnum):
    """What an event of a batch says; `SENDING` that nobody is sending any more means the same as `UNKNOWN`."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SETTLED = "settled"  # a search said which leads of an unknown request landed; the others are proved absent


@dataclass(frozen=True)
class RunRecord:
    """One run as the ledger keeps it."""

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


class Ledger:
    """The ledger in one database; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Open (and, if new, lay out) the ledger at a SQLAlchemy `url`. Raises ConfigurationError if that fails."""
        self._engine = _open_engine(url)
        try:
            _lay_out(self._engine)
            self._check_version()
        except sa.exc.SQLAlchemyError as error:
            raise ConfigurationError(
                "LEDGER_UNUSABLE",
                f"The ledger cannot be opened at {_shown(url)} ({type(error).__name__}).",
                "Check LEADFERRY_LEDGER, LEADFERRY_HOME and the rights to write there.",
            ) from None

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _check_version(self) -> None:
        with self._engine.begin() as db:
            version = db.execute(sa.select(_VERSION.c.version)).scalar()
            if version is None:
                db.execute(_VERSION.insert().values(version=SCHEMA_VERSION))
            elif version > SCHEMA_VERSION:
                raise ConfigurationError(
                    "LEDGER_NEWER",
                    f"The ledger was written by a newer leadferry (layout {version}, this one knows {SCHEMA_VERSION}).",
                    "Upgrade leadferry.",
                )

    def open_run(self, run: RunRecord) -> None:
        """Record a new run. Raises ConfigurationError if the run id is taken."""
        values = {name: getattr(run, name) for name in _RUN_COLUMNS} | {"folder": str(run.folder)}
        try:
            with self._engine.begin() as db:
                db.execute(_RUNS.insert().values(values))
        except sa.exc.IntegrityError:
            raise ConfigurationError(
                "RUN_EXISTS",
                f"There is already a run {run.run_id}.",
                f"Use `leadferry resume {run.run_id}` to go on with it, or another --run-id.",
            ) from None

    def find_run(self, run_id: str) -> RunRecord | None:
        """Return a run, or None."""
        with self._engine.connect() as db:
            row = db.execute(sa.select(_RUNS).where(_RUNS.c.run_id == run_id)).one_or_none()
        return None if row is None else _run(row)

    def list_runs(self) -> list[RunRecord]:
        """Return every run, newest first."""
        with self._engine.connect() as db:
            rows = db.execute(sa.select(_RUNS).order_by(_RUNS.c.started_at.desc(), _RUNS.c.run_id)).all()
        return [_run(row) for row in rows]

    def update_run(self, run_id: str, **values: str | int | None) -> None:
        """Set columns of a run."""
        with self._engine.begin() as db:
            db.execute(_RUNS.update().where(_RUNS.c.run_id == run_id).values(values))

    def plan_batches(self, run_id: str, batches: Iterable[Batch]) -> None:
        """Record the batches of a run, all or none; a run that has some already keeps those."""
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
        with self._engine.begin() as db:
            known = db.execute(sa.select(sa.func.count()).where(_BATCHES.c.run_id == run_id).select_from(_BATCHES))
            if rows and not known.scalar():
                db.execute(_BATCHES.insert(), rows)

    def batches(self, run_id: str) -> list[Batch]:
        """Return the batches of a run, in order."""
        query = sa.select(_BATCHES).where(_BATCHES.c.run_id == run_id).order_by(_BATCHES.c.number)
        with self._engine.connect() as db:
            rows = db.execute(query).all()
        return [Batch(row.number, row.batch_id, row.first, row.size) for row in rows]

    def begin_attempt(
        self, run_id: str, number: int, *, places: Sequence[int] | None, baseline: Iterable[int], now: dt.datetime
    ) -> int:
        """Record the intent to send and return the attempt's id; when this returns, it is on disk."""
        values = {
            "run_id": run_id,
            "number": number,
            "state": EventState.SENDING.value,
            "places": None if places is None else orjson.dumps(list(places)).decode(),
            "baseline": orjson.dumps(sorted(baseline)).decode(),
            "started_at": now.isoformat(),
        }
        with self._engine.begin() as db:
            key = db.execute(_EVENTS.insert().values(values)).inserted_primary_key
        if key is None:
            raise TypeError("the ledger's database returned no key for a new attempt")
        return int(key[0])

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
        """Record what an attempt's answer proved."""
        values = {
            "state": state.value,
            "code": code,
            "message": message,
            "answer": None if answer is None else orjson.dumps(answer).decode(),
            "finished_at": now.isoformat(),
        }
        with self._engine.begin() as db:
            db.execute(_EVENTS.update().where(_EVENTS.c.event_id == event_id).values(values))

    def settle(
        self, run_id: str, number: int, *, places: Sequence[int], landed: Sequence[int], now: dt.datetime
    ) -> None:
        """Record that a search settled the unknown attempt at `places`: `landed` are in RingCX, the rest are not."""
        values = {
            "run_id": run_id,
            "number": number,
            "state": EventState.SETTLED.value,
            "places": orjson.dumps(list(places)).decode(),
            "baseline": "[]",
            "answer": orjson.dumps({"landed": list(landed)}).decode(),
            "started_at": now.isoformat(),
            "finished_at": now.isoformat(),
        }
        with self._engine.begin() as db:
            db.execute(_EVENTS.insert().values(values))

    def events(self, run_id: str, number: int | None = None) -> list[BatchEvent]:
        """Return the events of a run (or of one of its batches), oldest first."""
        query = sa.select(_EVENTS).where(_EVENTS.c.run_id == run_id).order_by(_EVENTS.c.event_id)
        if number is not None:
            query = query.where(_EVENTS.c.number == number)
        with self._engine.connect() as db:
            return [_event(row) for row in db.execute(query).all()]


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


def _lay_out(engine: Engine) -> None:
    """Make the tables that are not there; two processes may open a new ledger at the same moment."""
    with engine.begin() as db:
        for table in _METADATA.sorted_tables:
            db.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                db.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def _shown(url: str) -> str:
    """Return a database URL as it may be shown: without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _open_engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return sa.create_engine(parsed, pool_pre_ping=True)
        engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS})
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigurationError(
            "LEDGER_URL", f"LEADFERRY_LEDGER is no usable database URL ({type(error).__name__}).", "Correct it."
        ) from None
    sa.event.listen(engine, "connect", _make_durable)
    return engine


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the journal; unlike any other statement this does not wait by itself for a process that does the same."""
    give_up_at = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(_ASK_AGAIN_SECONDS)
        else:
            return


def _make_durable(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # a commit is on disk before the request it announces leaves
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()

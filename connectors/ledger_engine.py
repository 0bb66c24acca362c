"""One database that holds a ledger: how it is opened, made durable, written by many at once, and survived.

SQLite and PostgreSQL differ here and nowhere else. Work is given as a function of a connection, so that it can be done
again where the connection was lost: work that writes must therefore be safe to do twice.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from connectors.ledger_errors import is_lost, translated
from transforms.vocabulary.errors import ConfigurationError

BUSY_SECONDS: Final = 30.0
"""How long a write waits for other programs; `?timeout=` in the URL of a SQLite ledger changes it."""

PATIENCE_SECONDS: Final = 15.0
"""For how long a lost connection is made anew."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_ASK_AGAIN_SECONDS: Final = 0.02
_WRITES: Final = "leadferry_writes"

_PSYCOPG: Final = "postgresql+psycopg"
_KEPT_ALIVE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""So that a server which vanished without a word is noticed in half a minute, not in two hours."""

T = TypeVar("T")


class LedgerDatabase:
    """A ledger's database; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        durable: bool = True,
        busy_seconds: float = BUSY_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Take a SQLAlchemy `url`; nothing is opened yet. Raises ConfigurationError for one that can name no ledger.

        What is not `durable` may be lost with the power, and costs no flush.
        """
        self.url = read_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._busy_seconds = _busy_seconds(self.url, busy_seconds)
        self._patience_seconds = patience_seconds
        self._engine = _open_engine(self.url, durable=durable, busy_seconds=self._busy_seconds)
        self._writer = self._engine.execution_options(**{_WRITES: True})
        self._turn = Lock()
        self._opened = self._given_up = False

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` reads, all from one moment on SQLite. Raises ConfigurationError."""

        def once() -> T:
            with self._engine.begin() as db:
                return work(db)

        return self._survive(once)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, which is on disk when this returns. Raises ConfigurationError.

        `work` is done again where a connection was lost, even if it was lost while committing.
        """

        def once() -> T:
            with self._taking_turns(), self._writer.begin() as db:
                return work(db)

        return self._survive(once)

    def clock(self, db: Connection) -> float:
        """Return seconds since 1970: by the server's clock where there is one, for its hosts' clocks may differ."""
        if self.is_sqlite:
            return time.time()
        seconds = db.execute(sa.select(sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double))).scalar()
        return float(seconds or 0.0)

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        """Let the threads of this process queue for SQLite's one writer: its own way of waiting is not fair."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise sa.exc.TimeoutError("another thread writes")
        try:
            yield
        finally:
            self._turn.release()

    def _survive(self, once: Callable[[], T]) -> T:
        # Once patience has run out, the rest of a command is not to wait for as long again at every step.
        give_up_at = time.monotonic() + (0.0 if self._given_up else self._patience_seconds)
        pause = _FIRST_PAUSE
        while True:
            try:
                done = once()
            except sa.exc.IntegrityError:
                raise  # the ledger's own question, not a broken database
            except sa.exc.SQLAlchemyError as error:
                lost = is_lost(error, opened=self._opened)
                if not lost or time.monotonic() > give_up_at:
                    self._given_up = lost
                    raise translated(error, self.url, opened=self._opened) from None
            else:
                self._opened, self._given_up = True, False
                return done
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def read_url(url: str) -> sa.URL:
    """Return a ledger's URL with the driver we ship. Raises ConfigurationError for one that can name no ledger."""
    try:
        parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _no_url(type(error).__name__) from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=_PSYCOPG)
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", _PSYCOPG}:
        raise _no_url("a ledger is kept in SQLite or PostgreSQL")
    if parsed.get_backend_name() == "sqlite" and (not parsed.database or ":memory:" in parsed.database):
        raise _no_url("a ledger in memory would be lost")
    return parsed


def _no_url(reason: str) -> ConfigurationError:
    return ConfigurationError(
        "LEDGER_URL",
        f"LEADFERRY_LEDGER is no usable database URL ({reason}).",
        "Use postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////PATH, or leave it out.",
    )


def _busy_seconds(url: sa.URL, default: float) -> float:
    try:
        return float(str(url.query.get("timeout", default)))
    except ValueError:
        raise _no_url("its timeout is no number") from None


def _open_engine(url: sa.URL, *, durable: bool, busy_seconds: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        _make_private(str(url.database))
        engine = sa.create_engine(url, connect_args={"timeout": busy_seconds})
        sa.event.listen(engine, "connect", lambda connection, _: _set_up_sqlite(connection, durable, busy_seconds))
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    kept_alive = {key: value for key, value in _KEPT_ALIVE.items() if key not in url.query}
    engine = sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=kept_alive)
    sa.event.listen(engine, "connect", lambda connection, _: _set_up_postgresql(connection, durable, busy_seconds))
    return engine


def _make_private(database: str) -> None:
    """Make a new ledger's file readable by its owner alone; SQLite's files beside it follow it.

    A folder that cannot be written to is SQLite's to tell of, and `file:` URIs are its own to read.
    """
    if not database.startswith("file:"):
        with suppress(OSError):
            os.close(os.open(database, os.O_CREAT | os.O_EXCL, 0o600))


def _set_up_sqlite(connection: sqlite3.Connection, durable: bool, busy_seconds: float) -> None:  # noqa: FBT001
    connection.isolation_level = None  # the driver would begin and commit by guesses of its own; `_begin_sqlite` does
    cursor = connection.cursor()
    _switch_to_wal(cursor, busy_seconds)
    # A commit is on disk before the request it announces leaves. What is not durable never goes below NORMAL: without
    # any flush it could reuse journal pages that the durable commits beside it still need.
    cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor, busy_seconds: float) -> None:
    """Switch the journal; unlike any other statement this does not wait by itself for a process that does the same."""
    give_up_at = time.monotonic() + busy_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(_ASK_AGAIN_SECONDS)
        else:
            return


def _begin_sqlite(db: Connection) -> None:
    """Begin; a writer takes its place at once, for one that read first could be told to start over."""
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get(_WRITES) else "BEGIN")


def _set_up_postgresql(connection: Any, durable: bool, busy_seconds: float) -> None:  # noqa: ANN401, FBT001
    flush = "on" if durable else "off"
    with connection.cursor() as cursor:
        # `remote_apply` waits for more than `on` does and is left alone.
        cursor.execute(
            "SELECT set_config('synchronous_commit', %s, false)"
            " WHERE %s = 'off' OR current_setting('synchronous_commit') <> 'remote_apply'",
            (flush, flush),
        )
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(busy_seconds * 1000)}ms",))
        # Whoever stops in the middle of a transaction must not keep what it locked.
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', '60s', false)")
    connection.commit()

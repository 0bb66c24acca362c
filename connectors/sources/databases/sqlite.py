"""SQLite: Python's own driver, on a file opened for reading alone.

A SQLite column may have values of any type, whatever it is declared as: a driver that guesses a type from the first
rows fails on a later one. Here each value is taken as it is.
"""

import sqlite3
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import polars as pl

from connectors.sources.databases import reading
from connectors.sources.databases.reading import Question
from connectors.sources.databases.texts import text_series
from connectors.sources.databases.urls import file_path_of
from transforms.vocabulary.errors import SourceError

_HARMLESS: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
"""What a query may do; the rest (write, attach, set) is refused before it runs."""

_STEPS_BETWEEN_LOOKS: Final = 20_000
_LOCK_SECONDS: Final = 30.0


def open_answer(question: Question) -> "SqliteAnswer":
    """Open the file and ask the query. Raises SourceError."""
    target = question.target
    path = file_path_of(target.url) or ""
    if not Path(path).is_file():
        raise reading.missing_file(target, path or "in the URL")
    try:
        connection = sqlite3.connect(
            f"file:{quote(path)}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # the rows are read by whoever asks for them
            timeout=min(_LOCK_SECONDS, question.timeout_seconds),
        )
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise reading.unreadable_file(target, path, error) from None
    try:
        return SqliteAnswer(connection, question)
    except BaseException:
        connection.close()
        raise


class SqliteAnswer:
    """The rows of one query."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        question: Question,
    ) -> None:
        """Begin the query."""
        self._connection, self._target, self._timeout = connection, question.target, question.timeout_seconds
        self._deadline = time.monotonic() + self._timeout
        self._forbidden = False
        self._stopped: BaseException | None = None
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
        names = list(question.query.names)
        text, _ = question.query.render(lambda _, name: f"?{names.index(name) + 1}")
        try:
            self._cursor = connection.execute(text, [question.values[name] for name in names])
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise self._fault(error) from None
        if self._cursor.description is None:
            raise reading.gives_no_rows(question.target)
        self.columns = tuple(column[0] for column in self._cursor.description)

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order."""
        size = reading.piece_rows(len(self.columns))
        try:
            while rows := self._fetch(size):
                columns = zip(*rows, strict=True)
                yield pl.DataFrame(
                    [text_series(name, values) for name, values in zip(self.columns, columns, strict=True)]
                )
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        # While a query is open, SQLite keeps the file and its lock after the connection was closed.
        with suppress(sqlite3.ProgrammingError):  # both are closed already
            self._cursor.close()
        self._connection.close()

    def _fetch(self, size: int) -> list[tuple[object, ...]]:
        try:
            return self._cursor.fetchmany(size)
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def _authorize(self, action: int, first: str | None, *_: str | None) -> int:
        # Full-text tables ask this of themselves.
        if action in _HARMLESS or (action == sqlite3.SQLITE_PRAGMA and first == "data_version"):
            return sqlite3.SQLITE_OK
        self._forbidden = True
        return sqlite3.SQLITE_DENY

    def _is_late(self) -> bool:
        try:
            return time.monotonic() > self._deadline
        except BaseException as error:  # noqa: BLE001 - a signal; SQLite would only say that it was interrupted
            self._stopped = error
            return True

    def _fault(self, error: Exception) -> BaseException | SourceError:
        if self._stopped is not None:
            return self._stopped
        if self._forbidden:
            return reading.writes(self._target, "SQLite asked for more than the right to read")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            # A signal that comes as the handler is called is nowhere but in this: SQLite's driver drops it.
            return reading.timed_out(self._timeout) if time.monotonic() > self._deadline else KeyboardInterrupt()
        return reading.bad_query(self._target, error)

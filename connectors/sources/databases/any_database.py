"""Any other database that SQLAlchemy has a dialect for and the user has installed the driver of.

Nothing is known of its server: the query runs in a transaction that is always rolled back.
"""

from collections.abc import Generator
from contextlib import suppress
from threading import Timer
from typing import Final

import polars as pl
from sqlalchemy import create_engine, exc, text
from sqlalchemy.engine import Connection, Engine

from connectors.sources.databases import reading
from connectors.sources.databases.reading import Question
from connectors.sources.databases.texts import text_series
from connectors.sources.databases.urls import Target
from transforms.vocabulary.errors import SourceError

_PACKAGES: Final = {
    "mssql": "pyodbc",
    "oracle": "oracledb",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "databricks": "databricks-sqlalchemy",
    "trino": "trino",
    "clickhouse": "clickhouse-sqlalchemy",
    "cockroachdb": "sqlalchemy-cockroachdb",
}
"""Kind of database to the package that has its dialect or its usual driver."""


def open_answer(question: Question) -> "AnyAnswer":
    """Connect and ask the query. Raises SourceError."""
    engine = _engine(question.target)
    try:
        connection = engine.connect()
    except exc.DBAPIError as error:
        raise reading.unreachable(question.target, error.orig) from None
    try:
        return AnyAnswer(engine, connection, question)
    except BaseException:
        connection.close()
        engine.dispose()
        raise


def _engine(target: Target) -> Engine:
    try:
        return create_engine(target.url)
    except ImportError as error:
        raise _missing_driver(_PACKAGES.get(target.kind) or error.name or target.kind) from None
    except exc.NoSuchModuleError:
        package = _PACKAGES.get(target.kind, f"that has SQLAlchemy's dialect {target.kind!r}")
        raise _missing_driver(package) from None
    except (exc.SQLAlchemyError, ValueError, TypeError) as error:
        raise SourceError(
            "SOURCE_URL",
            f"SQLAlchemy cannot use the URL of {target.shown}: {target.mask(error)}.",
            "Write it as the SQLAlchemy dialect of that database says.",
        ) from None


def _missing_driver(package: str) -> SourceError:
    return SourceError(
        "SOURCE_DRIVER_MISSING",
        f"This kind of database needs the package {package}, which is not installed.",
        "Install it beside leadferry with pip.",
    )


class AnyAnswer:
    """The rows of one query."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        question: Question,
    ) -> None:
        """Begin the query; after `timeout_seconds` the connection is cut."""
        self._engine, self._connection, self._target, self._timeout = (
            engine,
            connection,
            question.target,
            question.timeout_seconds,
        )
        self._late = False
        self._timer = Timer(self._timeout, self._interrupt)
        self._timer.daemon = True
        self._timer.start()
        # Every other colon is escaped: SQLAlchemy looks for parameters in literals too.
        statement, _ = question.query.render(lambda _, name: f":{name}", lambda piece: piece.replace(":", "\\:"))
        size = reading.PIECE_ROWS
        try:
            self._rows = connection.execution_options(stream_results=True, yield_per=size).execute(
                text(statement), {name: question.values[name] for name in question.query.names}
            )
            self.columns = tuple(self._rows.keys())
        except exc.ResourceClosedError:
            self._timer.cancel()
            raise reading.gives_no_rows(self._target) from None
        except exc.SQLAlchemyError as error:
            self._timer.cancel()
            raise self._fault(error) from None

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order."""
        try:
            for rows in self._rows.partitions():
                columns = zip(*(tuple(row) for row in rows), strict=True)
                yield pl.DataFrame(
                    [text_series(name, values) for name, values in zip(self.columns, columns, strict=True)]
                )
        except exc.SQLAlchemyError as error:
            raise self._fault(error) from None
        finally:
            self.close()

    def close(self) -> None:
        """Roll back and let go of the connection."""
        self._timer.cancel()
        with suppress(exc.SQLAlchemyError):
            self._connection.close()
        self._engine.dispose()

    def _interrupt(self) -> None:
        self._late = True
        driver = self._connection.connection.dbapi_connection
        stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None) or getattr(driver, "close", None)
        if stop is not None:
            stop()

    def _fault(self, error: exc.SQLAlchemyError) -> SourceError:
        if self._late:
            return reading.timed_out(self._timeout)
        words = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
            return reading.broke_off(self._target, words)
        return reading.bad_query(self._target, words)

"""MySQL and MariaDB: PyMySQL's unbuffered cursor, in a read-only transaction; the server writes every value as text.

Parameters are bound by the server: PREPARE and EXECUTE with user variables, whose values go as hexadecimal digits.
"""

from collections.abc import Collection, Generator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import polars as pl
import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE
from pymysql.cursors import SSCursor

from connectors.sources.databases import reading
from connectors.sources.databases.query_text import QueryText
from connectors.sources.databases.reading import Question, Value
from connectors.sources.databases.texts import text_series
from connectors.sources.databases.urls import Target
from connectors.sources.single_floats import show_missing_digits
from transforms.vocabulary.errors import SourceError

_PORT: Final = 3306
_GRACE_SECONDS: Final = 60
"""How much longer than the server to wait: it is the server that ends a query which takes too long."""

_LOGIN: Final = {ER.ACCESS_DENIED_ERROR, 1698, ER.DBACCESS_DENIED_ERROR, ER.BAD_DB_ERROR, ER.USER_LIMIT_REACHED}
_READ_ONLY: Final = 1792
_TIMED_OUT: Final = {1969, 3024}
_LOST: Final = {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, 1053, 1317, 1927, 0}
"""Numbers of errors: of a login refused, a write, a query that took too long, and a connection lost or ended."""

_Cells = tuple[str | bytes | None, ...]

_EVERY_ROW: Final = 18_446_744_073_709_551_615


def open_answer(question: Question) -> "MySqlAnswer":
    """Connect and ask the query. Raises SourceError."""
    answer = MySqlAnswer(question.query.render(lambda *_: "?")[0], question)
    if FIELD_TYPE.FLOAT not in answer.types:
        return answer
    answer.close()
    singles = [name for name, kind in zip(answer.columns, answer.types, strict=True) if kind == FIELD_TYPE.FLOAT]
    try:
        return MySqlAnswer(_with_whole_floats(question.query, answer), question, singles)
    except SourceError as error:
        if error.code != "SOURCE_QUERY":
            raise
        words = (
            f"of the FLOAT columns {', '.join(singles)} the server writes six digits alone; CAST(... AS DOUBLE) them"
        )
        raise reading.bad_query(question.target, words) from None


def _with_whole_floats(query: QueryText, answer: "MySqlAnswer") -> str:
    """Return the query with its 4-byte floats as 8-byte ones: the server writes six digits of the former.

    The limit makes the server keep the order of the rows, which it is free to forget in a query within a query.
    """
    names = ["`" + name.replace("`", "``") + "`" for name in answer.columns]
    chosen = [
        f"CAST({name} AS DOUBLE) AS {name}" if kind == FIELD_TYPE.FLOAT else name
        for name, kind in zip(names, answer.types, strict=True)
    ]
    inner = query.render(lambda *_: "?")[0]
    return f"SELECT {', '.join(chosen)} FROM ((\n{inner}\n) LIMIT {_EVERY_ROW}) AS q"  # noqa: S608 - names are quoted


def _connect(target: Target, timeout_seconds: float) -> "pymysql.connections.Connection[Any]":
    place = urlsplit(target.url)
    options = target.options
    secure = {key: options[name] for name, key in _TLS.items() if name in options}
    try:
        return pymysql.connect(
            host=place.hostname or "127.0.0.1",
            port=place.port or _PORT,
            user=unquote(place.username or ""),
            password=unquote(place.password or ""),
            database=unquote(place.path.lstrip("/")) or None,
            unix_socket=options.get("unix_socket"),
            charset="utf8mb4",
            conv={},  # every value as the server writes it
            autocommit=True,
            cursorclass=SSCursor,
            local_infile=False,
            connect_timeout=reading.CONNECT_SECONDS,
            read_timeout=timeout_seconds + _GRACE_SECONDS,
            **secure,
        )
    except (pymysql.Error, ValueError, OSError) as error:
        told = reading.refused if _number(error) in _LOGIN else reading.unreachable
        raise told(target, _words(error)) from None


_TLS: Final = {"ssl_ca": "ssl_ca", "ssl_cert": "ssl_cert", "ssl_key": "ssl_key"}
"""Options of the URL that PyMySQL takes."""


class MySqlAnswer:
    """The rows of one query."""

    def __init__(
        self,
        text: str,
        question: Question,
        singles: Collection[str] = (),
    ) -> None:
        """Connect and begin the query; the columns `singles` are 4-byte floats that it gives as 8-byte ones."""
        self._target, self._timeout = question.target, question.timeout_seconds
        self._connection = _connect(self._target, self._timeout)
        self._running = False
        self._cursor = self._connection.cursor()
        try:
            self._begin()
            self._ask(text, question)
        except (pymysql.Error, OSError) as error:
            self.close()
            raise self._fault(error) from None
        except BaseException:
            self.close()
            raise
        self.columns = tuple(column[0] for column in self._cursor.description)
        self.types = tuple(column[1] for column in self._cursor.description)
        self._singles = singles

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order."""
        size = reading.piece_rows(len(self.columns))
        read = [
            _singles if name in self._singles else _doubles if kind == FIELD_TYPE.DOUBLE else text_series
            for name, kind in zip(self.columns, self.types, strict=True)
        ]
        try:
            while rows := self._fetch(size):
                columns = zip(read, self.columns, zip(*rows, strict=True), strict=True)
                yield pl.DataFrame([column(name, cells) for column, name, cells in columns])
            self._running = False
        finally:
            self.close()

    def close(self) -> None:
        """End the query and the connection."""
        if self._running:
            self._running = False
            self._kill()
        # PyMySQL would read all that is left of the rows, also from a connection that is gone.
        if self._cursor._result is not None:  # noqa: SLF001
            self._cursor._result.unbuffered_active = False  # noqa: SLF001
        self._cursor.connection = None
        if self._connection.open:
            with suppress(pymysql.Error, OSError):
                self._connection.close()

    def _kill(self) -> None:
        """Let the server end the query: what is left of its rows would have to be read otherwise."""
        with suppress(SourceError, pymysql.Error, OSError):
            other = _connect(self._target, reading.CONNECT_SECONDS)
            with suppress(pymysql.Error, OSError):
                other.query(f"KILL QUERY {self._connection.thread_id()}")
            other.close()

    def _begin(self) -> None:
        maria = "mariadb" in self._connection.get_server_info().lower()
        milliseconds = max(1, round(self._timeout * 1000))
        settings = [
            f"max_statement_time = {milliseconds / 1000}" if maria else f"max_execution_time = {milliseconds}",
            f"net_write_timeout = {milliseconds // 1000 + _GRACE_SECONDS}",  # rows may wait for us
            "time_zone = '+00:00'",
            "sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')",  # so that the query is read as we read it
        ]
        self._cursor.execute(f"SET SESSION {', '.join(settings)}")
        self._cursor.execute("START TRANSACTION READ ONLY")

    def _ask(self, text: str, question: Question) -> None:
        variables = {name: f"@leadferry_{number}" for number, name in enumerate(question.query.names)}
        settings = [f"{variable} = {_literal(question.values[name])}" for name, variable in variables.items()]
        self._cursor.execute("SET " + ", ".join([*settings, f"@leadferry_query = {_literal(text)}"]))
        self._cursor.execute("PREPARE leadferry FROM @leadferry_query")
        using = [variables[parameter.name] for parameter in question.query.parameters]
        self._cursor.execute("EXECUTE leadferry" + (f" USING {', '.join(using)}" if using else ""))
        if self._cursor.description is None:
            raise reading.gives_no_rows(self._target)
        self._running = True

    def _fetch(self, size: int) -> list[tuple[Any, ...]]:
        try:
            return list(self._cursor.fetchmany(size))
        except (pymysql.Error, OSError) as error:
            self._running = False
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> SourceError:
        number = _number(error)
        if number == _READ_ONLY:
            return reading.writes(self._target, _words(error))
        if number in _TIMED_OUT:
            return reading.timed_out(self._timeout)
        if number in _LOST or isinstance(error, OSError):
            return reading.broke_off(self._target, _words(error))
        return reading.bad_query(self._target, _words(error))


def _doubles(name: str, cells: _Cells) -> pl.Series:
    return text_series(name, [None if cell is None else float(cell) for cell in cells])


def _singles(name: str, cells: _Cells) -> pl.Series:
    numbers = pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float32)
    text = show_missing_digits(pl.first().cast(pl.String)).str.strip_suffix(".0")
    return numbers.to_frame().select(text).to_series()


def _literal(value: Value) -> str:
    """Return a value as a literal: digits, or hexadecimal ones, out of which nothing can break."""
    if isinstance(value, float):
        return f"{value!r}e0" if "e" not in repr(value) else repr(value)
    if isinstance(value, int):
        return str(int(value))
    return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)" if value else "''"


def _number(error: BaseException) -> int | None:
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None


def _words(error: BaseException) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)

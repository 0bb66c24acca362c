"""PostgreSQL: `COPY ... TO STDOUT` as CSV, which polars reads at full speed, in a read-only transaction.

COPY streams in constant memory and writes every value as psql shows it, whatever its type; drivers that make values of
their own of them have no text for some (intervals, infinite dates). It takes no parameters, so these are bound to
settings of the transaction, each read back in the type that the server itself infers for it.
"""

import select
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import polars as pl
import psycopg
from psycopg import pq

from connectors.sources.databases import reading
from connectors.sources.databases.query_text import QueryText
from connectors.sources.databases.reading import Question
from connectors.sources.databases.texts import value_text
from connectors.sources.databases.urls import Target
from transforms.vocabulary.errors import SourceError

_SESSION: Final = """
BEGIN READ ONLY;
SET LOCAL statement_timeout = {milliseconds};
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL standard_conforming_strings = on
"""
"""So that a value reads the same whatever the server, the database or the role is set to."""

_BOOLEAN, _BYTES, _NUMERIC = 16, 17, 1700
"""Types by oid; the text of the first two in COPY is not the one that other databases give."""

_FIRST_BYTES, _PIECE_BYTES = 250_000, 8_000_000
"""How much CSV to parse at once: less at first, for where a few rows are wanted they should come at once."""

_ANSWER_SECONDS: Final = 600.0
"""How long to look at the socket at once; only so that a signal is seen."""

_LOGIN: Final = ("28", "3D", "42501")
_READ_ONLY: Final = "25006"
_CANCELLED: Final = "57014"
_CONNECTION: Final = ("08", "57P")
"""How SQLSTATEs begin: of a login refused, of a write, of a time-out, of a connection lost."""


def open_answer(question: Question) -> "PostgresAnswer":
    """Connect, check the query and begin it. Raises SourceError."""
    connection = _connect(question.target)
    try:
        return PostgresAnswer(connection, question)
    except BaseException:
        connection.close()
        raise


def _connect(target: Target) -> "psycopg.Connection[tuple[object, ...]]":
    defaults: dict[str, int] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    defaults["connect_timeout"] = reading.CONNECT_SECONDS
    chosen = {name: value for name, value in defaults.items() if name not in target.options}
    url = f"postgresql://{target.url.partition('://')[2]}"  # without a driver's name
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            client_encoding="UTF8",
            application_name="leadferry",
            **chosen,  # type: ignore[arg-type]
        )
    except psycopg.Error as error:
        words = str(error)
        state = error.sqlstate or ""
        if state.startswith(_LOGIN) or any(
            sign in words for sign in ("authentication failed", "does not exist", "no password supplied", "pg_hba")
        ):
            raise reading.refused(target, words) from None
        raise reading.unreachable(target, words) from None


class PostgresAnswer:
    """The rows of one COPY."""

    def __init__(
        self,
        connection: "psycopg.Connection[tuple[object, ...]]",
        question: Question,
    ) -> None:
        """Prepare the query, which finds its faults and types, and begin to copy."""
        self._connection, self._target, self._timeout = connection, question.target, question.timeout_seconds
        self._server = connection.pgconn
        self._poll = select.poll()
        self._poll.register(self._server.socket, select.POLLIN)
        self._ask(_SESSION.format(milliseconds=max(1, round(self._timeout * 1000))))
        bound = self._bind(self._describe(question), question)
        text, _ = question.query.render(lambda number, _: bound[number])
        self._server.send_query(f"COPY (\n{text}\n) TO STDOUT (FORMAT csv)".encode())
        self._check(self._next_result())

    def _describe(self, question: Question) -> list[int]:
        """Let the server parse the query, which must be one statement; keep its columns, return parameter types."""
        query = question.query
        text, places = query.render(lambda number, _: f"${number + 1}")
        # A number with a fraction stays one where it is compared with whole ones; all else is what the query needs.
        types = [_NUMERIC if isinstance(question.values[item.name], float) else 0 for item in query.parameters]
        result = self._server.prepare(b"", text.encode(), types)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            position = result.error_field(pq.DiagnosticField.STATEMENT_POSITION)
            raise self._fault(result, None if position is None else _place(query, places, int(position) - 1))
        shape = self._server.describe_prepared(b"")
        self._check(shape)
        self.columns = tuple((shape.fname(number) or b"").decode() for number in range(shape.nfields))
        self._types = [shape.ftype(number) for number in range(shape.nfields)]
        if not self.columns:
            raise reading.gives_no_rows(self._target)
        return [shape.param_type(number) for number in range(shape.nparams)]

    def _bind(self, types: list[int], question: Question) -> list[str]:
        """Bind each value to a setting of this transaction and return what stands for each place of the query."""
        numbers = {name: number for number, name in enumerate(question.query.names)}
        for name, number in numbers.items():
            arguments = [f"leadferry.p{number}".encode(), (value_text(question.values[name]) or "").encode()]
            self._check(self._server.exec_params(b"SELECT set_config($1, $2, true)", arguments))
        bound = []
        for parameter, oid in zip(question.query.parameters, types, strict=True):
            named = self._server.exec_params(b"SELECT format_type($1::oid, NULL)", [str(oid).encode()])
            self._check(named)
            kind = (named.get_value(0, 0) or b"text").decode()
            bound.append(f"(current_setting('leadferry.p{numbers[parameter.name]}')::{kind})")
        return bound

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order; one piece is parsed while the next one comes."""
        parser = ThreadPoolExecutor(1)
        try:
            waiting: Future[pl.DataFrame] | None = None
            for piece in self._pieces():
                following = parser.submit(self._parse, piece)
                if waiting is not None:
                    yield waiting.result()
                waiting = following
            if waiting is not None:
                yield waiting.result()
        finally:
            parser.shutdown(cancel_futures=True)
            self.close()

    def close(self) -> None:
        """End the connection; the server ends what it was doing when it sees that."""
        self._connection.close()

    def _pieces(self) -> Iterator[bytes]:
        """Yield the CSV of whole rows, some megabytes at a time, with a header.

        It is one of our own: without one a byte-order mark that begins the first value would be taken for the file's.
        """
        header = ",".join(f"c{number}" for number in range(len(self.columns))).encode() + b"\n"
        # To keep every row until there are enough costs twice as much as all else: Python then looks for garbage.
        piece, enough = bytearray(header), _FIRST_BYTES
        take = self._server.get_copy_data
        try:
            while True:
                length, row = take(1)
                if length > 0:
                    piece += row
                    if len(piece) >= enough:
                        yield bytes(piece)
                        piece, enough = bytearray(header), min(2 * enough, _PIECE_BYTES)
                elif length == 0:
                    self._wait()
                else:
                    break
        except psycopg.Error as error:
            raise reading.broke_off(self._target, error) from None
        while (result := self._next_result()) is not None:
            self._check(result)
        if len(piece) > len(header):
            yield bytes(piece)

    def _parse(self, piece: bytes) -> pl.DataFrame:
        frame = pl.read_csv(piece, infer_schema=False)
        written: list[pl.Expr] = []
        for name, kind in zip(frame.columns, self._types, strict=True):
            if kind == _BOOLEAN:
                written.append(pl.col(name).replace_strict({"t": "true", "f": "false"}, return_dtype=pl.String))
            elif kind == _BYTES:
                written.append(pl.col(name).str.strip_prefix("\\x"))
        frame = frame.with_columns(written)
        frame.columns = list(self.columns)  # last, for polars takes some names for patterns
        return frame

    def _ask(self, text: str) -> None:
        self._server.send_query(text.encode())
        while (result := self._next_result()) is not None:
            self._check(result)

    def _next_result(self) -> "pq.abc.PGresult | None":
        try:
            self._server.flush()
            while self._server.is_busy():
                self._wait()
        except psycopg.Error as error:
            raise reading.broke_off(self._target, error) from None
        return self._server.get_result()

    def _wait(self) -> None:
        """Wait for the server, where a signal can be seen."""
        self._poll.poll(_ANSWER_SECONDS * 1000)
        self._server.consume_input()

    def _check(self, result: "pq.abc.PGresult | None") -> None:
        if result is None:
            raise reading.broke_off(self._target, self._server.error_message.decode(errors="replace"))
        if result.status in {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}:
            raise self._fault(result, None)

    def _fault(self, result: "pq.abc.PGresult", place: str | None) -> SourceError:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        words = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
        hint = (result.error_field(pq.DiagnosticField.MESSAGE_HINT) or b"").decode(errors="replace")
        words = words or result.error_message.decode(errors="replace")
        if state == _READ_ONLY:
            return reading.writes(self._target, words)
        if state == _CANCELLED and "timeout" in words:
            return reading.timed_out(self._timeout)
        if not state or state.startswith((*_CONNECTION, _CANCELLED)):
            return reading.broke_off(self._target, words)
        return reading.bad_query(self._target, f"{words}. {hint}" if hint else words, place)


def _place(query: QueryText, places: list[tuple[int, int]], position: int) -> str:
    """Return the place in the query of a `position` in the text with `$1` for its first parameter."""
    begins, start = max(pair for pair in places if pair[0] <= position)
    return query.tell_place(start + position - begins)

"""DuckDB: its own driver, on a file opened for reading alone, every value cast to text by the database itself."""

from collections.abc import Generator
from pathlib import Path
from tempfile import gettempdir
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from nanoarrow import c_array_stream

from connectors.sources.databases import reading
from connectors.sources.databases.reading import Question
from connectors.sources.databases.texts import float_text
from connectors.sources.databases.urls import file_path_of
from connectors.sources.single_floats import show_missing_digits
from transforms.vocabulary.errors import SourceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY: Final = "512MB"
"""For the database's own pages and sorts; what does not fit goes to files in the system's temporary folder."""

_WHOLE, _SINGLE, _BYTES = "DOUBLE", "FLOAT", "BLOB"


def open_answer(question: Question) -> "DuckDbAnswer":
    """Open the file and ask the query. Raises SourceError."""
    duckdb = reading.load_driver("duckdb", "duckdb")
    target = question.target
    path = file_path_of(target.url) or ""
    if not Path(path).is_file():
        raise reading.missing_file(target, path or "in the URL")
    settings = {"memory_limit": _MEMORY, "temp_directory": str(Path(gettempdir()) / "leadferry-duckdb")}
    try:
        connection = duckdb.connect(path, read_only=True, config=settings)
        connection.sql("SELECT 1").fetchall()
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        connection.execute("SET enable_progress_bar = false").fetchall()  # it would go to standard output
    except duckdb.Error as error:
        raise reading.unreadable_file(target, path, error) from None
    try:
        return DuckDbAnswer(connection, duckdb.Error, question)
    except BaseException:
        connection.close()
        raise


class DuckDbAnswer:
    """The rows of one query."""

    def __init__(
        self,
        connection: "DuckDBPyConnection",
        errors: type[Exception],
        question: Question,
    ) -> None:
        """Check the query and find its columns and types."""
        self._connection, self._errors, self._target, self._timeout = (
            connection,
            errors,
            question.target,
            question.timeout_seconds,
        )
        self._late = False
        self._timer = Timer(self._timeout, self._interrupt)
        self._timer.daemon = True
        names = list(question.query.names)
        text, _ = question.query.render(lambda _, name: f"$p{names.index(name)}")
        self._values: dict[str, Any] = {f"p{number}": question.values[name] for number, name in enumerate(names)}
        try:
            statements = connection.extract_statements(text)
            if len(statements) != 1 or statements[0].type.name != "SELECT":
                raise reading.writes(self._target, "it is no select statement")
            shape = connection.sql(text, params=self._values or None)
            self.columns, self._types = tuple(shape.columns), [str(kind) for kind in shape.types]
        except errors as error:
            raise self._fault(error) from None
        casts = ", ".join(_cast(number, kind) for number, kind in enumerate(self._types))
        names_within = ", ".join(f"c{number}" for number in range(len(self.columns)))
        # The newline ends a comment at the end of the query; nothing of a value is in its text.
        self._text = f"SELECT {casts} FROM (\n{text}\n) AS q({names_within})"  # noqa: S608

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order."""
        self._timer.start()
        try:
            batches = c_array_stream(self._connection.sql(self._text, params=self._values or None))
            size = reading.piece_rows(len(self.columns))
            for batch in batches:
                for piece in pl.DataFrame(batch).iter_slices(size):
                    frame = piece.with_columns(_floats(piece, self._types))
                    frame.columns = list(self.columns)  # last, for polars takes some names for patterns
                    yield frame
        except (self._errors, RuntimeError) as error:  # nanoarrow's own is a RuntimeError
            raise self._fault(error) from None
        finally:
            self.close()

    def close(self) -> None:
        """End the query and close the file."""
        self._timer.cancel()
        self._connection.close()

    def _interrupt(self) -> None:
        self._late = True
        self._connection.interrupt()

    def _fault(self, error: Exception) -> SourceError:
        if self._late:
            return reading.timed_out(self._timeout)
        if "read-only mode" in str(error):
            return reading.writes(self._target, error)
        return reading.bad_query(self._target, error)


def _cast(number: int, kind: str) -> str:
    return f"lower(hex(c{number})) AS c{number}" if kind == _BYTES else f"CAST(c{number} AS VARCHAR) AS c{number}"


def _floats(frame: pl.DataFrame, types: list[str]) -> list[pl.Series]:
    """Return the columns of floats in the form that they have from every database."""
    written = []
    for column, kind in zip(frame.get_columns(), types, strict=True):
        if kind == _WHOLE:
            texts = [None if text is None else float_text(float(text)) for text in column.to_list()]
            written.append(pl.Series(column.name, texts, dtype=pl.String))
        elif kind == _SINGLE:
            names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
            text = show_missing_digits(pl.first()).str.strip_suffix(".0").replace(names)
            written.append(column.to_frame().select(text).to_series())
    return written

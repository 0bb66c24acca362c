"""Asks a database the job's query and gives its rows as every source does: text columns and `source_row`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from connectors.sources.databases.query_text import QueryText, parse_query
from connectors.sources.databases.reading import Answer, Question, Value
from connectors.sources.databases.urls import Target, find_target
from connectors.sources.extract import ROW_FAULT, Extract, number_rows, refuse_reserved, require_columns
from transforms.vocabulary.errors import SourceError

ALWAYS: Final = ("run_date", "run_id")
"""The run's own parameters, which a query may have without giving them, and need not have."""

_RESULT: Final = "the result of source.query"
_OWN_DRIVERS: Final = ("postgresql", "sqlite", "duckdb", "mysql")


def open_database(
    url: str, query: str, wanted: Sequence[str], *, parameters: Mapping[str, Value], timeout_seconds: float
) -> Extract:
    """Ask the database at `url` (or `env:NAME`) the `query`; `wanted` are the columns the job names.

    The rows can be read once, in a stream, and are in the order in which the database gives them. Raises SourceError
    here or while they are read, and ConfigurationError for a URL or a query that cannot be asked.
    """
    target = find_target(url)
    given = [name for name in parameters if name not in ALWAYS]
    text = parse_query(query, target.kind, given, [name for name in ALWAYS if name in parameters])
    answer = _ask(target, text, parameters, timeout_seconds)
    try:
        columns = answer.columns
        _refuse_repeated(columns)
        refuse_reserved(columns, _RESULT, "Give it another name in the query: column AS name.")
        require_columns(wanted, columns, _RESULT)
    except BaseException:
        answer.close()
        raise
    return Extract(number_rows(_stream(answer)), columns, ())


def _ask(target: Target, query: QueryText, parameters: Mapping[str, Value], timeout_seconds: float) -> Answer:
    kind = target.kind if target.kind in _OWN_DRIVERS else "any_database"
    # Only the one driver that the job needs is imported.
    driver = import_module(f"connectors.sources.databases.{kind}")
    answer: Answer = driver.open_answer(Question(target, query, parameters, timeout_seconds))
    return answer


def _refuse_repeated(columns: Sequence[str]) -> None:
    repeated = [name for name, times in Counter(columns).items() if times > 1]
    if repeated:
        raise SourceError(
            "COLUMN_REPEATED",
            f"The query gives several columns named {', '.join(map(repr, repeated))}.",
            "Give each a name of its own: column AS name.",
        )


def _stream(answer: Answer) -> pl.LazyFrame:
    schema = pl.Schema(dict.fromkeys([*answer.columns, ROW_FAULT], pl.String))

    def produce(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        left = n_rows
        frames = answer.frames()
        try:
            for frame in frames:
                part = frame.with_columns(_absent_if_empty(pl.all()), pl.lit(None, pl.String).alias(ROW_FAULT))
                if left is not None:
                    part = part.head(left)
                    left -= part.height
                part = part.filter(predicate) if predicate is not None else part
                yield part.select(with_columns) if with_columns is not None else part
                if left is not None and left <= 0:
                    return
        finally:
            answer.close()

    return register_io_source(produce, schema=schema)


def _absent_if_empty(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with `""` as null, as every other source gives it."""
    return pl.when(cell.str.len_bytes() > 0).then(cell).name.keep()

"""Asks a database the job's query and gives its rows as every source does: text columns and `source_row`."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import Final

import polars as pl

from connectors.sources.databases.query_text import QueryText, parse_query
from connectors.sources.databases.reading import Answer, Question, Value
from connectors.sources.databases.urls import Target, find_target
from connectors.sources.extract import ROW_FAULT, Extract, Frames, refuse_reserved, require_columns
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
    return Extract(_frames(answer), columns, (), close=answer.close)


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


def _frames(answer: Answer) -> Frames:
    def pull(limit: int | None) -> Generator[pl.DataFrame]:
        del limit  # what the answer's frames hold is read at once
        with closing(answer), closing(answer.frames()) as frames:
            for frame in frames:
                yield frame.with_columns(_absent_if_empty(pl.all()), pl.lit(None, pl.String).alias(ROW_FAULT))

    return pull


def _absent_if_empty(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with `""` as null, as every other source gives it."""
    return pl.when(cell.str.len_bytes() > 0).then(cell).name.keep()

"""What every driver gives and how each thing that goes wrong is told: the same words and codes for all databases."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol

import polars as pl

from connectors.sources.databases.query_text import QueryText
from connectors.sources.databases.urls import Target
from transforms.vocabulary.errors import SourceError

CONNECT_SECONDS: Final = 15
"""How long a server may take to answer at all."""

PIECE_ROWS: Final = 50_000
_PIECE_CELLS: Final = 1_000_000


Value = str | bool | int | float
"""What a parameter may be; dates and times go as ISO text, which every database takes for what it needs."""


@dataclass(frozen=True)
class Question:
    """What to ask whom, with a value for every parameter, and how many seconds it may take to the last row."""

    target: Target
    query: QueryText
    values: Mapping[str, Value]
    timeout_seconds: float


class Answer(Protocol):
    """A query that was asked: the columns it gives, and its rows as they come."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names as the database returns them."""

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order, every column as text, once. Raises SourceError."""

    def close(self) -> None:
        """End the query, wherever it is, and let go of the database; safe to call twice."""


def piece_rows(width: int) -> int:
    """Return how many rows of `width` columns to take from a driver at once."""
    return max(1, min(PIECE_ROWS, _PIECE_CELLS // max(width, 1)))


def load_driver(module: str, package: str) -> ModuleType:
    """Import a driver. Raises SourceError naming the `package` to install."""
    try:
        return import_module(module)
    except ImportError:
        raise SourceError(
            "SOURCE_DRIVER_MISSING",
            f"This kind of database needs the package {package}, which is not installed.",
            f"Install it beside leadferry: pip install {package}.",
        ) from None


def unreachable(target: Target, words: object) -> SourceError:
    """Return the error for a server that does not answer."""
    return SourceError(
        "SOURCE_UNREACHABLE",
        f"The database {target.shown} cannot be reached: {_sentence(target, words)}",
        "Check host and port of source.url, and that the server runs.",
    )


def refused(target: Target, words: object) -> SourceError:
    """Return the error for a server that lets nobody in: a wrong user, password or database."""
    return SourceError(
        "SOURCE_REFUSED",
        f"The database {target.shown} refuses the connection: {_sentence(target, words)}",
        "Check user, password and database of source.url.",
    )


def missing_file(target: Target, path: str) -> SourceError:
    """Return the error for a database file that is not there; none is created."""
    return SourceError("SOURCE_MISSING", f"There is no database file {path}.", f"Check source.url ({target.shown}).")


def unreadable_file(target: Target, path: str, words: object) -> SourceError:
    """Return the error for a file that is no database, or that may not be read."""
    return SourceError(
        "SOURCE_UNREADABLE", f"{path} cannot be read: {_sentence(target, words)}", "Check the file and source.url."
    )


def bad_query(target: Target, words: object, place: str | None = None) -> SourceError:
    """Return the error for a query that the database does not take, in its own words."""
    where = f" at {place}" if place else ""
    return SourceError(
        "SOURCE_QUERY",
        f"The database refuses the query{where}: {_sentence(target, words)}",
        "Mend source.query; nothing was changed.",
    )


def gives_no_rows(target: Target) -> SourceError:
    """Return the error for a statement that is no question."""
    return bad_query(target, "it gives no columns")


def writes(target: Target, words: object) -> SourceError:
    """Return the error for a query that would change the database."""
    return SourceError(
        "SOURCE_WRITES",
        f"The query would change the database, and a source is only read: {_sentence(target, words)}",
        "Write one that only selects; nothing was changed.",
    )


def timed_out(seconds: float) -> SourceError:
    """Return the error for a query that took longer than the job gives it."""
    return SourceError(
        "SOURCE_TIMEOUT",
        f"The query was stopped after {seconds:g} seconds.",
        "Make it quicker, or raise source.timeout_seconds.",
    )


def broke_off(target: Target, words: object) -> SourceError:
    """Return the error for a connection that ended before the rows did."""
    return SourceError(
        "SOURCE_BROKE_OFF",
        f"The connection to {target.shown} broke off before all rows were read: {_sentence(target, words)}",
        "Run it again.",
    )


def _sentence(target: Target, words: object) -> str:
    told = target.mask(words)
    return told if told.endswith((".", "!", "?")) else f"{told}."

"""Turns a rejects.csv, mended by a person, back into the source that its rows came from.

However the job's own source is written, its rejects are text with commas; a spreadsheet may have saved them otherwise.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Final

import polars as pl
import polars.selectors as cs

from connectors.formula_marks import rename, unmarked
from connectors.sources.extract import ROW_FAULT, SOURCE_FILE, Frames

_OUTCOME: Final = "leadferry_outcome"
_TELLING: Final = frozenset({"leadferry_source_row", "leadferry_reason"})
"""What only a rejects.csv has."""

OUR_COLUMNS: Final = _TELLING | {
    _OUTCOME,
    "leadferry_advice",
    "leadferry_detail",
    "leadferry_column",
    "leadferry_suggestion",
}
"""What rejects.csv has beside the source's own columns."""

_MAY_BE_THERE: Final = {
    "DUPLICATE": "set aside for others with the same id or number; loaded now, they are leads beside those",
    "UNRESOLVED": "UNRESOLVED and may be in RingCX already; resume the run that wrote the file before loading them",
    "NOT_SENT": "not sent yet, and a resume of the run that wrote the file sends them too",
}
"""Outcomes of rows that nobody has to mend, and what loading them now does."""


def are_rejects(names: Sequence[str]) -> bool:
    """Return whether a header is that of a rejects.csv."""
    return set(names) >= _TELLING


def own_rows(rows: Frames, names: Sequence[str]) -> tuple[Frames, list[str]]:
    """Return the source's own columns of rejected rows, with `row_fault`, without the marks against formulas."""
    own = rename([name for name in names if name not in OUR_COLUMNS | {SOURCE_FILE}], unmarked)
    columns = [unmarked(cs.by_name(written)).alias(name) for written, name in own.items()]

    def pull(limit: int | None) -> Generator[pl.DataFrame]:
        with closing(rows(limit)) as frames:
            for frame in frames:
                yield frame.select(*columns, ROW_FAULT)

    return pull, list(own.values())


def warn_of_outcomes(rows: Frames, names: Sequence[str]) -> list[str]:
    """Say how many of the rows a person will hardly want to load again as they are."""
    if _OUTCOME not in names:
        return []
    counts: Counter[str | None] = Counter()
    for frame in rows(None):
        counts.update(dict(frame[_OUTCOME].value_counts().iter_rows()))
    return [
        f"{counts[outcome]:,} row{' was' if counts[outcome] == 1 else 's were'} {words}. "
        "Take them out unless that is meant"
        for outcome, words in _MAY_BE_THERE.items()
        if counts.get(outcome)
    ]

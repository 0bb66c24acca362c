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
from connectors.sources.extract import OUR_COLUMNS, ROW_FAULT, SOURCE_FILE, Frames
from transforms.vocabulary.outcomes import KEPT_ROW_TURNED_AWAY
from transforms.vocabulary.reasons import Reason

_OUTCOME: Final = "leadferry_outcome"
_REASON: Final = "leadferry_reason"
_DETAIL: Final = "leadferry_detail"
_OF_LOST_KEEPER: Final = "DUPLICATE of a row that RingCX turned away"
_TELLING: Final = frozenset({"leadferry_source_row", _REASON})
"""What only a rejects.csv has."""

_TAKE_OUT: Final = "Take them out unless that is meant"
_MAY_BE_THERE: Final = {
    "DUPLICATE": "set aside for others with the same id or number; loaded now, they are leads beside those. "
    f"{_TAKE_OUT}",
    _OF_LOST_KEEPER: "set aside for others that RingCX then rejected or removed. Mend those others or take them out, "
    "for in one file with them these are set aside again",
    "UNRESOLVED": "UNRESOLVED and may be in RingCX already; resume the run that wrote the file before loading them. "
    f"{_TAKE_OUT}",
    "NOT_SENT": f"not sent yet, and a resume of the run that wrote the file sends them too. {_TAKE_OUT}",
}
"""Outcomes of rows that nobody has to mend, and what loading them now does."""

_BROKEN_LINES: Final = tuple(reason.value for reason in Reason if reason.startswith("ROW_"))
"""Reasons that are of a line and not of its cells: written as cells, the row has that fault no more."""


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
    counts: Counter[str | None] = Counter()
    # The row kept for such a duplicate is not in RingCX.
    detail = pl.col(_DETAIL) if _DETAIL in names else pl.lit("")
    lost = pl.any_horizontal(detail.str.ends_with(words) for words in KEPT_ROW_TURNED_AWAY)
    outcome = pl.when((pl.col(_OUTCOME) == "DUPLICATE") & lost).then(pl.lit(_OF_LOST_KEEPER)).otherwise(_OUTCOME)
    for frame in rows(None):
        counts.update(
            dict(frame.select(outcome.alias(_OUTCOME)).to_series().value_counts().iter_rows())
            if _OUTCOME in names
            else {}
        )
        counts.update(dict(frame[_REASON].value_counts().iter_rows()) if _REASON in names else {})
    told = [f"{_count(counts[outcome])} {words}" for outcome, words in _MAY_BE_THERE.items() if counts.get(outcome)]
    broken = {reason: counts[reason] for reason in _BROKEN_LINES if counts.get(reason)}
    if broken:
        told.append(
            f"{_count(sum(broken.values()))} refused because the line was broken ({', '.join(broken)}), so that values "
            "may be cut off or in wrong columns here. Mend or take out these rows: nothing in them shows the fault now"
        )
    return told


def _count(rows: int) -> str:
    return f"{rows:,} row{' was' if rows == 1 else 's were'}"

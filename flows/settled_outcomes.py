"""The outcomes of a load: the verdict on each row, and what sending made of its lead, piece by piece."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from connectors.staging import scan
from flows.run_folder import RunFolder
from transforms.accounting import TURNED_AWAY, give_outcomes, tell_lost_keepers
from transforms.reconciling import OUTCOME_SCHEMA

PIECE_ROWS: Final = 60_000
"""Rows that are settled at once."""

LOST_KEEPERS: Final = "lost_keepers"
"""Counts the duplicates of rows that RingCX turned away."""


def settled_outcomes(
    folder: RunFolder, piece_rows: int = PIECE_ROWS, counts: Counter[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the outcomes of a load, chunk by chunk: the verdict on each row, and what sending made of its lead.

    Both files are in the order of the source, so nothing has to be held for the sake of the join but the leads that
    RingCX turned away: a duplicate may name any of them as the row kept, and how many do is added to `counts` as
    `LOST_KEEPERS`. Raises ValueError where they are not in that order: then a lead's outcome would be lost without a
    word.
    """
    turned_away = _turned_away(folder)
    ahead = pl.DataFrame(schema=OUTCOME_SCHEMA)
    sent = _pieces(folder.sent, piece_rows) if folder.sent.exists() else iter(())
    for verdicts in _pieces(folder.verdicts, piece_rows):
        last = verdicts.item(-1, "source_row")
        while (ahead.is_empty() or ahead.item(-1, "source_row") <= last) and (more := next(sent, None)) is not None:
            ahead = pl.concat([ahead, more])
        rows = ahead.get_column("source_row")
        if not rows.is_sorted() or (not rows.is_empty() and rows.item(0) < verdicts.item(0, "source_row")):
            raise ValueError("the outcomes of sending are not in the order of the source")
        here = rows <= last
        outcomes, lost = tell_lost_keepers(
            give_outcomes(verdicts.lazy(), ahead.filter(here).lazy()).collect(), turned_away
        )
        if counts is not None:
            counts[LOST_KEEPERS] += lost
        yield outcomes
        ahead = ahead.filter(~here)
    if not ahead.is_empty() or any(not more.is_empty() for more in sent):
        raise ValueError("the outcomes of sending speak of rows that were never read")


def _turned_away(folder: RunFolder) -> pl.DataFrame:
    """Return `source_row` and `outcome` of the leads that RingCX rejected or removed."""
    if not folder.sent.exists():
        return pl.DataFrame(schema={name: OUTCOME_SCHEMA[name] for name in ("source_row", "outcome")})
    return scan(folder.sent).select("source_row", "outcome").filter(pl.col("outcome").is_in(TURNED_AWAY)).collect()


def _pieces(path: Path, piece_rows: int) -> Iterator[pl.DataFrame]:
    """Yield a file in pieces; polars' own batches would run ahead by most of the file."""
    rows = int(scan(path).select(pl.len()).collect().item())
    for first in range(0, rows, piece_rows):
        yield scan(path).slice(first, piece_rows).collect()

"""Writes a run's report and its rejected rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from connectors.formula_marks import marked, rename, wants_mark
from connectors.staging import write_text, written_whole


def write_report(path: Path, facts: dict[str, Any]) -> None:
    """Write the run in numbers as JSON."""
    write_text(path, orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def write_rejects(path: Path, columns: list[str], pieces: Iterable[pl.DataFrame]) -> None:
    """Write `columns`, as all of `pieces` have them, to CSV so that no cell, headers included, can start a formula.

    The marks that see to it are taken off again when the file is loaded after mending.
    """
    header = pl.DataFrame(schema=list(rename(columns, marked).values()))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        header.write_csv(file)
        for piece in pieces:
            _marked(piece[columns]).write_csv(file, include_header=False)


def _marked(rows: pl.DataFrame) -> pl.DataFrame:
    # In most columns no text wants a mark.
    wanting = rows.select_seq(wants_mark(pl.col(pl.String)).any())
    return rows.with_columns(marked(pl.lit(rows[each.name])).alias(each.name) for each in wanting if each.item())

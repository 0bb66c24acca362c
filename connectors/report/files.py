"""Writes a run's report and its rejected rows."""

from pathlib import Path
from typing import Any

import orjson
import polars as pl

from connectors.formula_marks import marked, rename
from connectors.staging import write_text, written_whole


def write_report(path: Path, facts: dict[str, Any]) -> None:
    """Write the run in numbers as JSON."""
    write_text(path, orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def write_rejects(path: Path, rows: pl.LazyFrame) -> None:
    """Write text columns to CSV so that no cell, headers included, can start a formula.

    The marks that see to it are taken off again when the file is loaded after mending.
    """
    safe = marked(pl.col(pl.String)).name.keep()
    names = rename(rows.collect_schema().names(), marked)
    with written_whole(path) as temporary:
        rows.with_columns(safe).rename(names).sink_csv(temporary, include_bom=False)

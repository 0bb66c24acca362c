"""Writes a run's report and its rejected rows."""

import re
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from connectors.staging import write_text, written_whole

_STARTS_A_FORMULA: Final = r"^'*[=+\-@\t\r\n]"
"""Cells that a spreadsheet takes for a formula (OWASP, CSV Injection), and those that look like ours with a mark."""


def write_report(path: Path, facts: dict[str, Any]) -> None:
    """Write the run in numbers as JSON."""
    write_text(path, orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def write_rejects(path: Path, rows: pl.LazyFrame) -> None:
    """Write text columns to CSV so that no cell, headers included, can start a formula: it gets an apostrophe.

    The apostrophe is what spreadsheets themselves write for "this is text"; it is taken off again when the file is
    loaded after mending.
    """
    text = pl.col(pl.String)
    safe = pl.when(text.str.contains(_STARTS_A_FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep()
    names = {name: f"'{name}" for name in rows.collect_schema().names() if re.match(_STARTS_A_FORMULA, name)}
    with written_whole(path) as temporary:
        rows.with_columns(safe).rename(names).sink_csv(temporary, include_bom=False)

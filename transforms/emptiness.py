"""Counts empty cells: a column that an export suddenly leaves out is seen in no single row."""

from collections.abc import Mapping, Sequence

import polars as pl
import polars.selectors as cs


def count_empty(rows: pl.DataFrame, fields: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return, for each of `fields` (name to the text columns that fill it), in how many rows all of these are empty.

    White space alone counts as empty.
    """
    if not fields:
        return {}
    counts = rows.select_seq(
        pl.all_horizontal(_is_empty(cs.by_name(column)) for column in columns).sum().alias(name)
        for name, columns in fields.items()
    )
    return {name: int(count) for name, count in counts.row(0, named=True).items()}


def _is_empty(cell: pl.Expr) -> pl.Expr:
    return cell.str.strip_chars().fill_null("").str.len_bytes() == 0

"""Cleans text cells: one normal form, no control characters, and empty means absent."""

import polars as pl

_CONTROLS = r"[\p{Cc}\u{200B}\u{FEFF}]+"
"""C0 and C1 controls, zero-width space and byte-order mark: none of them can be seen or dialled."""


def clean_text(cell: pl.Expr) -> pl.Expr:
    """Return `cell` in Unicode NFC, controls turned to one space, trimmed; empty becomes null."""
    return empty_to_null(cell.str.normalize("NFC").str.replace_all(_CONTROLS, " ").str.strip_chars())


def empty_to_null(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with empty text as null."""
    return pl.when(cell.str.len_bytes() > 0).then(cell)


def whole_number(cell: pl.Expr) -> pl.Expr:
    """Return text such as `7` or `7.0` as a 32-bit integer; null where it is none."""
    return cell.str.strip_suffix(".0").cast(pl.Int32, strict=False)

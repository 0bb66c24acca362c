"""Hides telephone numbers in what people read: enough stays to recognise one, not to dial it."""

import polars as pl


def mask_digits(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with every digit but the last two as a dot: `(501) 205-0011` becomes `(•••) •••-••11`."""
    length = cell.str.len_chars()
    digits_after = cell.str.reverse().str.extract(r"^(\D*\d?\D*\d?)", 1).str.len_chars().fill_null(0)
    kept = cell.str.slice(length - digits_after)
    return cell.str.slice(0, length - digits_after).str.replace_all(r"\d", "•") + kept

"""Tells 4-byte floats as what they are: seven digits or eight, and no more.

Such a float makes 4155552671 to 4155552768. Written so, or in its shortest form 4155552800, that looks like any
telephone number, and a stranger is called. With an exponent, as PostgreSQL writes it, everybody sees that digits are
missing: a telephone number is then refused as rounded, and a column of ids is told as damaged.
"""

from typing import Final

import polars as pl

LARGEST_EXACT: Final = 2**24
"""Up to here a 4-byte float holds each whole number."""


def show_missing_digits(text: pl.Expr) -> pl.Expr:
    """Return the text of 4-byte floats (`4155552800.0`) with an exponent (`4.1555528e+09`) where digits are missing."""
    number = text.str.strip_suffix(".0")
    bare = number.str.strip_prefix("-")
    digits = bare.str.strip_chars_end("0")
    rest = digits.str.slice(1)
    shown = pl.concat_str(
        pl.when(number.str.starts_with("-")).then(pl.lit("-")).otherwise(pl.lit("")),
        digits.str.head(1),
        pl.when(rest != "").then("." + rest).otherwise(pl.lit("")),
        pl.lit("e+"),
        (bare.str.len_bytes() - 1).cast(pl.String).str.zfill(2),
    )
    is_beyond = bare.str.contains("^[0-9]+$") & (bare.cast(pl.Float64, strict=False) > LARGEST_EXACT)
    return pl.when(~is_beyond).then(text).otherwise(shown)  # in this order, for the first gives the column its name

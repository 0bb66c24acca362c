"""Marks text that a spreadsheet would take for a formula, and takes the marks off again.

The mark is the apostrophe that spreadsheets themselves write for "this is text". A text that looks like a marked one is
marked once more, so that what is marked and read again is what it was, whatever it was. Where a spreadsheet of another
country parts fields by semicolons or tabs, each part of a text is a cell of its own: so parts are marked too.
"""

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

_STARTERS: Final = "=+\\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""What begins a formula (OWASP, CSV Injection), with the minus sign, and the small and full-width forms of all four."""

_UNSEEN: Final = r"'\x22\p{Z}\p{Cf}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}"
"""What may stand before it unseen, or be left out by a spreadsheet: blanks, formatting, controls, quotes, our mark."""

_FORMULA: Final = f"[{_UNSEEN}]*[{_STARTERS}]"
_PART: Final = r"^|[;\t\r\n]"
_CONTROL: Final = r"'*\p{Cc}"


def marked(text: pl.Expr) -> pl.Expr:
    """Return `text` so that no cell of it, however its line is cut into cells, begins a formula."""
    parts = text.str.replace_all(f"({_PART})({_FORMULA})", "${1}'${2}")
    return parts.str.replace(f"^({_CONTROL})", "'${1}")


def wants_mark(text: pl.Expr) -> pl.Expr:
    """Return whether `marked` would change `text`; asking is several times as fast."""
    return text.str.contains(f"({_PART})({_FORMULA})|^{_CONTROL}")


def unmarked(text: pl.Expr) -> pl.Expr:
    """Return what `marked` was given; text without marks is as it was."""
    parts = text.str.replace(f"^'({_CONTROL})", "${1}")
    return parts.str.replace_all(f"({_PART})'({_FORMULA})", "${1}${2}")


def rename(names: Sequence[str], change: Callable[[pl.Expr], pl.Expr]) -> dict[str, str]:
    """Return each of `names` with what `change`, which is `marked` or `unmarked`, makes of it."""
    changed = pl.DataFrame({"name": names}, schema={"name": pl.String}).select(change(pl.col("name"))).to_series()
    return dict(zip(names, changed, strict=True))

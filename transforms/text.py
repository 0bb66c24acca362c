"""Cleans text cells: one normal form, no control characters, and empty means absent."""

from collections.abc import Callable
from typing import Final

import polars as pl

_CONTROLS = r"[\p{Cc}\u{200B}\u{FEFF}]+"
"""C0 and C1 controls, zero-width space and byte-order mark: none of them can be seen or dialled."""

_BLANK_ENDS: Final = r"^[\s\u{200B}\u{FEFF}]+|[\s\u{200B}\u{FEFF}]+$"
"""What nobody sees at the ends of an id: white space, zero-width space, byte-order mark."""

_DELETE: Final = 0x7F
_BEYOND_ASCII: Final = 0x80
_ASCII_CONTROLS: Final = [chr(code) for code in (*range(0x20), 0x7F)]


def clean_text(cell: pl.Expr) -> pl.Expr:
    """Return `cell` in Unicode NFC, controls turned to one space, trimmed; empty becomes null."""
    return empty_to_null(cell.str.normalize("NFC").str.replace_all(_CONTROLS, " ").str.strip_chars())


def clean_id(cell: pl.Expr) -> pl.Expr:
    """Return `cell` without blank ends, empty as null; controls inside it are a reason to refuse it, and stay."""
    return empty_to_null(cell.str.replace_all(_BLANK_ENDS, ""))


def empty_to_null(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with empty text as null."""
    return pl.when(cell.str.len_bytes() > 0).then(cell)


def is_odd(cell: pl.Expr) -> pl.Expr:
    """Return whether text may need cleaning: beyond ASCII, blank at an end, with a control in it, or empty."""
    beyond_ascii = cell.str.len_bytes() != cell.str.len_chars()
    blank_end = cell.str.starts_with(" ") | cell.str.ends_with(" ") | (cell.str.len_bytes() == 0)
    return beyond_ascii | blank_end | cell.str.contains_any(_ASCII_CONTROLS)


def needs_mending(cell: pl.Expr) -> pl.Expr:
    """Return whether odd text is more than letters such as é, which are in normal form as they are.

    Below U+0300, the first combining mark, every character is (Unicode's quick check for NFC).
    """
    blank_end = cell.str.starts_with(" ") | cell.str.ends_with(" ") | (cell.str.len_bytes() == 0)
    return blank_end | cell.str.contains(r"[^ -~\u{A1}-\u{2FF}]")


def bytes_of(cells: pl.Series) -> pl.Series:
    """Return the UTF-8 bytes of all cells in a row, nulls left out: what a whole column lacks, few steps prove."""
    return _in_a_row(_bytes_by_cell(cells.drop_nulls() if cells.null_count() else cells))


def _bytes_by_cell(cells: pl.Series) -> pl.Series:
    return cells.cast(pl.Binary).cast(pl.List(pl.UInt8))


def _in_a_row(texts: pl.Series) -> pl.Series:
    """Return all bytes of texts of which none is null: among nulls, this takes several times as long."""
    return texts.explode(empty_as_null=False, keep_nulls=False)


def _extremes(letters: pl.Series) -> tuple[int, int]:
    """Return the least and the greatest of bytes; where there is none, those of plain text."""
    least, most = letters.min(), letters.max()
    return (ord(" "), ord(" ")) if least is None else (int(str(least)), int(str(most)))


def find_odd(cells: pl.Series) -> pl.Series:
    """Return where `is_odd` holds, as row numbers; each of its tests is made only where the column's bytes ask it."""
    if cells.null_count():
        return cells.is_not_null().arg_true()[find_odd(cells.drop_nulls())]
    texts = _bytes_by_cell(cells)
    letters = _in_a_row(texts)
    least, most = _extremes(letters)
    cell, inside = pl.col("cell"), pl.col("bytes")
    tests = [inside.list.len() == 0]
    if most >= _BEYOND_ASCII:
        tests.append(inside.list.len() != cell.str.len_chars())
    if least < ord(" ") or (letters == _DELETE).any():
        tests.append(cell.str.contains_any(_ASCII_CONTROLS))
    if (letters == ord(" ")).any():
        tests += [inside.list.first() == ord(" "), inside.list.last() == ord(" ")]
    frame = pl.DataFrame([cells.alias("cell"), texts.alias("bytes")])
    return frame.select(pl.any_horizontal(tests).arg_true()).to_series()


def mend_odd(cells: pl.Series, mend: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return `mend` of `cells`, worked out only for the odd ones; `mend` must leave plain text as it is.

    Most cells of most files are plain, and normalising them costs more than reading the file.
    """
    odd = find_odd(cells)
    if odd.is_empty():
        return cells
    frame = cells.to_frame()
    odd = odd[frame[odd].select(needs_mending(pl.first()).arg_true()).to_series()]
    if odd.is_empty():
        return cells
    mended = frame[odd].select(mend(pl.first())).to_series()
    return put(cells, odd, mended)


def has_control(cell: pl.Expr) -> pl.Expr:
    """Return whether text has a C0 or C1 control in it; false for null."""
    return cell.str.contains(r"\p{Cc}").fill_null(value=False)


def lack_controls(cells: pl.Series) -> bool:
    """Return true where the bytes of all cells prove that none has a control; letters beyond ASCII prove nothing."""
    least, most = _extremes(bytes_of(cells))
    return least >= ord(" ") and most < _DELETE


def put(cells: pl.Series, places: pl.Series, values: pl.Series) -> pl.Series:
    """Return `cells` with `values` at `places` (row numbers); `cells` itself stays as it is."""
    return cells.clone().scatter(places, values)


def find_unread(cells: pl.Series, read: pl.Series) -> pl.Series:
    """Return where a cell is not null but what was read of it is, as row numbers."""
    unread = pl.col("cell").is_not_null() & pl.col("read").is_null()
    return pl.DataFrame([cells.alias("cell"), read.alias("read")]).select(unread.arg_true()).to_series()


def whole_number(cell: pl.Expr) -> pl.Expr:
    """Return text such as `7` or `7.0` as a 32-bit integer; null where it is none."""
    return cell.str.strip_suffix(".0").cast(pl.Int32, strict=False)

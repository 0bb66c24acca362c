"""Cleans text cells: one normal form, no control characters, and empty means absent."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import polars as pl

_CONTROLS: Final = r"\p{Cc}+"
"""C0 and C1 controls, such as line breaks: where one stood, words end."""

UNSEEN: Final = "".join(map(chr, (0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)))
"""Zero-width space, marks of the direction of writing, byte-order mark and the like: they take no room at all.

Joiners are left out, for they change what letters look like.
"""

_UNSEEN: Final = f"[{UNSEEN}]+"
_BLANK_ENDS: Final = rf"^[\s{UNSEEN}]+|[\s{UNSEEN}]+$"
"""What nobody sees at the ends of an id."""

CONTROLS_OF_IDS: Final = rf"[\p{{Cc}}\u{{AD}}\u{{200C}}\u{{200D}}\u{{2028}}\u{{2029}}{UNSEEN}]+"
"""Line breaks, tabs, soft hyphens, joiners: with one of them, two ids look alike and are not."""

_DELETE: Final = 0x7F
_BEYOND_ASCII: Final = 0x80
_LATIN_SIGNS: Final = 0xC2
_COMBINING: Final = 0xCC
_ASCII_CONTROLS: Final = [chr(code) for code in (*range(0x20), 0x7F)]


def clean_text(cell: pl.Expr) -> pl.Expr:
    """Return `cell` in Unicode NFC, the unseen left out, controls turned to one space, trimmed; empty becomes null."""
    # Before the normal form is made: what stood between a letter and its accent keeps them apart.
    seen = cell.str.replace_all(_UNSEEN, "").str.normalize("NFC")
    return empty_to_null(seen.str.replace_all(_CONTROLS, " ").str.strip_chars())


def clean_id(cell: pl.Expr) -> pl.Expr:
    """Return `cell` in Unicode NFC without blank ends, empty as null; controls inside stay, a reason to refuse it."""
    return empty_to_null(cell.str.normalize("NFC").str.replace_all(_BLANK_ENDS, ""))


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


class _Look(NamedTuple):
    """A column without nulls, the bytes of its texts one by one and all in a row, and the extremes of these."""

    cells: pl.Series
    texts: pl.Series
    letters: pl.Series
    least: int
    most: int


def _look_at(cells: pl.Series) -> _Look:
    there = cells.drop_nulls() if cells.null_count() else cells
    texts = _bytes_by_cell(there)
    letters = _in_a_row(texts)
    return _Look(there, texts, letters, *_extremes(letters))


def find_odd(cells: pl.Series) -> pl.Series:
    """Return where `is_odd` holds, as row numbers; each of its tests is made only where the column's bytes ask it."""
    return _rows_of(cells, _find_odd(_look_at(cells)))


def _rows_of(cells: pl.Series, places: pl.Series) -> pl.Series:
    """Return as row numbers of `cells` what are places among its texts, nulls left out."""
    return cells.to_frame().select(_THERE).to_series()[places] if cells.null_count() else places


_THERE: Final = pl.first().is_not_null().arg_true()


def _find_odd(look: _Look) -> pl.Series:
    tests = _odd_rows(control=_has_control_byte(look), beyond_ascii=look.most >= _BEYOND_ASCII)
    return pl.DataFrame([look.cells.alias("cell"), look.texts.alias("bytes")]).select(tests).to_series()


def _has_control_byte(look: _Look) -> bool:
    return look.least < ord(" ") or (look.most >= _DELETE and bool((look.letters == _DELETE).any()))


@cache
def _odd_rows(*, control: bool, beyond_ascii: bool) -> pl.Expr:
    """Return an expression for the rows of odd texts, of `cell` and its `bytes`; few columns need every test."""
    cell, inside = pl.col("cell"), pl.col("bytes")
    tests = [inside.list.len() == 0, inside.list.first() == ord(" "), inside.list.last() == ord(" ")]
    if beyond_ascii:
        tests.append(inside.list.len() != cell.str.len_chars())
    if control:
        tests.append(cell.str.contains_any(_ASCII_CONTROLS))
    return pl.any_horizontal(tests).arg_true()


def _are_clean(look: _Look) -> bool:
    """Return true where the bytes of a column prove that none of its texts needs mending.

    U+0080 to U+00BF begin with the byte 0xC2, U+0300 and all beyond with 0xCC or more.
    """
    if look.most >= _BEYOND_ASCII and (look.most >= _COMBINING or (look.letters == _LATIN_SIGNS).any()):
        return False
    return not _has_control_byte(look) and not _any_blank_end(look)


def _any_blank_end(look: _Look) -> bool:
    """Return whether a text is empty or has a blank at an end."""
    if look.least > ord(" "):
        return bool((look.cells == "").any())
    ends = look.texts.to_frame().select_seq(_ENDS)
    return any(end.null_count() > 0 or bool((end == ord(" ")).any()) for end in ends)


_ENDS: Final = (pl.first().list.first().alias("first"), pl.first().list.last().alias("last"))


def mend_odd(cells: pl.Series, mend: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return `mend` of `cells`, worked out only for the odd ones; `mend` must leave plain text as it is.

    Most cells of most files are plain, and normalising them costs more than reading the file.
    """
    look = _look_at(cells)
    if _are_clean(look):
        return cells
    odd = _find_odd(look)
    odd = odd[look.cells[odd].to_frame().select(_TO_MEND).to_series()]
    if odd.is_empty():
        return cells
    mended = look.cells[odd].to_frame().select(_mending(mend)).to_series()
    return put(cells, _rows_of(cells, odd), mended)


_TO_MEND: Final = needs_mending(pl.first()).arg_true()


@cache
def _mending(mend: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    return mend(pl.first())


def has_control(cell: pl.Expr) -> pl.Expr:
    """Return whether an id has a control in it, or anything else that cannot be seen; false for null."""
    return cell.str.contains(CONTROLS_OF_IDS).fill_null(value=False)


def lack_controls(cells: pl.Series) -> bool:
    """Return true where the bytes of all cells prove that none has a control; letters beyond ASCII prove nothing."""
    least, most = _extremes(bytes_of(cells))
    return least >= ord(" ") and most < _DELETE


def put(cells: pl.Series, places: pl.Series, values: pl.Series) -> pl.Series:
    """Return `cells` with `values` at `places` (row numbers); `cells` itself stays as it is."""
    return cells.clone().scatter(places, values)


_NEW_TEXTS: Final = pl.col(pl.String) + pl.lit("")


def with_own_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with their texts made anew: a few picked out of a chunk hold on to the memory of all its texts."""
    return rows.with_columns_seq(_NEW_TEXTS)


_UNREAD: Final = (pl.col("cell").is_not_null() & pl.col("read").is_null()).arg_true()


def find_unread(cells: pl.Series, read: pl.Series) -> pl.Series:
    """Return where a cell is not null but what was read of it is, as row numbers."""
    if read.null_count() == 0:
        return pl.Series([], dtype=pl.UInt32)
    return pl.DataFrame([cells.alias("cell"), read.alias("read")]).select(_UNREAD).to_series()


def whole_number(cell: pl.Expr) -> pl.Expr:
    """Return text such as `7` or `7.0` as a 32-bit integer; null where it is none."""
    return cell.str.strip_suffix(".0").cast(pl.Int32, strict=False)

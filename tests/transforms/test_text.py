"""Cells of text: one normal form, nothing unseen, and empty means absent."""

import unicodedata

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.text import clean_text, empty_to_null, whole_number

TEXTS = st.lists(st.none() | st.text(), max_size=20)


def apply(expression, *cells):
    return pl.DataFrame({"cell": pl.Series(cells, dtype=pl.String)}).select(expression(pl.col("cell"))).to_series()


@given(TEXTS)
@example(["e\u200b\u0301", " \u0301a", "\x00", "\u212b\x85", "\ufeff\u00a0", "\u2000x"])
def test_cleaning_twice_changes_nothing(cells):
    once = apply(clean_text, *cells).to_list()
    assert apply(clean_text, *once).to_list() == once


@given(TEXTS)
def test_clean_text_is_normal_trimmed_without_controls_and_never_empty(cells):
    for cell in apply(clean_text, *cells).drop_nulls():
        assert unicodedata.is_normalized("NFC", cell)
        assert cell == cell.strip() != ""
        assert not any(unicodedata.category(each) == "Cc" or each in "\u200b\ufeff" for each in cell)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).map(str.strip).filter(bool))
def test_plain_text_stays_as_it_is(cell):
    assert apply(clean_text, cell).to_list() == [cell]


@pytest.mark.parametrize(
    ("cell", "clean"),
    [
        ("  Ann \t", "Ann"),
        ("line\r\nbreak", "line break"),
        ("nul\x00l", "nul l"),
        ("e\u0301", "\u00e9"),
        ("\ufeffid", "id"),
        ("zero\u200bwidth", "zero width"),
        ("\u00a0 \u3000", None),
        ("", None),
        (None, None),
        ("=1+1", "=1+1"),
        ("{{ lead }}", "{{ lead }}"),
    ],
)
def test_a_cell_is_cleaned(cell, clean):
    assert apply(clean_text, cell).item() == clean


def test_only_empty_text_becomes_null():
    assert apply(empty_to_null, "", " ", "0", None).to_list() == [None, " ", "0", None]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("7", 7),
        ("7.0", 7),
        ("-3", -3),
        ("0007", 7),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("7.5", None),
        ("7.00.0", None),
        (".0", None),
        ("high", None),
        ("1e3", None),
        ("\u0667", None),
        (None, None),
    ],
)
def test_a_whole_number_is_read_or_null(cell, number):
    assert apply(whole_number, cell).to_list() == [number]


@given(st.integers(-(2**31), 2**31 - 1))
def test_every_32_bit_integer_is_read_with_and_without_a_floats_zero(number):
    read = apply(whole_number, str(number), f"{number}.0")
    assert read.to_list() == [number, number]
    assert read.dtype == pl.Int32

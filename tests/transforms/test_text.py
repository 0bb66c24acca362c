"""Cells of text: one normal form, nothing unseen, and empty means absent."""

import unicodedata

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.text import (
    UNSEEN,
    clean_id,
    clean_text,
    empty_to_null,
    find_odd,
    find_unread,
    has_control,
    is_odd,
    mend_odd,
    put,
    whole_number,
)

TEXTS = st.lists(st.none() | st.text(), max_size=20)
PIECES = [
    *"aZ7 .'-",
    "\t",
    "\n",
    "\x00",
    "\x1f",
    "\x7f",
    "\x80",
    "\x85",
    "\u200b",
    "\u200c",
    "\ufeff",
    "\u00a0",
    "\u00ad",
    "\u2028",
]
PIECES += [
    "\u3000",
    "e\u0301",
    "\u0301",
    "\u00e9",
    "\u1100\u1161",
    "\u212b",
    "\u0340",
    "\u0374",
    "\u02ff",
    "\u0300",
    "\u0958",
]
ODD = st.lists(
    st.none() | st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=6), max_size=12
)


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
        assert not any(unicodedata.category(each) == "Cc" or each in UNSEEN for each in cell)


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
        ("zero\u200bwidth", "zerowidth"),
        ("e\u200b\u0301", "\u00e9"),
        ("\u202a02116\u202c", "02116"),
        ("ann\u2060@example.com\u200e", "ann@example.com"),
        ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"),
        ("\u00a0 \u3000", None),
        ("", None),
        (None, None),
        ("=1+1", "=1+1"),
        ("{{ lead }}", "{{ lead }}"),
    ],
)
def test_a_cell_is_cleaned(cell, clean):
    assert apply(clean_text, cell).item() == clean


@pytest.mark.parametrize(
    ("cell", "clean"),
    [
        ("Jose\u0301 7", "Jos\u00e9 7"),
        ("\u202aA17\u202c", "A17"),
        ("\u2060 A17\ufeff\u00a0", "A17"),
        ("\u200e", None),
        ("A\u200b17", "A\u200b17"),
        ("a17", "a17"),
        ("00017.0", "00017.0"),
    ],
)
def test_an_id_is_in_one_normal_form_and_loses_its_ends_only(cell, clean):
    assert apply(clean_id, cell).item() == clean


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


# --- cleaning the odd cells alone -------------------------------------------------------------------------------


def column(*cells):
    return pl.Series("cell", cells, dtype=pl.String)


@pytest.mark.parametrize("mend", [clean_text, clean_id])
@settings(max_examples=300, deadline=None)
@given(cells=ODD)
@example(
    cells=[
        "plain",
        "",
        " ",
        " a",
        "a ",
        "\x7f",
        "a\tb",
        "\u00e9 ",
        "\ufeff\u00e9",
        "\u00e9\u200b",
        "e\u0301",
        "\u212b",
        None,
    ]
)
def test_mending_the_odd_cells_is_mending_all_and_leaves_what_was_given(cells, mend):
    given_cells = column(*cells)
    kept = given_cells.to_frame()
    assert mend_odd(given_cells, mend).to_list() == apply(mend, *cells).to_list()
    assert given_cells.to_list() == kept["cell"].to_list() == cells


@pytest.mark.parametrize("mend", [clean_text, clean_id])
@settings(max_examples=300, deadline=None)
@given(cells=ODD)
def test_no_cell_that_cleaning_would_change_is_taken_for_plain(cells, mend):
    changed = [before != after for before, after in zip(cells, apply(mend, *cells), strict=True)]
    odd = apply(is_odd, *cells).to_list()
    assert not [cell for cell, change, seen in zip(cells, changed, odd, strict=True) if change and not seen]


@pytest.mark.parametrize("letters", ["", "ab", "a ", "a\t", "a\x7f", "a\u00e9", "a \x00\x7f\u00e9\u0301\u200b"])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_odd_cells_of_a_column_are_those_that_each_test_alone_finds_odd(letters, data):
    """Which tests are made hangs on the letters that the column has."""
    cells = data.draw(st.lists(st.none() | st.text(alphabet=letters, max_size=4), max_size=8))
    odd = apply(is_odd, *cells)
    for given_cells, expected in ((column(*cells), odd), (column("b", *cells).slice(1), odd)):
        assert find_odd(given_cells).to_list() == expected.arg_true().to_list()


@pytest.mark.parametrize("mend", [clean_text, clean_id])
def test_every_single_character_is_mended_as_if_all_were_looked_at(mend):
    """Alone, between letters and at either end: all of Unicode but the surrogates."""
    letters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    for shape in ("{}", "a{}b", "{}b", "a{}"):
        cells = column(*(shape.format(letter) for letter in letters))
        every = cells.to_frame().select(mend(pl.col("cell"))).to_series()
        assert mend_odd(cells, mend).equals(every, null_equal=True)


def test_cells_of_which_none_is_odd_are_given_back_as_they_are():
    plain = column("Ann", None, "Jos\u00e9")
    assert mend_odd(plain, clean_text).to_list() == ["Ann", None, "Jos\u00e9"]
    assert apply(is_odd, "Ann", "a b", "~!").to_list() == [False] * 3


@pytest.mark.parametrize("shared", ["nowhere else", "in a frame", "in a clone", "in a slice"])
@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (["x", "y", None], "z"),
        ([True, False, None], False),
        ([True, True, True], False),
        ([1, 2, None], 9),
        ([1, 2, 3], None),
        (["x", "y", "z"], None),
    ],
)
def test_putting_values_leaves_the_column_that_was_given(cells, value, shared):
    """polars' `scatter` works in place: without care the caller's own column would change too."""
    dtype = pl.Series(cells).dtype
    given_cells = pl.Series("cell", cells, dtype=dtype)
    if shared == "in a slice":
        given_cells = pl.concat([given_cells, given_cells], rechunk=True).head(3)
    other = {"in a frame": given_cells.to_frame, "in a clone": given_cells.clone}.get(shared, list)()
    places = pl.Series([0, 2], dtype=pl.UInt32)
    changed = put(given_cells, places, pl.Series([value, value], dtype=dtype))
    assert changed.to_list() == [value, cells[1], value]
    assert given_cells.to_list() == cells
    assert (changed.name, changed.dtype) == ("cell", dtype)
    if shared == "in a frame":
        assert other["cell"].to_list() == cells
    if shared == "in a clone":
        assert other.to_list() == cells
    again = put(given_cells, places.head(1), pl.Series([value], dtype=dtype))
    assert again.to_list() == [value, *cells[1:]]
    assert given_cells.to_list() == cells


def test_putting_nothing_changes_nothing_and_one_value_goes_everywhere():
    cells = column("x", "y", "z")
    nothing = pl.Series([], dtype=pl.UInt32)
    assert put(cells, nothing, column()).to_list() == ["x", "y", "z"]
    assert put(cells, pl.Series([0, 2], dtype=pl.UInt32), column(None)).to_list() == [None, "y", None]
    assert cells.to_list() == ["x", "y", "z"]


def test_what_is_left_to_read_are_cells_of_which_nothing_was_read():
    assert find_unread(column("x", "y", None, ""), pl.Series([1, None, None, None])).to_list() == [1, 3]
    assert find_unread(column("x", None), pl.Series([1, None])).to_list() == []


@given(ODD)
@example(["plain", None, "del\x7f"])
@example([None])
def test_a_control_is_found_wherever_it_stands_and_in_no_cell_that_has_none(cells):
    unseen = f"{UNSEEN}\u00ad\u200c\u200d\u2028\u2029"
    controls = [any(unicodedata.category(each) == "Cc" or each in unseen for each in cell or "") for cell in cells]
    assert apply(has_control, *cells).to_list() == controls

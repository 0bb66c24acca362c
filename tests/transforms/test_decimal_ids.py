"""Decimal ids are a column's matter: all of them, at least two, however the rows are cut."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.decimal_ids import DecimalIds, mend_decimal_ids


def ids_of(cells):
    return DecimalIds.of(pl.Series(cells, dtype=pl.String))


@pytest.mark.parametrize(
    ("cells", "damaged"),
    [
        ([], False),
        ([None], False),
        (["1.0"], False),
        (["1.0", "1.0", None], False),
        (["1.0", "2.0", None], True),
        (["1.0", "2.0", "A1"], False),
        (["1.0", "2.0", "-3.0"], False),
        (["1.0", "2.0", "1.0.0"], False),
    ],
)
def test_only_several_ids_that_are_all_decimal_show_damage(cells, damaged):
    assert ids_of(cells).show_damage == damaged


@given(st.lists(st.sampled_from(["1.0", "2.0", "3.0", "4", "A.0", None]), max_size=9), st.integers(0, 9))
def test_pieces_show_what_the_whole_does(cells, cut):
    whole, pieces = ids_of(cells), ids_of(cells[:cut]) & ids_of(cells[cut:])
    assert pieces.show_damage == whole.show_damage
    assert pieces.all_decimal == whole.all_decimal


def test_only_decimal_ids_lose_their_zero():
    rows = pl.DataFrame({"externId": ["1.0", "A.0", None], "note": ["mended", None, None]})
    note = "externId: decimal zero left out, as in the whole column"
    assert mend_decimal_ids(rows).rows() == [("1", f"mended; {note}"), ("A.0", None), (None, None)]
    assert mend_decimal_ids(rows.drop("note")).rows() == [("1",), ("A.0",), (None,)]

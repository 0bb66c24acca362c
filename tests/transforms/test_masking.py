"""Masked numbers: recognisable, not dialable."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.masking import mask_digits

TEXTS = st.text() | st.text("0123456789()-+ x\u0660\u0967\u0301\u20e3\ufe0f\u200d\u0600", max_size=40)


def mask(*cells):
    return (
        pl.DataFrame({"cell": pl.Series(cells, dtype=pl.String)})
        .select(mask_digits(pl.col("cell")))
        .to_series()
        .to_list()
    )


@pytest.mark.parametrize(
    ("cell", "masked"),
    [
        ("(501) 205-0011", "(•••) •••-••11"),
        ("+1 212 555 0123", "+• ••• ••• ••23"),
        ("2125550123 x45", "•••••••••• x45"),
        ("\u0662\u0661\u0662\u0665", "••\u0662\u0665"),
        ("7", "7"),
        ("no digits", "no digits"),
        ("", ""),
        (None, None),
    ],
)
def test_all_digits_but_the_last_two_are_dots(cell, masked):
    assert mask(cell) == [masked]


@given(st.lists(TEXTS, max_size=10))
def test_at_most_two_digits_of_any_script_stay_and_nothing_else_changes(cells):
    for cell, masked in zip(cells, mask(*cells), strict=True):
        assert sum(each.isdecimal() for each in masked) <= 2
        assert len(masked) == len(cell)
        assert all(new in {old, "•"} and (new == old or old.isdecimal()) for old, new in zip(cell, masked, strict=True))


@given(st.lists(TEXTS, max_size=10))
def test_masking_twice_changes_nothing(cells):
    once = mask(*cells)
    assert mask(*once) == once

"""The same rows have the same fingerprint however they are cut, and any other rows another."""

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.fingerprint import fingerprint_rows

CELLS = st.none() | st.text(max_size=4)
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)


def of(rows, *cuts):
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    edges = [0, *sorted(cuts), frame.height]
    return fingerprint_rows((frame[start:end] for start, end in pairwise(edges)), ["a", "b"])


@given(ROWS, st.data())
def test_how_rows_are_cut_changes_nothing(rows, data):
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))

    assert of(rows) == of(rows, *cuts)


@given(ROWS, ROWS)
def test_other_rows_have_another(rows, others):
    assert (of(rows) == of(others)) == (rows == others)


def test_order_counts_and_so_do_names():
    assert of([("1", "2"), ("3", "4")]) != of([("3", "4"), ("1", "2")])
    assert of([("1", "2"), ("2", "1")]) != of([("2", "1"), ("1", "2")])
    frame = pl.DataFrame({"a": ["1"], "b": ["1"]})
    assert fingerprint_rows([frame], ["a"]) != fingerprint_rows([frame], ["b"])

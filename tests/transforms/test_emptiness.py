"""Empty cells are counted per field, over all the columns that could fill it."""

import polars as pl

from transforms.emptiness import count_empty


def test_blank_and_absent_cells_are_empty_and_a_second_column_fills_a_field():
    rows = pl.DataFrame({"zip": [None, "", " \t", "06511"], "a": ["1", None, "", None], "b": [None, "2", " ", None]})

    assert count_empty(rows, {"zip": ["zip"], "leadPhone": ["a", "b"]}) == {"zip": 3, "leadPhone": 2}


def test_nothing_watched_costs_nothing():
    assert count_empty(pl.DataFrame({"a": ["1"]}), {}) == {}

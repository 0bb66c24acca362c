"""Marks against formulas: whatever a text is, it is marked where it must be, and what was marked comes back."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formula_marks import marked, rename, unmarked, wants_mark

HOSTILE = st.text(
    st.sampled_from("=+-@\t\r\n'\"; ab\x00\x0b\u00a0\u200b\ufeff\u2028\u202e\uff1d\uff0b\uff0d\uff20\u2212")
)


def apply(change, texts):
    return (
        pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(change(pl.col("text"))).to_series().to_list()
    )


@settings(max_examples=300)
@given(st.lists(st.none() | st.text() | HOSTILE, max_size=5))
def test_what_was_marked_comes_back(texts):
    once = apply(marked, texts)

    assert apply(unmarked, once) == texts
    assert apply(unmarked, apply(unmarked, apply(marked, once))) == texts


@settings(max_examples=300)
@given(st.lists(st.none() | st.text() | HOSTILE, max_size=5))
def test_a_text_wants_a_mark_if_it_would_be_another_one_with_it(texts):
    changed = [None if text is None else text != mark for text, mark in zip(texts, apply(marked, texts), strict=True)]

    assert apply(wants_mark, texts) == changed


@settings(max_examples=300)
@given(
    st.text(
        st.characters(
            exclude_characters="=+-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20",
            exclude_categories=["Cc", "Cs"],
        )
    )
)
def test_a_text_that_starts_no_formula_stays_as_it_is(text):
    assert apply(marked, [text]) == apply(unmarked, [text]) == [text]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1", "'=1"),
        ("'=1", "''=1"),
        (" -1", "' -1"),
        ("\u200b@x", "'\u200b@x"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a;'=1"),
        ("a\n+1\t@b", "a\n'+1\t'@b"),
        ("\t", "'\t"),
        ('"=1"', '\'"=1"'),
        ("415-555", "415-555"),
        ("a, -b", "a, -b"),
        ("'quoted'", "'quoted'"),
        ("", ""),
    ],
)
def test_marks_stand_where_a_formula_would_begin(text, written):
    assert apply(marked, [text]) == [written]


def test_names_are_marked_like_cells():
    assert rename(["id", "=1", "'=1"], marked) == {"id": "id", "=1": "'=1", "'=1": "''=1"}
    assert rename(["id", "'=1", "''=1"], unmarked) == {"id": "id", "'=1": "=1", "''=1": "'=1"}
    assert rename([], marked) == {}

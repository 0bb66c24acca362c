"""Repeats across a load, held against the same rule written as a plain loop."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.duplicates import DUPLICATE_SCHEMA, find_duplicates
from transforms.vocabulary.options import DuplicateHandling
from transforms.vocabulary.reasons import Reason

REMOVING = [DuplicateHandling.REMOVE_FROM_LIST, DuplicateHandling.REMOVE_ALL_EXISTING]
NUMBERS = st.lists(st.sampled_from("abcdefgh"), max_size=4)
KEYS = st.lists(st.tuples(st.sampled_from(["i1", "i2", "i3", *map(str, range(12))]), NUMBERS | st.none()), max_size=25)


def frame_of(keys):
    columns = {
        "source_row": [3 * place for place in range(len(keys))],
        "externId": [extern_id for extern_id, _ in keys],
        "numbers": [numbers for _, numbers in keys],
    }
    return pl.DataFrame(columns, schema={"source_row": pl.UInt64, "externId": pl.String, "numbers": pl.List(pl.String)})


def find(keys, handling=DuplicateHandling.REMOVE_FROM_LIST):
    found = find_duplicates(frame_of(keys), handling)
    assert found.schema == DUPLICATE_SCHEMA
    assert found.get_column("source_row").is_unique().all()
    return {row: (reason, kept) for row, reason, kept in found.iter_rows()}


def set_aside_one_by_one(keys, handling):
    """The rule as a loop: only a row that stays holds its id and its numbers."""
    ids, holders, aside = {}, {}, {}
    for place, (extern_id, numbers) in enumerate(keys):
        row, mine = 3 * place, set(numbers or ())
        if extern_id in ids:
            aside[row] = (Reason.EXTERN_ID_REPEATED, ids[extern_id])
        elif handling is not DuplicateHandling.RETAIN_ALL and mine & holders.keys():
            aside[row] = (Reason.PHONE_REPEATED, min(holders[number] for number in mine & holders.keys()))
        else:
            ids[extern_id] = row
            holders |= dict.fromkeys(mine, row)
    return aside


@settings(max_examples=150, deadline=None)
@given(KEYS, st.sampled_from(DuplicateHandling))
@example([("h", ["x"]), ("i", ["x", "y"]), ("j", ["y", "z"]), ("k", ["w"]), ("r", ["z", "w"])], REMOVING[0])
@example([("a", ["x"]), ("a", ["y"]), ("b", ["y"]), ("c", ["x", "y"])], REMOVING[1])
def test_the_rows_set_aside_are_those_of_a_plain_loop(keys, handling):
    assert find(keys, handling) == set_aside_one_by_one(keys, handling)


@pytest.mark.parametrize("handling", DuplicateHandling)
def test_an_extern_id_is_one_to_a_load_under_every_mode(handling):
    assert find([("a", ["x"]), ("b", ["y"]), ("a", ["z"]), ("a", ["x"])], handling) == {
        6: ("EXTERN_ID_REPEATED", 0),
        9: ("EXTERN_ID_REPEATED", 0),
    }


def test_a_number_may_repeat_where_all_are_retained():
    keys = [("a", ["x"]), ("b", ["x"])]
    assert find(keys, DuplicateHandling.RETAIN_ALL) == {}
    assert [find(keys, handling) for handling in REMOVING] == [{3: ("PHONE_REPEATED", 0)}] * 2


def test_a_row_set_aside_for_its_id_takes_no_number_from_another():
    assert find([("a", ["x"]), ("a", ["y"]), ("b", ["y"])]) == {3: ("EXTERN_ID_REPEATED", 0)}


def test_a_row_set_aside_for_its_number_takes_no_other_number_along():
    assert find([("a", ["x"]), ("b", ["x", "y"]), ("c", ["y", "z"]), ("d", ["z"])]) == {
        3: ("PHONE_REPEATED", 0),
        9: ("PHONE_REPEATED", 6),
    }


def test_a_row_set_aside_for_its_number_leaves_its_id_to_a_later_row():
    """Row 6 is the only one that can bring lead b into the dialer."""
    assert find([("a", ["x"]), ("b", ["x"]), ("b", ["y"])]) == {3: ("PHONE_REPEATED", 0)}


def test_the_same_id_is_named_before_the_same_number():
    assert find([("a", ["x"]), ("b", ["y"]), ("b", ["x"])]) == {6: ("EXTERN_ID_REPEATED", 3)}


def test_a_number_twice_in_one_row_is_no_repeat():
    assert find([("a", ["x", "x"]), ("b", None), ("c", [])]) == {}


def test_no_rows_have_no_repeats():
    assert find([]) == {}


def test_a_long_chain_of_shared_numbers_is_settled():
    chain = [(str(place), [f"n{place}", f"n{place + 1}"]) for place in range(120)]
    assert sorted(find(chain)) == [3 * place for place in range(1, 120, 2)]

"""Repeats across a load, held against the same rule written as a plain loop."""

from collections import Counter
from decimal import Decimal, InvalidOperation
from itertools import chain

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms import held_keys
from transforms.duplicates import DUPLICATE_SCHEMA, RepeatedKeys, find_duplicates
from transforms.held_keys import HeldKeys, claim_keys
from transforms.vocabulary.options import DuplicateHandling
from transforms.vocabulary.reasons import Reason

RETAINING = DuplicateHandling.RETAIN_ALL
REMOVING = [DuplicateHandling.REMOVE_FROM_LIST, DuplicateHandling.REMOVE_ALL_EXISTING]
KEEP_RULES = ["first", "last", "largest", "smallest"]
TEXT = {"externId": pl.String, "leadPhone": pl.String, "leadPhoneE164": pl.String, "rank_by": pl.String}

NUMBERS = [f"21255501{place:02d}" for place in range(8)]
IDS = st.sampled_from(["i1", "i2", "i3", *map(str, range(12))])
CELLS = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4).map("|".join) | st.none()
ABROAD = st.sampled_from([*(f"+1{number}" for number in NUMBERS[:4]), "+442071234567"]) | st.none()
RANKS = st.sampled_from(
    [None, "", " ", "5", "5.0", "10", "9.5", "1e1", "-3", "9007199254740993", "9007199254740992", "9007199254740992.5"]
)
DATES = st.sampled_from([None, "2024-01-31", "2023-12-31", "9", "10", "inf"])


def loads(ranks):
    """Lists of leads as (externId, leadPhone, leadPhoneE164, rank_by)."""
    return st.lists(st.tuples(IDS, CELLS, ABROAD, ranks), max_size=25)


LOADS = loads(RANKS) | loads(DATES)


def frame_of(leads):
    rows = [3 * place for place in range(len(leads))]
    columns = pl.DataFrame(leads, schema=TEXT, orient="row")
    return columns.insert_column(0, pl.Series("source_row", rows, dtype=pl.UInt64))


def find_in(frame, handling=REMOVING[0], keep="first"):
    found = find_duplicates(frame, handling, keep)
    assert found.schema == DUPLICATE_SCHEMA
    assert found["source_row"].is_sorted()
    assert found["source_row"].is_unique().all()
    return {row: (reason, kept) for row, reason, kept in found.iter_rows()}


def find(leads, handling=REMOVING[0], keep="first"):
    """Look through leads of which each gives externId and, if it matters, leadPhone, leadPhoneE164 and rank_by."""
    return find_in(frame_of([(*lead, *[None] * (4 - len(lead))) for lead in leads]), handling, keep)


def numbers_of(lead):
    return {*(lead[1] or "").split("|"), (lead[2] or "").removeprefix("+1")} - {""}


def keys_of(lead, handling):
    return {("id", lead[0])} | (set() if handling is RETAINING else numbers_of(lead))


def sharing_places(leads, handling):
    """The rows that have a key in common with another."""
    met = Counter(chain.from_iterable(keys_of(lead, handling) for lead in leads))
    return [place for place, lead in enumerate(leads) if any(met[key] > 1 for key in keys_of(lead, handling))]


def places_by_preference(leads, handling, keep):
    places = sharing_places(leads, handling)
    if keep in {"first", "last"}:
        return places if keep == "first" else places[::-1]
    ranks = {place: (leads[place][3] or "").strip() for place in places}
    numbers = {place: number_in(rank) for place, rank in ranks.items()}
    found = [number for number in numbers.values() if number is not None]
    values = numbers if 2 * len(found) > len(list(filter(None, ranks.values()))) else ranks
    given = [place for place in places if values[place] not in {None, ""}]
    given.sort(key=values.__getitem__, reverse=keep == "largest")
    return given + [place for place in places if place not in given]


def number_in(text):
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def set_aside_one_by_one(leads, handling, keep):
    """The rule as a loop: only a row that stays holds its id and its numbers."""
    ids, holders, aside = {}, {}, {}
    for turn, place in enumerate(order := places_by_preference(leads, handling, keep)):
        mine = set() if handling is RETAINING else numbers_of(leads[place])
        if leads[place][0] in ids:
            aside[3 * place] = (Reason.EXTERN_ID_REPEATED, 3 * order[ids[leads[place][0]]])
        elif mine & holders.keys():
            aside[3 * place] = (
                Reason.PHONE_REPEATED,
                3 * order[min(holders[number] for number in mine & holders.keys())],
            )
        else:
            ids[leads[place][0]] = turn
            holders |= dict.fromkeys(mine, turn)
    return aside


def count_keys(frame, handling, size):
    """Take in a load in chunks of `size` rows."""
    keys = RepeatedKeys(handling)
    for chunk in frame.iter_slices(size):
        keys.add(chunk.drop("source_row", "rank_by"))
    return keys


def pick_contested(frame, handling, size):
    keys = count_keys(frame, handling, size)
    return pl.concat([frame.head(0), *(chunk.filter(keys.contested(chunk)) for chunk in frame.iter_slices(size))])


@settings(max_examples=200, deadline=None)
@given(LOADS, st.sampled_from(DuplicateHandling), st.sampled_from(KEEP_RULES))
@example([("a", "1|2", None, "9007199254740992"), ("a", "3", None, "9007199254740993")], RETAINING, "largest")
@example([("a", None, None, "9"), ("a", None, None, "10"), ("b", None, None, "n/a")], RETAINING, "largest")
@example([("a", None, None, "5"), ("a", None, None, "10"), ("a", None, None, "inf")], RETAINING, "largest")
def test_the_rows_set_aside_are_those_of_a_plain_loop(leads, handling, keep):
    assert find(leads, handling, keep) == set_aside_one_by_one(leads, handling, keep)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=40),
    st.permutations(range(40)),
    st.sampled_from(KEEP_RULES),
)
def test_tangled_chains_are_those_of_a_plain_loop(links, ranks, keep):
    numbers = [str(2125550100 + place) for place in range(44)]
    leads = [
        (str(place), "|".join(numbers[first : first + count]), None, str(ranks[place]))
        for place, (first, count) in enumerate(links)
    ]
    assert find(leads, REMOVING[0], keep) == set_aside_one_by_one(leads, REMOVING[0], keep)


@settings(max_examples=150, deadline=None)
@given(LOADS, st.sampled_from(DuplicateHandling), st.integers(1, 8))
def test_a_row_that_shares_a_key_is_contested_whatever_the_chunks(leads, handling, size):
    frame = frame_of(leads)
    contested = set(pick_contested(frame, handling, size)["source_row"])
    sharing = {3 * place for place in sharing_places(leads, handling)}
    assert sharing <= contested
    assert count_keys(frame, handling, size).any == bool(sharing)
    if not sharing:
        assert not contested


def hold(leads, handling, size):
    """Settle leads chunk by chunk, all claims made before; rows that are not valid come with them."""
    held, aside = HeldKeys(), {}
    frame = frame_of(leads).drop("source_row", "rank_by").with_row_index("source_row")
    frame = frame.with_columns(pl.col("source_row").cast(pl.UInt64))
    chunks = list(frame.iter_slices(size)) if leads else []
    claimed = [claim_keys(chunk, chunk["externId"] != "refused", handling) for chunk in reversed(chunks)]
    for claims in reversed(claimed):
        found = held.set_aside(claims)
        assert found.schema == DUPLICATE_SCHEMA
        assert found["source_row"].is_sorted()
        aside |= {row: (reason, kept) for row, reason, kept in found.iter_rows()}
    return aside


@settings(max_examples=150, deadline=None)
@given(LOADS, st.sampled_from(DuplicateHandling), st.integers(1, 8), st.sets(st.integers(0, 25)))
def test_settled_chunk_by_chunk_the_same_rows_are_set_aside_for_the_same(leads, handling, size, refused):
    leads = [("refused", *lead[1:]) if place in refused else lead for place, lead in enumerate(leads)]
    valid = [place for place, lead in enumerate(leads) if lead[0] != "refused"]
    told = set_aside_one_by_one([leads[place] for place in valid], handling, "first")
    of_all = {valid[row // 3]: (reason, valid[kept // 3]) for row, (reason, kept) in told.items()}
    assert hold(leads, handling, size) == of_all


def test_keys_whose_hashes_begin_alike_are_told_apart(monkeypatch):
    """All but four bits of the first hash are cut off, so that nearly every key looks like others."""
    monkeypatch.setattr(held_keys, "_size_of", lambda _: 2**60)
    leads = [(f"C{i * i % 397}", f"212555{i * i * i % 887:04}", None, None) for i in range(500)]
    told = set_aside_one_by_one(leads, REMOVING[0], "first")
    assert hold(leads, REMOVING[0], 20) == {row // 3: (reason, kept // 3) for row, (reason, kept) in told.items()}


def test_a_load_of_many_chunks_is_settled_as_in_one_piece():
    numbers = [f"{i * i % 30_011:010}" for i in range(12_000)]
    several = ["|".join({number, numbers[i // 2]}) if i % 3 else number for i, number in enumerate(numbers)]
    leads = [(f"C{i * i % 39_989}", number, None, None) for i, number in enumerate(several)]
    told = set_aside_one_by_one(leads, REMOVING[0], "first")
    assert hold(leads, REMOVING[0], 500) == {row // 3: (reason, kept // 3) for row, (reason, kept) in told.items()}


@pytest.mark.parametrize("size", [1, 3])
def test_an_id_that_reads_like_a_number_is_none(size):
    leads = [(NUMBERS[0], NUMBERS[1], None, None), (NUMBERS[1], NUMBERS[0], None, None), ("a", NUMBERS[2], None, None)]
    assert hold(leads, REMOVING[0], size) == {}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_ids_of_any_text_are_held_and_a_foreign_number_is_not_a_national_one(size):
    ids = ["a|b", "a", "b", "", "é" * 300, "a|b", "é" * 300, "|"]
    numbers = ["+2125550123", "2125550123", None, None, None, None, None, "+2125550123"]
    leads = [(name, None, number, None) for name, number in zip(ids, numbers, strict=True)]
    leads[1] = ("a", "2125550123", None, None)
    repeated = (Reason.EXTERN_ID_REPEATED, 0), (Reason.EXTERN_ID_REPEATED, 4), (Reason.PHONE_REPEATED, 0)
    assert hold(leads, REMOVING[0], size) == dict(zip((5, 6, 7), repeated, strict=True))


@settings(max_examples=150, deadline=None)
@given(
    LOADS,
    st.sampled_from(DuplicateHandling),
    st.sampled_from(KEEP_RULES),
    st.data(),
)
def test_rows_contested_for_nothing_change_no_duplicate(leads, handling, keep, data):
    """Such as those whose hash falls together with that of a repeated key; the whole load is the largest such set."""
    frame = frame_of(leads)
    contested = pick_contested(frame, handling, data.draw(st.integers(1, 8)))["source_row"]
    more = data.draw(st.sets(st.sampled_from(frame["source_row"].to_list()))) if leads else set()
    some = frame.filter(pl.col("source_row").is_in([*contested, *more]))
    assert find_in(some, handling, keep) == find(leads, handling, keep)


@pytest.mark.parametrize("handling", DuplicateHandling)
def test_an_extern_id_is_one_to_a_load_under_every_mode(handling):
    one, two, three = NUMBERS[:3]
    assert find([("a", one), ("b", two), ("a", three), ("a", one)], handling) == {
        6: ("EXTERN_ID_REPEATED", 0),
        9: ("EXTERN_ID_REPEATED", 0),
    }


def test_a_number_may_repeat_where_all_are_retained():
    leads = [("a", NUMBERS[0]), ("b", NUMBERS[0])]
    assert find(leads, RETAINING) == {}
    assert not count_keys(frame_of([(*lead, None, None) for lead in leads]), RETAINING, 1).any
    assert [find(leads, handling) for handling in REMOVING] == [{3: ("PHONE_REPEATED", 0)}] * 2


@pytest.mark.parametrize(("keep", "kept"), [("first", 0), ("last", 9), ("largest", 6), ("smallest", 3)])
def test_which_row_is_kept_is_a_rule(keep, kept):
    leads = [("a", None, None, "9"), ("a", None, None, "-1"), ("a", None, None, "10"), ("a", None, None, "")]
    assert find(leads, RETAINING, keep) == {row: ("EXTERN_ID_REPEATED", kept) for row in (0, 3, 6, 9) if row != kept}


def test_values_compare_as_numbers_where_most_are_and_else_as_text():
    leads = [
        ("a", None, None, "9"),
        ("a", None, None, "10"),
        *(("b", None, None, odd) for odd in ("n/a", "2024-01-31")),
    ]
    assert find(leads[:2], RETAINING, "largest") == {0: ("EXTERN_ID_REPEATED", 3)}
    assert find([*leads[:3], ("b", None, None, "1")], RETAINING, "largest")[0] == ("EXTERN_ID_REPEATED", 3)
    assert find(leads, RETAINING, "largest")[3] == ("EXTERN_ID_REPEATED", 0)


@pytest.mark.parametrize("keep", ["largest", "smallest"])
def test_what_is_no_number_among_numbers_is_no_value(keep):
    leads = [("a", None, None, "n/a"), ("a", None, None, "9"), ("b", None, None, "7"), ("b", None, None, "inf")]
    leads += [("c", None, None, "1"), ("c", None, None, None)]
    assert find(leads, RETAINING, keep) == {
        0: ("EXTERN_ID_REPEATED", 3),
        9: ("EXTERN_ID_REPEATED", 6),
        15: ("EXTERN_ID_REPEATED", 12),
    }


@pytest.mark.parametrize(("keep", "lost", "kept"), [("largest", 0, 3), ("smallest", 3, 0)])
def test_a_row_that_shares_nothing_has_no_part_in_how_values_compare(keep, lost, kept):
    """It comes along where its hash begins like that of a repeated key."""
    leads = [("a", NUMBERS[0], None, "9"), ("a", NUMBERS[1], None, "10"), ("b", NUMBERS[2], None, "n/a")]
    for handling in DuplicateHandling:
        assert find(leads, handling, keep) == {lost: ("EXTERN_ID_REPEATED", kept)}


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("20260101123059.123456", "20260101123059.123457"),
        ("9007199254740992", "9007199254740993"),
        ("-1e-9999", "1e-9999"),
        ("0.1", "0.10000000000000000000000000000000000000000000001"),
        ("99999999999999999999999999999999999999998", "99999999999999999999999999999999999999999"),
    ],
)
def test_numbers_are_told_apart_by_all_their_digits(less, more):
    others = [("b", None, None, "0.5"), ("b", None, None, "0.4")]
    leads = [("a", None, None, less), ("a", None, None, more), *others]
    assert find(leads, RETAINING, "largest")[0] == ("EXTERN_ID_REPEATED", 3)
    assert find(leads, RETAINING, "smallest")[3] == ("EXTERN_ID_REPEATED", 0)


@pytest.mark.parametrize("number", ["0", "0.0", "-0"])
def test_an_exponent_that_no_number_can_have_is_no_failure(number):
    leads = [("a", None, None, number), ("a", None, None, "1e-99999999999999999999")]
    assert find(leads, RETAINING, "largest") == {3: ("EXTERN_ID_REPEATED", 0)}


@pytest.mark.parametrize("keep", ["largest", "smallest"])
def test_it_is_told_where_some_values_are_numbers_and_others_not(keep):
    leads = [("a", None, None, "9"), ("a", None, None, "10"), ("b", None, None, "n/a"), ("b", None, None, "3")]
    leads += [("c", None, None, None), ("c", None, None, "inf")]
    notes = []
    find_duplicates(frame_of(leads), RETAINING, keep, notes)
    assert "compared as numbers, and what is none counts as no value: 2 of its 5 values" in notes[0]
    assert "the first in source_row 6." in notes[0]
    find_duplicates(frame_of([*leads, ("b", None, None, "x")]), RETAINING, keep, notes)
    assert "compared as text, in which 9 is larger than 10: 3 of its 6 values" in notes[1]


@pytest.mark.parametrize("values", [("2026-01-02", "2026-01-03"), ("9", "10.5"), ("9", None), (None, None), ("9", " ")])
def test_nothing_is_told_of_values_that_are_all_numbers_or_all_none(values):
    """The value of a row that repeats no other does not count."""
    leads = [*(("a", None, None, value) for value in values), ("b", None, None, "n/a"), ("c", None, None, "1")]
    notes = []
    find_duplicates(frame_of(leads), RETAINING, "largest", notes)
    assert notes == []


def test_blanks_that_nobody_sees_are_no_part_of_a_value():
    leads = [
        ("a", None, None, "\u200b9"),
        ("a", None, None, "10\ufeff"),
        ("b", None, None, "\u200b"),
        ("b", None, None, "0"),
    ]
    assert find(leads, RETAINING, "largest") == {0: ("EXTERN_ID_REPEATED", 3), 6: ("EXTERN_ID_REPEATED", 9)}


@pytest.mark.parametrize("keep", ["largest", "smallest"])
def test_of_equal_values_and_of_none_the_first_is_kept(keep):
    leads = [("a",), ("a",), ("b", None, None, "5"), ("b", None, None, "5.0"), ("c",), ("c", None, None, "0")]
    assert find(leads, RETAINING, keep) == {
        3: ("EXTERN_ID_REPEATED", 0),
        9: ("EXTERN_ID_REPEATED", 6),
        12: ("EXTERN_ID_REPEATED", 15),
    }


def test_a_national_number_and_its_e164_are_one():
    leads = [("a", None, "+12125550123"), ("b", "2125550123"), ("c", None, "+2125550123")]
    assert find(leads) == {3: ("PHONE_REPEATED", 0)}


def two_forms():
    """Pairs that share a number as text, in E.164 form beside another number, in both forms, and across forms."""
    one, two, three, abroad, other = *NUMBERS[:3], "+442079460958", "+442079460959"
    return [
        ("a", one, abroad, None),
        ("b", two, abroad, None),
        ("c", one, other, None),
        ("d", None, abroad, None),
        ("e", None, f"+1{three}", None),
        ("f", NUMBERS[3], f"+1{three}", None),
        ("g", f"{three}|{NUMBERS[4]}", None, None),
        ("h", NUMBERS[5], f"+1{NUMBERS[5]}", None),
    ]


@pytest.mark.parametrize("handling", REMOVING)
def test_every_number_of_a_lead_counts_in_either_form(handling):
    told = {3: 0, 6: 0, 9: 0, 15: 12, 18: 12}
    leads = two_forms()
    assert find(leads, handling) == {row: ("PHONE_REPEATED", kept) for row, kept in told.items()}
    assert find(leads, RETAINING) == {}
    for size in (1, 3, 100):
        assert hold(leads, handling, size) == {row // 3: ("PHONE_REPEATED", kept // 3) for row, kept in told.items()}
        assert pick_contested(frame_of(leads), handling, size)["externId"].to_list() == list("abcdefg")


def test_a_load_may_lack_either_number():
    frame = frame_of([("a", "2125550123", "+12125550123", None)] * 2).drop("rank_by")
    for names in (["leadPhone"], ["leadPhoneE164"], []):
        keys = RepeatedKeys(REMOVING[0])
        some = frame.select("source_row", "externId", *names)
        keys.add(some)
        assert keys.contested(some).to_list() == [True, True]
        other = some.with_columns(externId=pl.col("source_row").cast(pl.String))
        assert find_in(other) == ({3: ("PHONE_REPEATED", 0)} if names else {})


def test_a_row_set_aside_for_its_id_takes_no_number_from_another():
    one, two = NUMBERS[:2]
    assert find([("a", one), ("a", two), ("b", two)]) == {3: ("EXTERN_ID_REPEATED", 0)}


def test_a_row_set_aside_for_its_number_takes_no_other_number_along():
    one, two, three = NUMBERS[:3]
    assert find([("a", one), ("b", f"{one}|{two}"), ("c", f"{two}|{three}"), ("d", three)]) == {
        3: ("PHONE_REPEATED", 0),
        9: ("PHONE_REPEATED", 6),
    }


def test_a_row_set_aside_for_its_number_leaves_its_id_to_a_later_row():
    """Row 6 is the only one that can bring lead b into the dialer."""
    assert find([("a", NUMBERS[0]), ("b", NUMBERS[0]), ("b", NUMBERS[1])]) == {3: ("PHONE_REPEATED", 0)}


def test_the_same_id_is_named_before_the_same_number():
    assert find([("a", NUMBERS[0]), ("b", NUMBERS[1]), ("b", NUMBERS[0])]) == {6: ("EXTERN_ID_REPEATED", 3)}


def test_a_number_twice_in_one_row_is_no_repeat():
    leads = [("a", f"{NUMBERS[0]}|{NUMBERS[0]}", None, None), ("b", None, None, None), ("c", None, None, None)]
    assert find(leads) == {}
    assert not count_keys(frame_of(leads), REMOVING[0], 2).any


def test_no_rows_have_no_repeats():
    assert find([]) == {}
    keys = RepeatedKeys(REMOVING[0])
    assert not keys.any
    assert keys.contested(frame_of([])).to_list() == []


def test_no_chunk_is_taken_in_after_the_count():
    frame = frame_of([("a", NUMBERS[0], None, None)])
    keys = count_keys(frame, RETAINING, 1)
    assert not keys.any
    with pytest.raises(ValueError, match="add every chunk before asking"):
        keys.add(frame)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_long_chain_of_shared_numbers_is_settled(keep):
    """A round for each link would take hours."""
    length = 100_001
    number = pl.int_range(length, eager=True).cast(pl.Int64) + 2_000_000_000
    frame = pl.DataFrame(
        {
            "source_row": pl.int_range(length, eager=True, dtype=pl.UInt64),
            "externId": number.cast(pl.String),
            "leadPhone": number.cast(pl.String) + "|" + (number + 1).cast(pl.String),
        }
    )
    aside = find_duplicates(frame, REMOVING[0], keep)
    assert aside["source_row"].to_list() == list(range(1, length, 2))
    assert (aside["reason"] == "PHONE_REPEATED").all()

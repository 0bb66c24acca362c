"""Removes repeats while a load is gone through once, in source order, for the rule that the first row is kept.

Whether a row stays depends on the rows before it alone, so its chunk can be settled when it is read. What is held of
the rows that stay is 32 bytes each, whatever their ids are like. Keys are known by two hashes, more than 70 bits of
them; what the rows before have no part in is worked out apart, so that it can be done for several chunks at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import polars as pl

from transforms.duplicates import DUPLICATE_SCHEMA, PlacedTexts, mark, place_texts, settle, split_numbers
from transforms.vocabulary.options import DuplicateHandling

_SLOT_BITS: Final = 27
"""What is held is known by one of 2**27 bits, 16 MB, first: ids and numbers of a million rows fill 1.5 % of them."""

_FAN_IN: Final = 8
"""Chunks whose keys are put together once there are so many: each is looked into for every chunk after it."""

_ID_SEED, _NUMBER_SEED = 0, 2
"""Keys of two kinds are told apart by their hashes."""


@dataclass(frozen=True)
class Claims:
    """Which of a chunk's `rows` claim which ids and numbers: claims are numbered, those of `ids`, so many, first.

    `ranked` is sorted: the first hash of each claim, in whose lowest bits, below `size`, the claim's number stands. So
    repeats are side by side, slots are looked into in their order, and a key is found in few steps. `slots` are those
    of `ranked`, and `repeated` are those of `ranked` that begin like another, or nearly so. By number: `checks`, the
    second hash, of 32 bits, and `places`, the row, counted (u32) from the source row `first` on.
    """

    ranked: pl.Series
    size: int
    slots: pl.Series
    repeated: pl.Series
    checks: pl.Series
    places: pl.Series
    ids: int
    first: int
    rows: int


def claim_keys(leads: pl.DataFrame, valid: pl.Series, handling: DuplicateHandling) -> Claims:
    """Return what the `valid` rows of a chunk claim: their ids, and their numbers unless `handling` retains them all.

    `leads` has `source_row` (without gaps), `externId`, and `leadPhone`, `leadPhoneE164` where the load has them.
    """
    ids = leads.get_column("externId")
    kinds = [_hash_keys(place_texts(ids, valid), _ID_SEED)]
    if handling is not DuplicateHandling.RETAIN_ALL:
        kinds += [_hash_keys(numbers, _NUMBER_SEED) for numbers in split_numbers(leads, valid)]
    places, keys, checks = (pl.concat(columns, rechunk=True) for columns in zip(*kinds, strict=True))
    size = _size_of(keys.len())
    # More threads would take as long, and twice the time of a processor.
    ranked = _rank(keys, pl.int_range(keys.len(), dtype=pl.UInt64, eager=True), size).sort(multithreaded=False)
    return Claims(
        ranked,
        size,
        _low_bits(ranked // 2 ** (64 - _SLOT_BITS)),
        _repeated(ranked, size),
        checks,
        places,
        ids=kinds[0][0].len(),
        first=int(leads.item(0, "source_row")) if leads.height else 0,
        rows=leads.height,
    )


def _repeated(ranked: pl.Series, size: int) -> pl.Series:
    """Return those of `ranked` that begin like the one before or after, or nearly so."""
    near = ranked.slice(1) - ranked.head(max(ranked.len() - 1, 0)) < size
    if not near.any():
        return ranked.clear()
    no = pl.Series([False])
    return ranked.filter(pl.concat([near, no]) | pl.concat([no, near]))


def _hash_keys(texts: PlacedTexts, seed: int) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return of the texts wanted their places, and their two hashes."""
    # Hashing a text that is not wanted costs less than copying those that are.
    columns = texts.place, texts.text.hash(seed), _low_bits(texts.text.hash(seed + 1))
    place, key, check = (column.filter(texts.wanted) for column in columns)
    return place, key, check


def _rank(hashes: pl.Series, numbers: pl.Series, size: int) -> pl.Series:
    """Put numbers into the lowest bits of hashes, below `size`."""
    return hashes - hashes % size + numbers


def _low_bits(numbers: pl.Series) -> pl.Series:
    """Return the lowest 32 bits."""
    return numbers.cast(pl.UInt32, wrap_numerical=True)


@dataclass(frozen=True)
class _Piece:
    """Claims of rows that stay: `ranked` as in `Claims`; by number `checks` and `rows` (u32, from `first` on)."""

    ranked: pl.Series
    size: int
    checks: pl.Series
    rows: pl.Series
    first: int

    def find(self, asked: pl.Series, claims: Claims) -> Iterator[tuple[pl.Series, pl.Series]]:
        """Yield those of `asked`, of `claims.ranked`, that are held, and the source rows that hold them."""
        coarse = max(self.size, claims.size)
        begin = asked - asked % coarse
        at = self.ranked.search_sorted(begin)
        # Seldom more than twice: other keys whose hash begins alike are few.
        while True:
            asked, begin, at = _pick(at < self.ranked.len(), asked, begin, at)
            met = self.ranked[at]
            asked, begin, at, met = _pick(met - begin < coarse, asked, begin, at, met)
            if asked.is_empty():
                return
            number = _number_in(met, self.size)
            same = self.checks[number] == claims.checks[_number_in(asked, claims.size)]
            if same.any():
                yield asked.filter(same), self.rows[number.filter(same)].cast(pl.UInt64) + self.first
            asked, begin, at = _pick(~same, asked, begin, at + 1)


def _pick(mask: pl.Series, *columns: pl.Series) -> list[pl.Series]:
    return [column.filter(mask) for column in columns]


def _merge(pieces: Sequence[_Piece]) -> _Piece:
    """Return one piece of the claims of all, in their order."""
    size = _size_of(sum(piece.checks.len() for piece in pieces))
    first, before, ranked, rows = pieces[0].first, 0, [], []
    for piece in pieces:
        ranked.append(_rank(piece.ranked, piece.ranked % piece.size + before, size))
        rows.append(piece.rows + (piece.first - first))
        before += piece.checks.len()
    return _Piece(
        pl.concat(ranked).sort(multithreaded=False),
        size,
        pl.concat([piece.checks for piece in pieces]),
        pl.concat(rows),
        first,
    )


class HeldKeys:
    """The ids and numbers of the rows that stay, chunk by chunk; at most one row has each. Not for several threads."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._marks = pl.Series([False]).new_from_index(0, 2**_SLOT_BITS)
        self._unmarked = pl.Series(dtype=pl.UInt32)
        self._pieces: list[_Piece] = []
        self._merged: list[_Piece] = []

    def set_aside(self, claims: Claims) -> pl.DataFrame:
        """Return the rows of the next chunk to set aside, as `find_duplicates` does; the others are held hereafter."""
        asked = self._may_be_held(claims)
        pieces = chain(self._merged, self._pieces) if asked.len() else ()
        aside = _judge(claims, [held for piece in pieces for held in piece.find(asked, claims)])
        self._add(claims, aside.get_column("source_row"))
        return aside

    def _may_be_held(self, claims: Claims) -> pl.Series:
        """Return those of `claims.ranked` whose slots are marked."""
        # What the chunk before claims is marked only now: most loads are one chunk, and the memory is never touched.
        if self._unmarked.len():
            # Let go of first, the marks are put in where they are, else in a copy.
            marks, self._marks = self._marks, pl.Series(dtype=pl.Boolean)
            self._marks = marks.scatter(self._unmarked, values=True)
        return (
            claims.ranked.filter(self._marks[claims.slots]) if self._pieces or self._merged else claims.ranked.clear()
        )

    def _add(self, claims: Claims, aside: pl.Series) -> None:
        """Hold the keys of the claims but for those of the rows `aside`, of which marks alone do no harm."""
        self._unmarked, ranked = claims.slots, claims.ranked
        if aside.len():
            lost = mark(claims.rows, _low_bits(aside - claims.first))
            ranked = ranked.filter(~lost[claims.places][_number_in(ranked, claims.size)])
        if ranked.is_empty():
            return
        self._pieces.append(_Piece(ranked, claims.size, claims.checks, claims.places, claims.first))
        if len(self._pieces) == _FAN_IN:
            self._merged.append(_merge(self._pieces))
            self._pieces.clear()


def _judge(claims: Claims, found: Sequence[tuple[pl.Series, pl.Series]]) -> pl.DataFrame:
    """Return which rows to set aside of those that claim a key that was `found` or that others of the chunk claim."""
    if not found and claims.repeated.is_empty():
        return pl.DataFrame(schema=DUPLICATE_SCHEMA)
    held = [claim for claim, _ in found]
    contested = pl.concat([*held, claims.repeated]).unique()
    places = claims.places[_number_in(contested, claims.size)]
    # Holders are judged along: they come first, so they stay.
    rows = pl.concat([*(holder for _, holder in found), places.cast(pl.UInt64) + claims.first])
    claim = pl.concat([*held, contested])
    number = _number_in(claim, claims.size)
    # Those whose hashes are the same claim the same key.
    hashes = pl.DataFrame({"begin": claim - claim % claims.size, "check": claims.checks[number]})
    key = hashes.with_row_index("key").select(pl.col("key").min().over("begin", "check")).to_series()
    source_row = rows.unique().sort()
    return settle(source_row.search_sorted(rows), key, number >= claims.ids, source_row)


def _number_in(ranked: pl.Series, size: int) -> pl.Series:
    return _low_bits(ranked % size)


def _size_of(claims: int) -> int:
    return int(2 ** max(claims - 1, 1).bit_length())

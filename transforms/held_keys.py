"""Removes repeats while a load is gone through once, in source order, for the rule that the first row is kept.

Whether a row stays depends on the rows before it alone, so its chunk can be settled when it is read. What is held of
the rows that stay is 32 bytes each, whatever their ids are like. Keys are known by two hashes, more than 70 bits of
them; what the rows before have no part in is worked out apart, so that it can be done for several chunks at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import polars as pl

from transforms.duplicates import DUPLICATE_SCHEMA, mark, settle, split_numbers
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
    of `ranked`, and `repeated` are those of `ranked` that begin like another. By number: `checks`, the second hash, of
    32 bits, and `places`, the row, counted (u32) from the source row `first` on.
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
    ids = leads.get_column("externId").alias("text").to_frame().with_row_index("place")
    kinds = [_hash_keys(ids.filter(valid & ids.get_column("text").is_not_null()), _ID_SEED)]
    if handling is not DuplicateHandling.RETAIN_ALL:
        kinds.append(_hash_keys(split_numbers(leads, valid), _NUMBER_SEED))
    claims = pl.concat(kinds, rechunk=True)
    size = _size_of(claims.height)
    ranked = _rank(claims.get_column("key"), pl.int_range(claims.height, dtype=pl.UInt64, eager=True), size).sort()
    slots: pl.Series = ranked // 2 ** (64 - _SLOT_BITS)
    return Claims(
        ranked,
        size,
        slots.cast(pl.UInt32),
        _repeated(ranked - ranked % size, ranked),
        claims.get_column("check"),
        claims.get_column("place"),
        ids=kinds[0].height,
        first=int(leads.item(0, "source_row")) if leads.height else 0,
        rows=leads.height,
    )


def _repeated(begin: pl.Series, ranked: pl.Series) -> pl.Series:
    """Return those of `ranked` whose `begin` is also that of the one before or after."""
    alike = begin.head(max(begin.len() - 1, 0)) == begin.slice(1)
    if not alike.any():
        return ranked.clear()
    no = pl.Series([False])
    return ranked.filter(pl.concat([alike, no]) | pl.concat([no, alike]))


def _hash_keys(claims: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return `place`, and the two hashes `key` and `check` of `text`."""
    text = pl.col("text")
    check = (text.hash(seed + 1) // 2**32).cast(pl.UInt32)
    return claims.select_seq("place", text.hash(seed).alias("key"), check.alias("check"))


def _rank(hashes: pl.Series, numbers: pl.Series, size: int) -> pl.Series:
    """Put numbers into the lowest bits of hashes, below `size`."""
    return hashes - hashes % size + numbers


_FOUND: Final = pl.Schema({"claim": pl.UInt64, "holder": pl.UInt64})


@dataclass(frozen=True)
class _Piece:
    """Claims of rows that stay: `ranked` as in `Claims`; by number `checks` and `rows` (u32, from `first` on)."""

    ranked: pl.Series
    size: int
    checks: pl.Series
    rows: pl.Series
    first: int

    def find(self, asked: pl.Series, claims: Claims) -> pl.DataFrame:
        """Return `claim`, one of `asked`, of `claims.ranked`, and `holder`, a source row, where it is held."""
        coarse = max(self.size, claims.size)
        begin, checks = asked - asked % coarse, claims.checks[_number_in(asked, claims.size)]
        turn, at = pl.int_range(asked.len(), dtype=pl.UInt32, eager=True), self.ranked.search_sorted(begin)
        found = [pl.DataFrame(schema=_FOUND)]
        # Seldom more than twice: other keys whose hash begins alike are few.
        while turn.len():
            there = at < self.ranked.len()
            turn, at = turn.filter(there), at.filter(there)
            met = self.ranked[at]
            number = _number_in(met, self.size)
            alike = met - begin[turn] < coarse
            same = alike & (self.checks[number] == checks[turn])
            holder = self.rows[number.filter(same)].cast(pl.UInt64) + self.first
            found.append(pl.DataFrame([asked[turn.filter(same)].alias("claim"), holder.alias("holder")]))
            turn, at = turn.filter(alike & ~same), at.filter(alike & ~same) + 1
        return pl.concat(found)


def _merge(pieces: Sequence[_Piece]) -> _Piece:
    """Return one piece of the claims of all, in their order."""
    size = _size_of(sum(piece.checks.len() for piece in pieces))
    first, before, ranked, rows = pieces[0].first, 0, [], []
    for piece in pieces:
        ranked.append(_rank(piece.ranked, piece.ranked % piece.size + before, size))
        rows.append(piece.rows + (piece.first - first))
        before += piece.checks.len()
    return _Piece(pl.concat(ranked).sort(), size, pl.concat([piece.checks for piece in pieces]), pl.concat(rows), first)


class HeldKeys:
    """The ids and numbers of the rows that stay, chunk by chunk; at most one row has each. Not for several threads."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._slots = pl.Series([False]).new_from_index(0, 2**_SLOT_BITS)
        self._pieces: list[_Piece] = []
        self._merged: list[_Piece] = []

    def set_aside(self, claims: Claims) -> pl.DataFrame:
        """Return the rows of the next chunk to set aside, as `find_duplicates` does; the others are held hereafter."""
        asked = claims.ranked.filter(self._slots[claims.slots])
        pieces = chain(self._merged, self._pieces) if asked.len() else ()
        found = [pl.DataFrame(schema=_FOUND), *(piece.find(asked, claims) for piece in pieces)]
        aside = _judge(claims, pl.concat(found))
        self._add(claims, aside.get_column("source_row"))
        return aside

    def _add(self, claims: Claims, aside: pl.Series) -> None:
        """Hold the keys of the claims but for those of the rows `aside`."""
        ranked, slots = claims.ranked, claims.slots
        if aside.len():
            lost = mark(claims.rows, (aside - claims.first).cast(pl.UInt32))
            stay = ~lost[claims.places][_number_in(ranked, claims.size)]
            ranked, slots = ranked.filter(stay), slots.filter(stay)
        if ranked.is_empty():
            return
        # Let go of first, the marks are put in where they are, else in a copy.
        marks, self._slots = self._slots, pl.Series(dtype=pl.Boolean)
        self._slots = marks.scatter(slots, values=True)
        self._pieces.append(_Piece(ranked, claims.size, claims.checks, claims.places, claims.first))
        if len(self._pieces) == _FAN_IN:
            self._merged.append(_merge(self._pieces))
            self._pieces.clear()


def _judge(claims: Claims, found: pl.DataFrame) -> pl.DataFrame:
    """Return which rows to set aside of those that claim a key that was `found` or that others of the chunk claim."""
    if found.is_empty() and claims.repeated.is_empty():
        return pl.DataFrame(schema=DUPLICATE_SCHEMA)
    # Holders are judged along: they come first, so they stay.
    claimed, holder = found.get_columns()
    contested = pl.concat([claimed, claims.repeated]).unique()
    places = claims.places[_number_in(contested, claims.size)]
    rows = pl.concat([holder, places.cast(pl.UInt64) + claims.first])
    claim = pl.concat([claimed, contested])
    number = _number_in(claim, claims.size)
    # Those whose hashes are the same claim the same key.
    hashes = pl.DataFrame({"begin": claim - claim % claims.size, "check": claims.checks[number]})
    key = hashes.with_row_index("key").select(pl.col("key").min().over("begin", "check")).to_series()
    source_row = rows.unique().sort()
    return settle(source_row.search_sorted(rows), key, number >= claims.ids, source_row)


def _number_in(ranked: pl.Series, size: int) -> pl.Series:
    return (ranked % size).cast(pl.UInt32)


def _size_of(claims: int) -> int:
    return int(2 ** max(claims - 1, 1).bit_length())

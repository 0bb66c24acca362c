"""Removes repeats while a load is gone through once, in source order, for the rule that the first row is kept.

Whether a row stays depends on the rows before it alone, so its chunk can be settled when it is read. What is held of
the rows that stay is 32 bytes each, whatever their ids are like.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import polars as pl

from transforms.duplicates import DUPLICATE_SCHEMA, find_duplicates, split_numbers
from transforms.vocabulary.options import DuplicateHandling

_SLOT_BITS: Final = 26
"""What is held is known by one of 2**26 bits, 8 MB, first: a million keys fill 1.5 % of them."""

_FAN_IN: Final = 8
"""Chunks whose keys are put together once there are so many: each is looked into for every chunk after it."""


class HeldKeys:
    """The ids and numbers of the rows that stay, chunk by chunk. Not for several threads at once."""

    def __init__(self, handling: DuplicateHandling) -> None:
        """Look at numbers too unless `handling` retains them all."""
        self._handling = handling
        self._ids = _Held()
        self._numbers = None if handling is DuplicateHandling.RETAIN_ALL else _Held()

    def set_aside(self, leads: pl.DataFrame, valid: pl.Series) -> pl.DataFrame:
        """Return the rows of a chunk to set aside, as `find_duplicates` does; the others are held from here on.

        `leads` has `source_row` (ascending over all chunks), `externId`, and `leadPhone`, `leadPhoneE164` where the
        load has them; only its `valid` rows take part.
        """
        ids = leads.get_column("externId").alias("text").to_frame().with_row_index("place")
        claims = {"externId": (self._ids, _Claims(ids.filter(valid & ids.get_column("text").is_not_null())))}
        if self._numbers is not None:
            claims["leadPhone"] = (self._numbers, _Claims(split_numbers(leads, valid)))
        rows = leads.get_column("source_row")
        contested = {name: held.contest(claimed) for name, (held, claimed) in claims.items()}
        aside = self._judge(leads, rows, contested)
        lost = rows.is_in(aside.get_column("source_row").implode()) if aside.height else None
        for held, claimed in claims.values():
            held.add(claimed, rows, lost)
        return aside

    def _judge(self, leads: pl.DataFrame, rows: pl.Series, contested: dict[str, pl.DataFrame]) -> pl.DataFrame:
        """Judge the contested rows of a chunk together with the rows before it that hold one of their keys."""
        places = pl.concat([claims.get_column("place") for claims in contested.values()]).unique().sort()
        if places.is_empty():
            return pl.DataFrame(schema=DUPLICATE_SCHEMA)
        ours = pl.DataFrame(
            {"source_row": rows.gather(places), "externId": leads.get_column("externId").gather(places)}
        )
        keys = [name for name in contested if name != "externId"]
        for name in keys:
            texts = contested[name].group_by("place").agg(pl.col("text").unique().str.join("|").alias(name))
            ours = ours.with_columns(
                pl.DataFrame({"place": places}).join(texts, on="place", how="left", maintain_order="left")[name]
            )
        holders = pl.concat(
            [
                claims.drop_nulls("holder").select(
                    pl.col("holder").alias("source_row"), pl.lit(name).alias("name"), "text"
                )
                for name, claims in contested.items()
            ]
        )
        earlier = holders.group_by("source_row").agg(
            pl.col("text").filter(pl.col("name") == name).unique().str.join("|").replace("", None).alias(name)
            for name in contested
        )
        judged = find_duplicates(pl.concat([earlier.sort("source_row"), ours.select(earlier.columns)]), self._handling)
        return judged.filter(pl.col("source_row") >= rows.item(0))


class _Claims:
    """Which rows of a chunk claim which keys of one kind, each key known by two hashes.

    `ranked` is sorted: the first hash of each claim, in whose lowest bits, below `size`, the claim's number stands. So
    repeats are side by side, slots are looked into in their order, and a key is found in few steps.
    """

    def __init__(self, claims: pl.DataFrame) -> None:
        """Take claims of `place` (the row's in its chunk, u32) and `text`."""
        self._claims = claims
        self.size = _size_of(claims.height)
        number = pl.int_range(claims.height, dtype=pl.UInt64, eager=True)
        self.ranked = (claims.get_column("text").hash() // self.size * self.size + number).sort()

    def checks(self) -> pl.Series:
        """Return the second hash of each claim, of 32 bits."""
        return _check_of(self._claims.get_column("text"))

    def places(self) -> pl.Series:
        """Return the row of each claim."""
        return self._claims.get_column("place")

    def repeated(self) -> pl.Series:
        """Return the claims that share a key, and any whose first hashes begin alike."""
        key = self.ranked // self.size
        first = (key.head(max(key.len() - 1, 0)) == key.slice(1)).arg_true()
        return self.ranked.gather(pl.concat([first, first + 1]).unique()) % self.size

    def pick(self, numbers: pl.Series) -> pl.DataFrame:
        """Return `claim`, `place`, `text`, `key` and `check` of the claims of those numbers."""
        picked = self._claims[numbers]
        text = picked.get_column("text")
        return picked.with_columns(numbers.alias("claim"), text.hash().alias("key"), _check_of(text).alias("check"))

    def stayers(self, lost: pl.Series | None) -> pl.Series:
        """Return what is `ranked` but for the claims of rows that are `lost`."""
        if lost is None:
            return self.ranked
        return self.ranked.filter(~lost.gather(self.places()).gather(self.ranked % self.size))


@dataclass(frozen=True)
class _Piece:
    """Claims of rows that stay: `ranked` as in `_Claims`; by number `checks` and `rows` (u32, from `first` on)."""

    ranked: pl.Series
    size: int
    checks: pl.Series
    rows: pl.Series
    first: int

    def find(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return `claim` and `holder` (a source row) of those of `asked` whose key is held here."""
        begin = asked.get_column("key") // self.size * self.size
        at = self.ranked.search_sorted(begin)
        end = self.ranked.search_sorted(begin + (self.size - 1), "right")
        met = asked.select("claim", "check", at.alias("at"), end.alias("end")).filter(end > at)
        met = met.with_columns(pl.int_ranges("at", "end").alias("at")).explode("at")
        number = self.ranked.gather(met.get_column("at")) % self.size
        holder = self.rows.gather(number).cast(pl.UInt64) + self.first
        same = met.get_column("check") == self.checks.gather(number)
        return met.select("claim", holder.alias("holder")).filter(same)


def _merge(pieces: Sequence[_Piece]) -> _Piece:
    """Return one piece of the claims of all, in their order."""
    size = _size_of(sum(piece.checks.len() for piece in pieces))
    first, before, ranked, rows = pieces[0].first, 0, [], []
    for piece in pieces:
        ranked.append(piece.ranked // size * size + (piece.ranked % piece.size + before))
        rows.append(piece.rows + (piece.first - first))
        before += piece.checks.len()
    return _Piece(pl.concat(ranked).sort(), size, pl.concat([piece.checks for piece in pieces]), pl.concat(rows), first)


class _Held:
    """Who holds a key of one kind: at most one row, the first that has it and stays."""

    def __init__(self) -> None:
        self._slots = pl.Series([False]).new_from_index(0, 2**_SLOT_BITS)
        self._pieces: list[_Piece] = []
        self._merged: list[_Piece] = []

    def contest(self, claims: _Claims) -> pl.DataFrame:
        """Return `place`, `text` and `holder` of the claims to keys that are held or claimed several times.

        A few others may be among them, where hashes begin alike.
        """
        known = claims.ranked.filter(self._slots.gather(_slot_of(claims.ranked))) % claims.size
        asked = claims.pick(known)
        found = [piece.find(asked) for piece in chain(self._merged, self._pieces)] if known.len() else []
        holders = pl.concat([pl.DataFrame(schema={"claim": pl.UInt64, "holder": pl.UInt64}), *found])
        wanted = pl.concat([holders.get_column("claim"), claims.repeated()]).unique().sort()
        contested = claims.pick(wanted).join(holders, on="claim", how="left", maintain_order="left")
        return contested.select("place", "text", "holder")

    def add(self, claims: _Claims, rows: pl.Series, lost: pl.Series | None) -> None:
        """Hold the keys of the claims, whose places are among `rows`, but for rows that are `lost`."""
        stay = claims.stayers(lost)
        if stay.is_empty():
            return
        # Let go of first, the marks are put in where they are, else in a copy.
        slots, self._slots = self._slots, pl.Series(dtype=pl.Boolean)
        self._slots = slots.scatter(_slot_of(stay), values=True)
        self._pieces.append(_Piece(stay, claims.size, claims.checks(), claims.places(), int(rows.item(0))))
        if len(self._pieces) == _FAN_IN:
            self._merged.append(_merge(self._pieces))
            self._pieces.clear()


def _size_of(claims: int) -> int:
    return int(2 ** max(claims - 1, 1).bit_length())


def _check_of(texts: pl.Series) -> pl.Series:
    return (texts.hash(seed=1) // 2**32).cast(pl.UInt32)


def _slot_of(hashes: pl.Series) -> pl.Series:
    slots: pl.Series = hashes // 2 ** (64 - _SLOT_BITS)
    return slots.cast(pl.UInt32)

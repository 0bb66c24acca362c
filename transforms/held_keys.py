"""Removes repeats while a load is gone through once, in source order, for the rule that the first row is kept.

Whether a row stays depends on the rows before it alone, so its chunk can be settled when it is read. What is held of
the rows that stay is 28 bytes each, whatever their ids are like.
"""

from typing import Final

import polars as pl

from transforms.duplicates import DUPLICATE_SCHEMA, find_duplicates, split_numbers
from transforms.vocabulary.options import DuplicateHandling

_SLOT_BITS: Final = 26
"""What is held is known by one of 2**26 bits, 8 MB, first: a million keys fill 1.5 % of them."""

_ABROAD: Final = 10**15
"""Sets an E.164 number, of at most 15 digits, apart from a national one with the same digits."""


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
        ids = leads.get_column("externId")
        claims = {"externId": (self._ids, _claims_of_ids(ids, valid & ids.is_not_null()))}
        if self._numbers is not None:
            claims["leadPhone"] = (self._numbers, _claims_of_numbers(split_numbers(leads, valid)))
        rows = leads.get_column("source_row")
        contested = {name: held.contest(claimed) for name, (held, claimed) in claims.items()}
        aside = self._judge(leads, rows, contested)
        lost = rows.is_in(aside.get_column("source_row").implode()) if aside.height else None
        for held, claimed in claims.values():
            held.add(claimed if lost is None else claimed.filter(~lost.gather(claimed.get_column("place"))), rows)
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


class _Held:
    """Who holds a key of one kind: at most one row, the first that has it and stays."""

    def __init__(self) -> None:
        self._slots = pl.Series([False]).new_from_index(0, 2**_SLOT_BITS)
        self._pieces: list[tuple[int, pl.DataFrame]] = []

    def contest(self, claims: pl.DataFrame) -> pl.DataFrame:
        """Return the claims to keys that are held or claimed several times, and some more, with their `holder`."""
        slots = _slot_of(claims)
        follows = self._slots.gather(slots) | ~slots.is_first_distinct()
        if not follows.any():
            return claims.head(0).with_columns(pl.lit(None, pl.UInt64).alias("holder"))
        wanted = claims.filter(claims.get_column("key").is_in(claims.get_column("key").filter(follows).implode()))
        keys = wanted.get_column("key").unique().implode()
        found = [
            piece.filter(pl.col("key").is_in(keys)).with_columns(pl.col("place").cast(pl.UInt64) + first)
            for first, piece in self._pieces
        ]
        none = claims.head(0).select("key", "check", pl.col("place").cast(pl.UInt64))
        holders = pl.concat([none, *found]).rename({"place": "holder"})
        return wanted.join(holders, on=["key", "check"], how="left", maintain_order="left")

    def add(self, claims: pl.DataFrame, rows: pl.Series) -> None:
        """Hold the keys of `claims`, whose places are among `rows`."""
        if claims.is_empty():
            return
        # Let go of first, the marks are put in where they are, else in a copy.
        slots, self._slots = self._slots, pl.Series(dtype=pl.Boolean)
        self._slots = slots.scatter(_slot_of(claims), values=True)
        self._pieces.append((int(rows.item(0)), claims.select("key", "check", "place")))


def _claims_of_ids(ids: pl.Series, wanted: pl.Series) -> pl.DataFrame:
    """Return `place`, `key`, `check`, `text` of the wanted ids; key and check are 96 bits of hash: enough for all."""
    check = (ids.hash(seed=1) // 2**32).cast(pl.UInt32)
    claims = pl.DataFrame([ids.hash().alias("key"), check.alias("check"), ids.alias("text")])
    return claims.with_row_index("place").filter(wanted)


def _claims_of_numbers(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return `place`, `key`, `check`, `text` of `place` and `text`; the key is the number itself."""
    text = pl.col("text")
    digits = text.str.strip_prefix("+").cast(pl.UInt64)
    key = pl.when(text.str.starts_with("+")).then(digits + _ABROAD).otherwise(digits)
    return numbers.select("place", key.alias("key"), pl.lit(0, pl.UInt32).alias("check"), "text")


def _slot_of(claims: pl.DataFrame) -> pl.Series:
    slots: pl.Series = claims.get_column("key").hash() // 2 ** (64 - _SLOT_BITS)
    return slots.cast(pl.UInt32)

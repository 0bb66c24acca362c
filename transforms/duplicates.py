"""Removes repeats across the whole load, so that cutting it into requests does not change its meaning.

RingCX compares numbers within one request; a load is many. `externId` is our key for finding a lead again, so it is
one to a load under every mode; numbers are compared as the chosen `duplicateHandling` says.
"""

from typing import Final

import polars as pl

from transforms.vocabulary.options import DuplicateHandling
from transforms.vocabulary.reasons import Reason

DUPLICATE_SCHEMA = pl.Schema({"source_row": pl.UInt64, "reason": pl.String, "kept_row": pl.UInt64})

_REASONS: Final = pl.Enum([Reason.EXTERN_ID_REPEATED.value, Reason.PHONE_REPEATED.value])
"""Why a row is set aside, the reason that is named before the other first."""


def find_duplicates(keys: pl.DataFrame, handling: DuplicateHandling) -> pl.DataFrame:
    """Return the rows to set aside: `source_row`, `reason`, `kept_row` (the row that stays in its place).

    `keys` has `source_row` (ascending), `externId` and `numbers` (list of text, as dialled) of the valid rows.
    The first row in source order stays. A row set aside never sets another aside.
    """
    ids = keys.select("source_row", pl.col("externId").alias("key"))
    contested = _find_contested(ids, Reason.EXTERN_ID_REPEATED)
    if handling is not DuplicateHandling.RETAIN_ALL:
        numbers = keys.select("source_row", pl.col("numbers").alias("key")).explode("key")
        contested = pl.concat([contested, _find_contested(numbers, Reason.PHONE_REPEATED)])
    aside = _find_losers(contested)
    held = contested.join(aside, on="source_row", how="anti").rename({"source_row": "kept_row"})
    lost = contested.join(aside, on="source_row", how="semi").join(held, on=["reason", "key"])
    # A later row may hold what this one would have held, had it stayed: that is no reason.
    named = lost.filter(pl.col("kept_row") < pl.col("source_row")).sort("source_row", "reason", "kept_row")
    return (
        named.unique("source_row", keep="first", maintain_order=True).select(*DUPLICATE_SCHEMA).cast(DUPLICATE_SCHEMA)
    )


def _find_contested(keys: pl.DataFrame, reason: Reason) -> pl.DataFrame:
    """Return the keys that are there more than once, with their rows; a row alone at its keys needs no judging."""
    shared = keys.drop_nulls().filter(pl.len().over("key") > 1).unique()
    return shared.select("source_row", pl.lit(reason.value, _REASONS).alias("reason"), "key")


def _find_losers(contested: pl.DataFrame) -> pl.DataFrame:
    """Return the `source_row` of rows that share a key with an earlier row that stays.

    A row may have several keys, so whether it stays depends on whether the rows before it stay. Each round settles
    the rows that come first at all their keys and those that these displace; rounds go on until none is left.
    """
    losers = [pl.DataFrame(schema={"source_row": pl.UInt64})]
    while contested.height:
        beaten = contested.filter(pl.col("source_row") > pl.col("source_row").min().over("reason", "key"))
        stays = contested.join(beaten, on="source_row", how="anti")
        others = contested.join(stays, on="source_row", how="anti")
        losers.append(others.join(stays, on=["reason", "key"], how="semi").select("source_row").unique())
        contested = others.join(losers[-1], on="source_row", how="anti")
    return pl.concat(losers)

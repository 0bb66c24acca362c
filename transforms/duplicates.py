"""Removes repeats across the whole load, so that cutting it into requests does not change its meaning.

RingCX compares numbers within one request; a load is many. `externId` is our key for finding a lead again, so it is
one to a load under every mode; numbers are compared as the chosen `duplicateHandling` says.
"""

import polars as pl

from transforms.vocabulary.options import DuplicateHandling
from transforms.vocabulary.reasons import Reason

DUPLICATE_SCHEMA = pl.Schema({"source_row": pl.UInt64, "reason": pl.String, "kept_row": pl.UInt64})


def find_duplicates(keys: pl.DataFrame, handling: DuplicateHandling) -> pl.DataFrame:
    """Return the rows to set aside: `source_row`, `reason`, `kept_row` (the row that stays in its place).

    `keys` has `source_row` (ascending), `externId` and `numbers` (list of text, as dialled) of the valid rows.
    The first row in source order stays. A row set aside never sets another aside.
    """
    first = keys.with_columns(pl.col("source_row").first().over("externId").alias("kept_row"))
    same_id = first.filter(pl.col("source_row") != pl.col("kept_row"))
    repeated = _as_duplicates(same_id, Reason.EXTERN_ID_REPEATED)
    if handling is DuplicateHandling.RETAIN_ALL:
        return repeated
    rest = keys.join(same_id, on="source_row", how="anti", maintain_order="left")
    return pl.concat([repeated, _as_duplicates(_repeated_numbers(rest), Reason.PHONE_REPEATED)])


def _as_duplicates(rows: pl.DataFrame, reason: Reason) -> pl.DataFrame:
    return rows.select("source_row", pl.lit(reason.value).alias("reason"), "kept_row").cast(DUPLICATE_SCHEMA)


def _repeated_numbers(keys: pl.DataFrame) -> pl.DataFrame:
    """Return rows that share a number with an earlier row that stays: `source_row`, `kept_row`.

    A lead may have several numbers, so whether a row stays depends on whether the rows before it stay. Each round
    settles the rows that come first at all their numbers and what these displace; rounds go on until none is left.
    """
    numbers = keys.select("source_row", "numbers").explode("numbers").drop_nulls().unique(maintain_order=True)
    shared = numbers.filter(pl.len().over("numbers") > 1)
    # Alone at each of its numbers a row stays and displaces nobody: only rows that share one need rounds.
    open_rows = numbers.join(shared.select("source_row").unique(), on="source_row", how="semi", maintain_order="left")
    displaced: list[pl.DataFrame] = []
    while open_rows.height:
        open_rows = open_rows.with_columns(pl.col("source_row").min().over("numbers").alias("first_row"))
        stays = (
            open_rows.group_by("source_row")
            .agg((pl.col("first_row") == pl.col("source_row")).all().alias("stays"))
            .filter("stays")
            .select("source_row")
        )
        held = open_rows.join(stays, on="source_row", how="semi").select(
            "numbers", pl.col("source_row").alias("kept_row")
        )
        loses = (
            open_rows.join(stays, on="source_row", how="anti")
            .join(held, on="numbers", how="inner")
            .group_by("source_row")
            .agg(pl.col("kept_row").min())
        )
        displaced.append(loses)
        open_rows = open_rows.join(stays, on="source_row", how="anti").join(loses, on="source_row", how="anti")
    empty = pl.DataFrame(schema={"source_row": pl.UInt64, "kept_row": pl.UInt64})
    return pl.concat([empty, *displaced]).sort("source_row")

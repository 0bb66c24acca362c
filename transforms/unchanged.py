"""Tells which leads were loaded before just as they are now, from digests of 16 bytes a lead.

Two leads are the same if every field that is sent is: a field that is empty counts as one that is not sent. A time zone
that was derived is compared as a zone, for its name in a request changes with the season.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import polars as pl

from transforms.vocabulary.outcomes import Outcome

KNOWN_SCHEMA: Final = pl.Schema(
    {
        "id_key": pl.UInt64(),
        "value_key": pl.UInt64(),
        "leadId": pl.Int64(),
        "listId": pl.Int64(),
        "run_id": pl.Categorical(),
    }
)
"""What is held of a lead that was loaded before: 36 bytes."""

SAME_SCHEMA: Final = pl.Schema({"source_row": pl.UInt64, "leadId": pl.Int64, "listId": pl.Int64, "run_id": pl.String})
"""What is told of a lead that is the same now: its row, its place in RingCX, and the run that loaded it."""

ZONE_COLUMNS: Final = ("time_zone", "time_zone_source")
"""The evidence that `digest_leads` looks at beside the lead's own fields."""

_ID_SEED: Final = 20_261_121


def digest_ids(ids: pl.Expr) -> pl.Expr:
    """Return the digest by which a lead's externId is known."""
    return ids.hash(_ID_SEED).alias("id_key")


def digest_leads(leads: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Return `leads` without `fields` and `ZONE_COLUMNS`, which it holds, and with `id_key` and `value_key`."""
    values = [_digest(_zone() if name == "leadTimezone" else pl.col(name).cast(pl.String), name) for name in fields]
    value = values[0]
    for other in values[1:]:
        value ^= other
    kept = [name for name in leads.columns if name not in {*fields, *ZONE_COLUMNS}]
    return leads.select(*kept, digest_ids(pl.col("externId")), value.alias("value_key"))


def _zone() -> pl.Expr:
    derived = pl.col("time_zone_source").cast(pl.String) != "source"
    named = pl.when(derived.fill_null(value=False)).then(pl.col("time_zone").cast(pl.String))
    sent = pl.col("leadTimezone").cast(pl.String)
    return pl.when(sent.is_not_null()).then(pl.coalesce(named, sent))


def _digest(text: pl.Expr, name: str) -> pl.Expr:
    """Return the digest of a field's value under its name; 0 where it is not sent."""
    return pl.when(text.is_not_null()).then(text.hash(crc32(name.encode()))).otherwise(pl.lit(0, pl.UInt64))


class LoadedBefore:
    """The leads of earlier loads, of each the newest."""

    def __init__(self) -> None:
        """Know no lead yet."""
        self._known = pl.DataFrame(schema=KNOWN_SCHEMA)

    def leave_out_known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the `rows` (with `id_key`) whose ids no newer load has."""
        return rows.join(self._known.select("id_key"), on="id_key", how="anti", maintain_order="left")

    def add(self, leads: pl.DataFrame) -> None:
        """Take in leads in the shape of `KNOWN_SCHEMA`, with ids that are not known yet: go from new loads to old."""
        self._known = pl.concat([self._known, leads.select(KNOWN_SCHEMA.names()).cast(KNOWN_SCHEMA)], rechunk=True)

    def find_same(self, leads: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
        """Return those of `leads` (`source_row`, `fields` and `ZONE_COLUMNS`) that were loaded just so."""
        digests = digest_leads(leads, fields).select("source_row", "id_key", "value_key")
        same = digests.join(self._known, on=["id_key", "value_key"], how="inner")
        return same.select(SAME_SCHEMA.names()).cast(SAME_SCHEMA).sort("source_row")


@dataclass(frozen=True)
class EarlierLoads:
    """The leads that earlier runs have in RingCX, and what a person should know of runs that cannot tell."""

    leads: LoadedBefore
    notes: tuple[str, ...]


def tell_unchanged(verdicts: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """Return `verdicts` with the outcome of the rows of `same` (`SAME_SCHEMA`): not sent again, and where they are."""
    rows = verdicts.join(same, on="source_row", how="left", maintain_order="left", suffix="_before")
    is_same = pl.col("run_id").is_not_null()
    told = rows.with_columns(
        pl.when(is_same)
        .then(pl.lit(Outcome.UNCHANGED.value, verdicts.schema["outcome"]))
        .otherwise("outcome")
        .alias("outcome"),
        pl.when(is_same).then(pl.format("loaded before, by the run {}", "run_id")).otherwise("detail").alias("detail"),
        *(pl.coalesce(f"{name}_before", name).alias(name) for name in ("leadId", "listId")),
    )
    return told.select(verdicts.columns)

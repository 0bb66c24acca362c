"""Keeps the books: one outcome for each source row."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.lead_rules import REASONS
from transforms.preparing import EVIDENCE_COLUMNS
from transforms.text import put
from transforms.vocabulary.outcomes import Outcome

OUTCOME_COLUMNS: Final = (
    "source_row",
    "externId",
    "leadPhone",
    "outcome",
    "reason",
    "detail",
    "batch_id",
    "leadId",
    "listId",
    "leadState",
    *EVIDENCE_COLUMNS,
    "leadTimezone",
    "leadPhoneE164",
    "state",
    "note",
    "lead_time_zone",
    "arrived_differently",
)

TOLD_COLUMNS: Final = ("externId", "leadPhone", "leadPhoneE164", "leadTimezone", "state")
"""Fields of a lead that its outcome repeats."""

NEVER_SENT: Final = (Outcome.REJECTED.value, Outcome.DUPLICATE.value, Outcome.UNCHANGED.value)

NOT_LOADED: Final = tuple(outcome.value for outcome in Outcome if outcome not in {Outcome.LOADED, Outcome.UNCHANGED})

_OUTCOMES: Final = pl.Enum(Outcome)
_REASONS: Final = pl.Enum(list(REASONS))
_NO_TEXT: Final = pl.Enum([])
"""Texts that are known beforehand; as categories they are made and written several times as fast."""

_OF_A_SEARCH: Final = {
    "batch_id": pl.String,
    "leadId": pl.Int64,
    "listId": pl.Int64,
    "leadState": pl.String,
    "lead_time_zone": pl.String,
    "arrived_differently": pl.String,
}
"""What only sending and searching can fill in."""


def give_verdicts(prepared: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each row of `prepared` (a chunk without gaps), in order, with `OUTCOME_COLUMNS`.

    `duplicates` names the rows set aside for others, over the whole load. A sound row counts as not sent. Columns whose
    texts are all known beforehand are categories.
    """
    columns = set(prepared.columns)
    absent = [name for name in ("leadPhone", "leadPhoneE164", "state") if name not in columns]
    outcome = pl.when(pl.col("reason").is_null()).then(_code(Outcome.NOT_SENT)).otherwise(_code(Outcome.REJECTED))
    verdicts = prepared.with_columns(
        *(_absent(name, _NO_TEXT) for name in absent),
        *(_absent(name, _NO_TEXT if dtype == pl.String else dtype) for name, dtype in _OF_A_SEARCH.items()),
        outcome.alias("outcome"),
        pl.coalesce([name for name in ("row_place", "note") if name in columns]).alias("detail"),
    ).select(OUTCOME_COLUMNS)
    aside = _of_chunk(prepared, duplicates)
    if aside.height:
        place = aside.get_column("place")
        kept = aside.select(pl.format("source_row {} is kept", "kept_row")).to_series()
        duplicate = aside.select(_code(Outcome.DUPLICATE)).to_series().new_from_index(0, aside.height)
        verdicts = verdicts.with_columns(
            put(verdicts.get_column("outcome"), place, duplicate),
            put(verdicts.get_column("reason"), place, aside.get_column("reason")),
            put(verdicts.get_column("detail"), place, kept),
        )
    return verdicts.with_columns(pl.col("outcome").cat.to(_OUTCOMES), pl.col("reason").cast(_REASONS))


def _code(outcome: Outcome) -> pl.Expr:
    """Return the number of an outcome among all of them."""
    return pl.lit(list(Outcome).index(outcome), pl.UInt8)


def pick_leads(prepared: pl.DataFrame, duplicates: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return `columns` of the rows of `prepared` (a chunk without gaps) that are sound and not set aside."""
    sound = prepared.get_column("reason").is_null()
    aside = _of_chunk(prepared, duplicates)
    if aside.height:
        no = pl.Series([False]).new_from_index(0, aside.height)
        sound = put(sound, aside.get_column("place"), no)
    return prepared.select(columns).filter(sound)


def _of_chunk(prepared: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Return the duplicates of one chunk with their `place` in it."""
    if prepared.is_empty():
        return duplicates.head(0).with_columns(pl.lit(0, pl.UInt32).alias("place"))
    first = int(prepared.item(0, "source_row"))
    row = pl.col("source_row")
    here = duplicates.filter(row.is_between(first, first + prepared.height - 1))
    return here.with_columns((row - first).cast(pl.UInt32).alias("place"))


def _absent(name: str, dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    return pl.lit(None, dtype).alias(name)


def give_outcomes(verdicts: pl.LazyFrame, sent: pl.LazyFrame) -> pl.LazyFrame:
    """Return `verdicts` with the outcome of each lead that `sent` (`OUTCOME_SCHEMA`) speaks for, in source order."""
    own = ("outcome", "reason", "detail", *_OF_A_SEARCH)
    there = set(verdicts.collect_schema())
    # Verdicts of an older version lack what was added since.
    verdicts = verdicts.with_columns(_absent(name, dtype) for name, dtype in _OF_A_SEARCH.items() if name not in there)
    rows = verdicts.join(sent, on="source_row", how="left", maintain_order="left", suffix="_of_sending")
    is_sent = pl.col("outcome_of_sending").is_not_null()
    told = [
        pl.when(is_sent).then(pl.coalesce(f"{name}_of_sending", name) if name == "detail" else f"{name}_of_sending")
        .otherwise(name)
        .alias(name)
        for name in own
    ]  # fmt: skip
    return rows.with_columns(told).select(OUTCOME_COLUMNS)

"""Balances the books: one outcome for each source row, and the numbers a report is made of."""

from typing import Any, Final

import polars as pl

from transforms.masking import mask_digits
from transforms.reconciling import OUTCOME_SCHEMA
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import REASONS

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
    "time_zone",
    "time_zone_source",
    "time_zone_conflict",
    "leadTimezone",
    "leadPhoneE164",
    "state",
    "note",
)

NOT_LOADED: Final = tuple(outcome.value for outcome in Outcome if outcome not in {Outcome.LOADED, Outcome.UNCHANGED})


def give_outcomes(prepared: pl.LazyFrame, duplicates: pl.LazyFrame, sent: pl.LazyFrame | None) -> pl.LazyFrame:
    """Return one row for each row of `prepared`, in source order, with `OUTCOME_COLUMNS`.

    `duplicates` names the rows set aside for others; `sent` has the outcomes of the rest, None where nothing was sent.
    A row that nothing speaks for was not sent.
    """
    names = prepared.collect_schema().names()
    absent = [
        pl.lit(None, pl.String).alias(name) for name in ("leadPhone", "leadPhoneE164", "state") if name not in names
    ]
    rows = prepared.with_columns(*absent).rename({"reason": "own_reason"})
    rows = rows.join(
        duplicates.select("source_row", pl.col("reason").alias("duplicate_reason"), "kept_row"),
        on="source_row",
        how="left",
        maintain_order="left",
    )
    answers = pl.LazyFrame(schema=OUTCOME_SCHEMA) if sent is None else sent
    rows = rows.join(answers, on="source_row", how="left", maintain_order="left")
    mine, repeat = pl.col("own_reason").is_not_null(), pl.col("duplicate_reason").is_not_null()
    unsent = pl.col("outcome").is_null()
    kept = pl.format("source_row {} is kept", pl.col("kept_row"))
    return rows.with_columns(
        pl.when(mine)
        .then(pl.lit(Outcome.REJECTED.value))
        .when(repeat)
        .then(pl.lit(Outcome.DUPLICATE.value))
        .when(unsent)
        .then(pl.lit(Outcome.NOT_SENT.value))
        .otherwise("outcome")
        .alias("outcome"),
        pl.coalesce("own_reason", "duplicate_reason", "reason").alias("reason"),
        pl.when(repeat).then(kept).otherwise(pl.coalesce("detail", "note")).alias("detail"),
    ).select(OUTCOME_COLUMNS)


def count_outcomes(outcomes: pl.LazyFrame) -> dict[str, int]:
    """Return how many rows ended in each outcome, every outcome named, zeros too."""
    counted = outcomes.group_by("outcome").len().collect()
    found = dict(counted.iter_rows())
    return {outcome.value: int(found.get(outcome.value, 0)) for outcome in Outcome}


def is_balanced(outcomes: pl.LazyFrame, rows_read: int) -> bool:
    """Return whether `outcomes` has each source row once, in order, with a known outcome, and no other."""
    known = pl.col("outcome").is_in([outcome.value for outcome in Outcome])
    facts = outcomes.select(
        pl.len().alias("rows"),
        (known.fill_null(value=False) & pl.col("source_row").is_not_null()).sum().alias("known"),
        (pl.col("source_row").diff().fill_null(1) == 1).all().alias("in_order"),
        pl.col("source_row").min().alias("first"),
    ).collect()
    rows, named, in_order, first = facts.row(0)
    return bool(rows == named == rows_read and (rows == 0 or (in_order and first == 0)))


def reasons_with_examples(outcomes: pl.LazyFrame, raw_phone: pl.LazyFrame) -> list[dict[str, Any]]:
    """Return each reason code met: `code`, `outcome`, `rows`, `advice`, the first row's `detail`, and two masked
    `examples`, most rows first.

    `raw_phone` has `source_row` and `phone`, the number as the source wrote it.
    """
    met = (
        outcomes.filter(pl.col("reason").is_not_null())
        .group_by("reason")
        .agg(pl.len().alias("rows"), pl.col("source_row").bottom_k(2).sort(), pl.col("detail").drop_nulls().first())
        .sort("rows", "reason", descending=[True, False])
        .collect()
    )
    shown = met.get_column("source_row").explode().unique()
    examples = (
        outcomes.filter(pl.col("source_row").is_in(shown.implode()))
        .join(raw_phone, on="source_row", how="left")
        .select("source_row", "externId", mask_digits(pl.col("phone")).alias("phone"))
        .collect()
    )
    by_row = {row["source_row"]: row for row in examples.to_dicts()}
    return [
        {
            "code": code,
            "outcome": REASONS[code].outcome.value,
            "rows": rows,
            "advice": REASONS[code].advice,
            "detail": detail,
            "examples": [by_row[row] for row in source_rows if row in by_row],
        }
        for code, rows, source_rows, detail in met.iter_rows()
    ]


def count_values(outcomes: pl.LazyFrame, column: str) -> list[dict[str, Any]]:
    """Return the values of `column` among the leads that were to be sent: `value`, `leads` and `loaded`, most first."""
    sendable = ~pl.col("outcome").is_in([Outcome.REJECTED.value, Outcome.DUPLICATE.value])
    loaded = (pl.col("outcome") == Outcome.LOADED.value).sum().alias("loaded")
    counted = (
        outcomes.filter(sendable)
        .group_by(pl.col(column).alias("value"))
        .agg(pl.len().alias("leads"), loaded)
        .sort("leads", "value", descending=[True, False])
    )
    return counted.collect().to_dicts()


def count_notes(outcomes: pl.LazyFrame) -> list[dict[str, Any]]:
    """Return what was repaired or left out, and in how many rows: `note`, `rows`, most first."""
    notes = outcomes.select(pl.col("note").drop_nulls().str.split("; ").alias("note")).explode("note")
    return (
        notes.group_by("note")
        .agg(pl.len().alias("rows"))
        .sort("rows", "note", descending=[True, False])
        .collect()
        .to_dicts()
    )

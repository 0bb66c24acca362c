"""Writes the rows that were not loaded as a person mends them: their own columns, why, what to do, the likely value."""

import datetime as dt
from typing import Final

import polars as pl

from connectors.report.files import write_rejects
from flows.job_file import Job
from flows.preparation import NOTE_DECIMAL_ID, mapping_of, rules_of
from flows.run_folder import RunFolder
from transforms.accounting import NOT_LOADED
from transforms.lead_rules import REASONS
from transforms.suggestions import name_columns, suggest_values

_ID_TAKEN: Final = "leadferry_id_taken"

_REPAIR_SCHEMA: Final = pl.Schema(
    {"source_row": pl.UInt64, "leadferry_column": pl.String, "leadferry_suggestion": pl.String}
)

_REPAIRED_AT_ONCE: Final = 50_000
"""Rows not loaded for which a repair is looked for at once."""


def write_rejected_rows(
    folder: RunFolder, outcomes: pl.LazyFrame, source: pl.LazyFrame, job: Job, as_of: dt.date
) -> None:
    """Write rejects.csv from a run's outcomes and its source's rows; `as_of` is the date by which zones were named.

    A sound row that was merely not sent (a check, a closed gate) has no reason, and nothing in it wants mending. An id
    that lost the `.0` of its whole column stays without: among the few rows here it may not be known for one.
    """
    advice = pl.col("reason").replace_strict({code: reason.advice for code, reason in REASONS.items()}, default=None)
    not_loaded = pl.col("outcome").is_in(NOT_LOADED) & pl.col("reason").is_not_null()
    told = outcomes.filter(not_loaded).select(
        "source_row",
        pl.col("outcome").alias("leadferry_outcome"),
        pl.col("reason").alias("leadferry_reason"),
        advice.alias("leadferry_advice"),
        pl.col("detail").alias("leadferry_detail"),
        pl.when(pl.col("note").str.contains(NOTE_DECIMAL_ID, literal=True)).then("externId").alias(_ID_TAKEN),
    )
    found = told.collect(engine="streaming")
    # Few rows are refused: picking them first is quicker than joining all.
    picked = source.filter(pl.col("source_row").is_in(found.get_column("source_row").implode())).drop("row_fault")
    found = found.join(_find_repairs(found, picked, outcomes, job, as_of), on="source_row", how="left")
    rows = picked.join(found.lazy(), on="source_row", how="inner", maintain_order="left")
    taken = pl.coalesce(_ID_TAKEN, job.columns.externId).alias(job.columns.externId)
    rows = rows.with_columns(taken).drop(_ID_TAKEN)
    write_rejects(folder.rejects, rows.rename({"source_row": "leadferry_source_row"}))


def _find_repairs(
    found: pl.DataFrame, picked: pl.LazyFrame, outcomes: pl.LazyFrame, job: Job, as_of: dt.date
) -> pl.DataFrame:
    """Return for each row not loaded, `found`, which column to mend and, where one value is likely, with what."""
    if found.is_empty():
        return pl.DataFrame(schema=_REPAIR_SCHEMA)
    mapping, rules = mapping_of(job), rules_of(job, as_of)
    reasons = found.select("source_row", pl.col("leadferry_reason").cast(pl.String))
    wanted = picked.select("source_row", *job.columns.source_columns())
    pieces = []
    for piece in wanted.collect_batches(chunk_size=_REPAIRED_AT_ONCE, maintain_order=True):
        known = piece.join(reasons, on="source_row", how="inner", maintain_order="left")
        rows, reason = known.drop("leadferry_reason"), known.get_column("leadferry_reason")
        named = rows.select("source_row", name_columns(rows, reason, mapping, rules).alias("leadferry_column"))
        values = suggest_values(rows, reason, mapping, rules)
        pieces.append(
            named.join(values, on="source_row", how="left", maintain_order="left").select(
                "source_row",
                pl.coalesce("column", "leadferry_column").alias("leadferry_column"),
                pl.col("suggestion").alias("leadferry_suggestion"),
            )
        )
    repairs = pl.concat(pieces)
    return repairs.with_columns(
        pl.when(~_is_another_id(repairs, outcomes, job)).then("leadferry_suggestion").alias("leadferry_suggestion")
    )


def _is_another_id(repairs: pl.DataFrame, outcomes: pl.LazyFrame, job: Job) -> pl.Expr:
    """Return whether a suggested id is one that a row of this load has already."""
    of_ids = (pl.col("leadferry_column") == job.columns.externId) & pl.col("leadferry_suggestion").is_not_null()
    ids = repairs.filter(of_ids).get_column("leadferry_suggestion")
    if ids.is_empty():
        return pl.lit(value=False)
    taken = outcomes.filter(pl.col("externId").is_in(ids.implode())).select("externId").collect().get_column("externId")
    return (of_ids & pl.col("leadferry_suggestion").is_in(taken.implode())).fill_null(value=False)

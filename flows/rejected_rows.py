"""Writes the rows that were not loaded as a person mends them: their own columns, why, what to do, the likely value."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Final

import polars as pl
import polars.selectors as cs

from connectors.report.files import write_rejects
from connectors.sources.extract import ID_TAKEN
from flows.job_file import Job
from flows.preparation import mapping_of, rules_of
from flows.run_folder import RunFolder
from transforms.accounting import NOT_LOADED
from transforms.decimal_ids import NOTE_DECIMAL_ID
from transforms.lead_rules import REASONS
from transforms.suggestions import name_columns, suggest_values
from transforms.tally import Tally

_TOLD_COLUMNS: Final = ("leadferry_outcome", "leadferry_reason", "leadferry_advice", "leadferry_detail")

_REPAIR_COLUMNS: Final = ("leadferry_column", "leadferry_suggestion")

_NOT_IN_SOURCE: Final = "rows that were not loaded are not in the source, or not in its order"

_AT_ONCE: Final = 50_000
"""Source rows that are gone through at once."""

_FEW: Final = 500_000
"""Rows with a reason that are picked out of the source before they are joined; more would be too many to remember."""


def write_rejected_rows(
    folder: RunFolder,
    tally: Tally,
    outcomes: Callable[[], pl.LazyFrame],
    source: pl.LazyFrame,
    job: Job,
    *,
    as_of: dt.date,
) -> None:
    """Write rejects.csv: the rows with a reason in `tally` that were not loaded, as the source has them.

    `outcomes` gives all rows'; `as_of` is the date by which zones were named. A sound row that was merely not sent (a
    check, a closed gate) has no reason, and nothing in it wants mending. An id that lost the `.0` of its whole column
    stays without: among the few rows here it may not be known for one. Raises ValueError where `source` lacks a row.
    """
    rows = source.drop("row_fault")
    if sum(met.rows for met in tally.reasons.values()) <= _FEW:
        # Few rows are refused: picking them first is quicker than joining all.
        refused = [frame.get_column("source_row") for frame in _not_loaded(tally)]
        picked = pl.concat(refused) if refused else pl.Series(dtype=pl.UInt64)
        rows = rows.filter(pl.col("source_row").is_in(picked.implode()))
    names = [*rows.collect_schema(), *_TOLD_COLUMNS, *_REPAIR_COLUMNS]
    renamed = ["leadferry_source_row" if name == "source_row" else name for name in names]
    write_rejects(folder.rejects, renamed, _rejects(rows, _not_loaded(tally), outcomes, job, as_of))


def _not_loaded(tally: Tally) -> Iterator[pl.DataFrame]:
    """Yield the rows that have a reason and were not loaded, in the order of the source."""
    for frame in tally.with_reason():
        here = frame.filter(pl.col("outcome").is_in(NOT_LOADED))
        if not here.is_empty():
            yield here


def _rejects(
    source: pl.LazyFrame,
    refused: Iterator[pl.DataFrame],
    outcomes: Callable[[], pl.LazyFrame],
    job: Job,
    as_of: dt.date,
) -> Iterator[pl.DataFrame]:
    """Yield the rows `refused`, piece by piece: their own columns, what is told of them, and how to mend them."""
    taken = pl.coalesce(ID_TAKEN, cs.by_name(job.columns.externId)).alias(job.columns.externId)
    for known in _join(source, map(_tell, refused)):
        repairs = _find_repairs(known, outcomes, job, as_of)
        yield known.hstack(repairs).with_columns(taken).rename({"source_row": "leadferry_source_row"})


def _tell(refused: pl.DataFrame) -> pl.DataFrame:
    """Return what the file tells of rows beside their own columns."""
    advice = pl.col("reason").replace_strict({code: reason.advice for code, reason in REASONS.items()}, default=None)
    id_taken = pl.when(pl.col("note").str.contains(NOTE_DECIMAL_ID, literal=True)).then("externId")
    told = ("outcome", "reason", advice, "detail", id_taken)
    return refused.select("source_row", **dict(zip((*_TOLD_COLUMNS, ID_TAKEN), told, strict=True)))


def _join(source: pl.LazyFrame, told: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows of `source` of which something is `told`, with that.

    Both are in the order of the source, so nothing has to be held for the sake of the join. Raises ValueError where
    they are not: then a row would be lost without a word.
    """
    ahead = next(told, None)
    if ahead is None:
        return
    for rows in source.collect_batches(chunk_size=_AT_ONCE, maintain_order=True):
        if rows.is_empty():
            continue
        last = rows.item(-1, "source_row")
        while (ahead.is_empty() or ahead.item(-1, "source_row") < last) and (more := next(told, None)) is not None:
            ahead = pl.concat([ahead, more])
        here = ahead.get_column("source_row") <= last
        known = rows.join(ahead.filter(here), on="source_row", how="inner", maintain_order="left")
        if known.height != here.sum():
            raise ValueError(_NOT_IN_SOURCE)
        if not known.is_empty():
            yield known
        ahead = ahead.filter(~here)
    if not ahead.is_empty() or next(told, None) is not None:
        raise ValueError(_NOT_IN_SOURCE)


def _find_repairs(known: pl.DataFrame, outcomes: Callable[[], pl.LazyFrame], job: Job, as_of: dt.date) -> pl.DataFrame:
    """Return for each row not loaded which column to mend and, where one value is likely, with what."""
    mapping, rules = mapping_of(job), rules_of(job, as_of)
    rows, reason = known[["source_row", *job.columns.source_columns()]], known["leadferry_reason"]
    columns = name_columns(rows, reason, mapping, rules)
    values = suggest_values(rows, reason, columns, mapping, rules)
    repairs = rows.select("source_row", columns.alias("named")).join(
        values, on="source_row", how="left", maintain_order="left"
    )
    repairs = repairs.select(pl.coalesce("column", "named"), "suggestion").rename(
        dict(zip(("column", "suggestion"), _REPAIR_COLUMNS, strict=True))
    )
    return repairs.with_columns(
        pl.when(~_is_another_id(repairs, outcomes, job)).then("leadferry_suggestion").name.keep()
    )


def _is_another_id(repairs: pl.DataFrame, outcomes: Callable[[], pl.LazyFrame], job: Job) -> pl.Expr:
    """Return whether a suggested id is one that a row of this load has already."""
    of_ids = (pl.col("leadferry_column") == job.columns.externId) & pl.col("leadferry_suggestion").is_not_null()
    ids = repairs.filter(of_ids).get_column("leadferry_suggestion")
    if ids.is_empty():
        return pl.lit(value=False)
    taken = (
        outcomes().filter(pl.col("externId").is_in(ids.implode())).select("externId").collect().get_column("externId")
    )
    return (of_ids & pl.col("leadferry_suggestion").is_in(taken.implode())).fill_null(value=False)

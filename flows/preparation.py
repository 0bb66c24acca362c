"""The prepare stage: source to staged leads, in files that are each whole or absent."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from connectors.staging import scan, write_chunks, write_frame
from flows.extracting import extract_source
from flows.job_file import Job
from flows.progress import Progress
from flows.run_folder import RunFolder
from transforms.batching import Batch, cut_batches
from transforms.duplicates import find_duplicates
from transforms.lead_rules import lead_schema
from transforms.preparing import LeadMapping, PreparingRules, prepare_leads
from transforms.time_zones import ZoneNaming
from transforms.vocabulary.options import TimeZoneOption

_CHUNK_ROWS = 100_000


@dataclass(frozen=True)
class Prepared:
    """What preparing came to, in rows."""

    rows_read: int
    rejected: int
    duplicates: int
    leads: int
    batches: tuple[Batch, ...]

    @property
    def reject_rate(self) -> float:
        """The share of source rows that our rules refuse."""
        return self.rejected / self.rows_read if self.rows_read else 0.0


def prepare_run(job: Job, folder: RunFolder, *, as_of: dt.date, limit: int | None, progress: Progress) -> Prepared:
    """Extract, map, clean, judge, remove duplicates and stage; what is already there is not made again.

    `as_of` is the date by which time zones are named. Raises SourceError.
    """
    if not folder.extract.exists():
        extract_source(job, folder.extract, limit)
    rows_read = _height(folder.extract)
    progress.begin("prepare", rows_read, "rows")
    if not folder.prepared.exists():
        write_chunks(folder.prepared, _prepared_chunks(job, folder, as_of, progress))
    else:
        progress.advance(rows_read)
    if not folder.leads.exists():
        _set_duplicates_aside(job, folder)
        _stage_leads(job, folder)
    return _describe(job, folder, rows_read)


def mapping_of(job: Job) -> LeadMapping:
    """Return the job's columns as the mapping that preparing takes."""
    columns = job.columns
    return LeadMapping(
        columns.text_columns(), columns.leadPhone or (), columns.extendedLeadData, columns.personaPhoneConfig
    )


def _prepared_chunks(job: Job, folder: RunFolder, as_of: dt.date, progress: Progress) -> Iterator[pl.DataFrame]:
    mapping = mapping_of(job)
    rules = PreparingRules(
        naming=ZoneNaming(as_of, always_standard=job.time_zones.names == "standard"),
        explicit_zones=job.load.time_zone_option is TimeZoneOption.EXPLICIT,
        reject_unknown_zone=job.time_zones.unknown == "reject",
        origin_country=job.load.number_origin_country or "US",
    )
    needed = ["source_row", "row_fault", *job.columns.source_columns()]
    rows = scan(folder.extract).select(needed)
    for chunk in rows.collect_batches(chunk_size=_CHUNK_ROWS, maintain_order=True):
        prepared = prepare_leads(chunk, mapping, rules)
        progress.advance(chunk.height)
        yield prepared


def _set_duplicates_aside(job: Job, folder: RunFolder) -> None:
    """Find repeats over the whole load; only ids and numbers are held in memory."""
    prepared = scan(folder.prepared)
    names = prepared.collect_schema().names()
    national = pl.col("leadPhone").str.split("|") if "leadPhone" in names else pl.lit(None, pl.List(pl.String))
    abroad = pl.concat_list(pl.col("leadPhoneE164").str.strip_prefix("+1")) if "leadPhoneE164" in names else None
    numbers = national if abroad is None else pl.coalesce(national, abroad)
    keys = prepared.filter(pl.col("reason").is_null()).select("source_row", "externId", numbers.alias("numbers"))
    write_frame(folder.duplicates, find_duplicates(keys.collect(), job.load.duplicate_handling).lazy())


def _stage_leads(job: Job, folder: RunFolder) -> None:
    """Write the leads in batch order, a row group each, every one checked against the schema of a lead."""
    sendable = (
        scan(folder.prepared)
        .filter(pl.col("reason").is_null())
        .join(scan(folder.duplicates), on="source_row", how="anti", maintain_order="left")
        .select("source_row", *mapping_of(job).lead_columns())
    )
    size = job.load.batch_size
    keys = _batch_keys(sendable).collect()
    batches = list(cut_batches(keys, size))

    def chunks() -> Iterator[pl.DataFrame]:
        placed = 0
        for chunk in sendable.collect_batches(chunk_size=_CHUNK_ROWS, maintain_order=True):
            lead_schema().validate(chunk.drop("source_row"), lazy=True)
            ids = [batches[place // size].batch_id for place in range(placed, placed + chunk.height)]
            placed += chunk.height
            yield chunk.with_columns(pl.Series("batch_id", ids, dtype=pl.String))
        if not placed:
            yield sendable.with_columns(pl.lit(None, pl.String).alias("batch_id")).head(0).collect()

    write_chunks(folder.leads, chunks(), row_group_size=size)


def _batch_keys(leads: pl.LazyFrame) -> pl.LazyFrame:
    names = leads.collect_schema().names()
    return leads.select(
        pl.col(name) if name in names else pl.lit(None, pl.String).alias(name)
        for name in ("externId", "leadPhone", "leadPhoneE164")
    )


def _describe(job: Job, folder: RunFolder, rows_read: int) -> Prepared:
    rejected = scan(folder.prepared).select(pl.col("reason").is_not_null().sum()).collect().item()
    keys = _batch_keys(scan(folder.leads)).collect()
    batches = tuple(cut_batches(keys, job.load.batch_size))
    return Prepared(rows_read, int(rejected), _height(folder.duplicates), keys.height, batches)


def _height(path: Path) -> int:
    return int(scan(path).select(pl.len()).collect().item())

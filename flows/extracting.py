"""Reads the job's source, whole into the run's folder for a load, or chunk by chunk for a check."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

import orjson
import polars as pl

from connectors.sources.extract import ROW_FAULT, Extract, find_files, refuse_empty
from connectors.sources.parquet_files import find_damaged, open_parquet
from connectors.staging import scan, write_chunks, write_text
from flows.job_file import CsvSource, DatabaseSource, ExcelSource, Job, ParquetSource
from flows.reading_ahead import CsvReading, Reading, chunk_rows, faults_of, not_empty, read_chunks
from transforms.decimal_ids import DecimalIds
from transforms.text import clean_id, mend_odd
from transforms.vocabulary.errors import SourceError

_Opener = Callable[[Job], Extract]


def extract_source(
    job: Job,
    destination: Path,
    notes: Path,
    limit: int | None,
    *,
    stop: Event | None = None,
    decimal_ids: Path | None = None,
) -> int:
    """Write the source's rows (the first `limit` of them) to `destination` and return how many there are.

    What a person should know of the source is written to `notes`; `decimal_ids` is there afterwards if `show_damage`
    says so of the ids. Raises SourceError for a source that is missing, empty or not as the job says, and
    RunInterruptedError when `stop` is set.
    """
    reading = reading_of(job)
    with faults_of(reading):
        extract = reading.open()
        with closing(extract), closing(not_empty(extract.frames(limit), reading, stop)) as frames:
            write_text(notes, orjson.dumps(extract.notes).decode())
            try:
                told = frames if decimal_ids is None else _telling(frames, job, limit, stop, decimal_ids)
                write_chunks(destination, told)
            except BaseException:
                notes.unlink()
                raise
        write_text(notes, orjson.dumps([*extract.notes, *extract.late_notes]).decode())
    return int(scan(destination).select(pl.len()).collect().item())


def _telling(
    frames: Iterator[pl.DataFrame], job: Job, limit: int | None, stop: Event | None, decimal_ids: Path
) -> Iterator[pl.DataFrame]:
    """Yield the frames, and say of their ids what `show_damage` does before the file they go to is whole."""
    decimal_ids.unlink(missing_ok=True)
    ids = DecimalIds()
    for frame in frames:
        if ids.all_decimal:
            ids &= _ids_of(frame, job)
        yield frame
    if show_damage(ids, job, limit, stop):
        write_text(decimal_ids, "")


def _ids_of(rows: pl.DataFrame, job: Job) -> DecimalIds:
    ids = rows[job.columns.externId].filter(rows[ROW_FAULT].is_null()).alias("id")
    return DecimalIds.of(mend_odd(ids, clean_id))


def show_damage(read: DecimalIds, job: Job, limit: int | None, stop: Event | None = None) -> bool:
    """Return whether all ids of a source are decimal by damage, of which those `read` are all or `limit` rows.

    Those of a rejects.csv stand as they were taken, and were decimal among others then. A trial takes ids as the whole
    load does, so where all that were read are decimal the source is gone through up to one that is not. Raises
    SourceError, and RunInterruptedError when `stop` is set.
    """
    if not read.all_decimal or not read.different or (limit is None and not read.show_damage):
        return False
    if limit is None and not isinstance(job.source, CsvSource | ExcelSource):
        return True  # no other source is ever a rejects.csv
    reading = reading_of(job)
    with faults_of(reading), closing(reading.open()) as extract:
        if extract.ids_as_taken or limit is None:
            return not extract.ids_as_taken
        ids = read
        with closing(not_empty(extract.frames(), reading, stop)) as frames:
            for frame in frames:
                ids &= _ids_of(frame, job)
                if not ids.all_decimal:
                    return False
        return ids.show_damage


def source_files(job: Job) -> list[Path]:
    """Return the files of the job's source, sorted by name. Raises SourceError where there is none."""
    source = job.source
    return find_files(source.place, ENDINGS[source.type], partitions=isinstance(source, ParquetSource))


@dataclass(frozen=True)
class _JobReading:
    """The source of a job of any kind but CSV."""

    job: Job

    @property
    def place(self) -> str:
        return self.job.source.place

    def open(self) -> Extract:
        return _OPENERS[self.job.source.type](self.job)

    def refuse_empty(self) -> SourceError:
        if isinstance(self.job.source, DatabaseSource):
            return SourceError("SOURCE_EMPTY", "The query gave no rows.", "Check source.query and its parameters.")
        return refuse_empty(self.place, has_header=True)

    def find_damaged(self) -> Path | None:
        return find_damaged(self.place) if isinstance(self.job.source, ParquetSource) else None


def reading_of(job: Job) -> Reading:
    """Return how the job's source is read."""
    source = job.source
    if isinstance(source, CsvSource):
        return CsvReading(source.place, tuple(job.source_columns()), source.choices())
    return _JobReading(job)


def can_read_ahead(job: Job) -> bool:
    """Return whether a thread that reads the job's source always comes to an end soon.

    One that waits for a database, or reads a whole workbook, does not, and only the main thread hears of Ctrl-C.
    """
    return isinstance(job.source, CsvSource | ParquetSource)


def source_chunks(job: Job, limit: int | None, notes: list[str]) -> Generator[pl.DataFrame]:
    """Yield the job's rows (the first `limit` of them) in order, as eager chunks of text, as `read_chunks` does."""
    return read_chunks(reading_of(job), limit, notes)


def chunks_of(rows: pl.LazyFrame, width: int) -> Generator[pl.DataFrame]:
    """Yield `rows` of `width` columns, which polars reads by itself, in order as chunks that suit preparing."""
    yield from rows.collect_batches(chunk_size=chunk_rows(width), maintain_order=True)


def _open_parquet(job: Job) -> Extract:
    if not isinstance(job.source, ParquetSource):
        raise TypeError("not a Parquet source")
    return open_parquet(job.source.place, job.source_columns())


def _open_database(job: Job) -> Extract:
    source = job.source
    if not isinstance(source, DatabaseSource):
        raise TypeError("not a database")
    # Here, as for workbooks: only a job that has such a source pays for importing what reads it.
    from connectors.sources.databases.asking import open_database

    return open_database(
        source.url,
        source.query or "",
        job.source_columns(),
        parameters=source.parameters,
        timeout_seconds=source.timeout_seconds,
    )


ENDINGS: Final = {"csv": ".csv", "parquet": ".parquet", "excel": ".xlsx"}
"""Kind of source to the ending of its files in a folder."""


def _open_excel(job: Job) -> Extract:
    source = job.source
    if not isinstance(source, ExcelSource):
        raise TypeError("not an Excel source")
    from connectors.sources.excel_files import open_excel

    said = {column: _SHOULD_BE_TEXT.get(field) for column, field in job.column_roles().items()}
    return open_excel(
        source.place,
        job.source_columns(),
        sheet=source.sheet,
        header_row=source.header_row,
        not_numbers={column: what for column, what in said.items() if what is not None},
    )


_SHOULD_BE_TEXT: Final = {
    **dict.fromkeys(("leadPhone", "leadPhoneE164", "auxPhone", "personaPhoneConfig"), "telephone numbers"),
    "zip": "ZIP codes",
}
"""Lead fields that lose something where a spreadsheet takes them for numbers, with what they hold."""

_OPENERS: Final[dict[str, _Opener]] = {
    "parquet": _open_parquet,
    "excel": _open_excel,
    "database": _open_database,
}
"""Kind of source, beside CSV, to what opens it: a new kind is one line here."""

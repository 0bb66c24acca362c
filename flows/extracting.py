"""Reads the job's source, whole into the run's folder for a load, or chunk by chunk for a check."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from connectors.sources.csv_files import open_csv
from connectors.sources.extract import Extract, refuse_empty
from connectors.sources.parquet_files import open_parquet
from connectors.staging import scan, write_frame
from flows.job_file import CsvSource, Job, ParquetSource
from transforms.vocabulary.errors import SourceError

_Opener = Callable[[Job], Extract]

_CHUNK_ROWS: Final = 250_000
_CHUNK_CELLS: Final = 4_000_000
"""Rows in a chunk, and its cells where rows are wide: enough to make a chunk's fixed costs small, and no more."""


class NotWellFormedError(Exception):
    """The source broke off for a fault in it; another way of reading may take it."""


def extract_source(job: Job, destination: Path, limit: int | None) -> int:
    """Write the source's rows (the first `limit` of them) to `destination` and return how many there are.

    A file that polars refuses whole is read again field by field, so that its bad rows are set aside alone. Raises
    SourceError for a source that is missing, empty or not as the job says.
    """
    for way in ways_to_read(job):
        try:
            with _faults_of(job, way):
                extract = way(job)
                write_frame(destination, extract.rows if limit is None else extract.rows.head(limit))
        except NotWellFormedError:
            continue
        break
    rows = int(scan(destination).select(pl.len()).collect().item())
    if not rows:
        destination.unlink()
        raise refuse_empty(job.source.path, has_header=True)
    return rows


def ways_to_read(job: Job) -> tuple[_Opener, ...]:
    """Return the ways to read the job's source, the quickest first; the last one never gives up on a row's account."""
    return _OPENERS[job.source.type]


def source_chunks(job: Job, way: _Opener, limit: int | None) -> Iterator[pl.DataFrame]:
    """Yield the source's rows (the first `limit` of them) in order, as eager chunks of text.

    Raises SourceError, also where there is no row, and NotWellFormedError where another way of reading is left.
    """
    with _faults_of(job, way):
        extract = way(job)
        rows = extract.rows if limit is None else extract.rows.head(limit)
        chunks = iter(chunks_of(rows, len(extract.columns)))
    count = 0
    while True:
        with _faults_of(job, way):
            chunk = next(chunks, None)
        if chunk is None:
            break
        if chunk.height:
            count += chunk.height
            yield chunk
    if not count:
        raise refuse_empty(job.source.path, has_header=True)


def chunks_of(rows: pl.LazyFrame, width: int) -> Iterator[pl.DataFrame]:
    """Yield `rows` of `width` columns in order, as chunks of a size that suits preparing."""
    size = max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // max(width, 1)))
    yield from rows.collect_batches(chunk_size=size, maintain_order=True)


@contextmanager
def _faults_of(job: Job, way: _Opener) -> Iterator[None]:
    """Translate what reading the source raises."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        if isinstance(error, pl.exceptions.ComputeError) and way is not ways_to_read(job)[-1]:
            raise NotWellFormedError from None
        words = str(error).splitlines() or [type(error).__name__]
        raise SourceError(
            "SOURCE_UNREADABLE",
            f"{job.source.path} cannot be read: {words[0]}.",
            "Check the file and source.type in the job file.",
        ) from None


def _open_csv(job: Job, *, careful: bool = False) -> Extract:
    source = job.source
    if not isinstance(source, CsvSource):
        raise TypeError("not a CSV source")
    return open_csv(source.path, job.source_columns(), separator=source.separator, careful=careful)


def _open_parquet(job: Job) -> Extract:
    if not isinstance(job.source, ParquetSource):
        raise TypeError("not a Parquet source")
    return open_parquet(job.source.path, job.source_columns())


_OPENERS: Final[dict[str, tuple[_Opener, ...]]] = {
    "csv": (_open_csv, partial(_open_csv, careful=True)),
    "parquet": (_open_parquet,),
}
"""Kind of source to the ways of reading it, the quick one first: a new kind is one line here."""

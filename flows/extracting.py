"""Reads the job's source into the run's folder, so that it is read once and never again."""

from collections.abc import Callable
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


def extract_source(job: Job, destination: Path, limit: int | None) -> int:
    """Write the source's rows (the first `limit` of them) to `destination` and return how many there are.

    A file that polars refuses whole is read again field by field, so that its bad rows are set aside alone. Raises
    SourceError for a source that is missing, empty or not as the job says.
    """
    quick, *careful = _OPENERS[job.source.type]
    try:
        try:
            rows = _write(quick(job), destination, limit)
        except pl.exceptions.ComputeError:
            if not careful:
                raise
            rows = _write(careful[0](job), destination, limit)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise SourceError(
            "SOURCE_UNREADABLE",
            f"{job.source.path} cannot be read: {words[0]}.",
            "Check the file and source.type in the job file.",
        ) from None
    if not rows:
        destination.unlink()
        raise refuse_empty(job.source.path, has_header=True)
    return rows


def _write(extract: Extract, destination: Path, limit: int | None) -> int:
    rows = extract.rows if limit is None else extract.rows.head(limit)
    write_frame(destination, rows)
    return int(scan(destination).select(pl.len()).collect().item())


def _open_csv(job: Job, *, careful: bool = False) -> Extract:
    source = job.source
    if not isinstance(source, CsvSource):
        raise TypeError("not a CSV source")
    return open_csv(source.path, job.columns.source_columns(), separator=source.separator, careful=careful)


def _open_parquet(job: Job) -> Extract:
    if not isinstance(job.source, ParquetSource):
        raise TypeError("not a Parquet source")
    return open_parquet(job.source.path, job.columns.source_columns())


_OPENERS: Final[dict[str, tuple[_Opener, ...]]] = {
    "csv": (_open_csv, partial(_open_csv, careful=True)),
    "parquet": (_open_parquet,),
}
"""Kind of source to the functions that open it, the quick one first: a new kind is one line here."""

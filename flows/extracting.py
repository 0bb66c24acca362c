"""Reads the job's source, whole into the run's folder for a load, or chunk by chunk for a check."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import orjson
import polars as pl

from connectors.sources.csv_files import open_csv
from connectors.sources.extract import Extract, find_files, refuse_empty
from connectors.sources.parquet_files import find_damaged, open_parquet
from connectors.staging import scan, write_chunks, write_text
from flows.job_file import CsvSource, DatabaseSource, ExcelSource, Job, ParquetSource
from transforms.vocabulary.errors import RunInterruptedError, SourceError

_Opener = Callable[[Job], Extract]

_CHUNK_ROWS: Final = 200_000
_CHUNK_CELLS: Final = 4_000_000
"""Rows in a chunk, and its cells where rows are wide: enough to make a chunk's fixed costs small, and no more."""


_AHEAD: Final = 3
_AHEAD_LATER: Final = 1
"""Chunks read before anybody asks: as much as is read in the time that importing takes, and later the next one."""


def extract_source(job: Job, destination: Path, notes: Path, limit: int | None, *, stop: Event | None = None) -> int:
    """Write the source's rows (the first `limit` of them) to `destination` and return how many there are.

    What a person should know of the source is written to `notes`. Raises SourceError for a source that is missing,
    empty or not as the job says, and RunInterruptedError when `stop` is set.
    """
    with _faults_of(job):
        extract = _open(job)
        with closing(extract), closing(_not_empty(extract.frames(limit), job, stop)) as frames:
            write_text(notes, orjson.dumps(extract.notes).decode())
            try:
                write_chunks(destination, frames)
            except BaseException:
                notes.unlink()
                raise
        write_text(notes, orjson.dumps([*extract.notes, *extract.late_notes]).decode())
    return int(scan(destination).select(pl.len()).collect().item())


def _not_empty(frames: Generator[pl.DataFrame], job: Job, stop: Event | None = None) -> Generator[pl.DataFrame]:
    """Yield frames that have rows. Raises SourceError where there is none, and RunInterruptedError at `stop`."""
    is_empty = True
    with closing(frames):
        for frame in frames:
            if stop is not None and stop.is_set():
                raise RunInterruptedError("INTERRUPTED", "The run was asked to stop.", "Resume it to go on.")
            if frame.height:
                is_empty = False
                yield frame
    if is_empty:
        raise _refuse_empty(job)


def source_files(job: Job) -> list[Path]:
    """Return the files of the job's source, sorted by name. Raises SourceError where there is none."""
    source = job.source
    return find_files(source.place, ENDINGS[source.type], partitions=isinstance(source, ParquetSource))


def _open(job: Job) -> Extract:
    return _OPENERS[job.source.type](job)


class ReadAhead:
    """A source that is read ahead: its first chunks while the rest of the program is still imported.

    Importing keeps one core busy, however many there are, and so does what comes after each chunk at times.
    """

    def __init__(self, job: Job, limit: int | None) -> None:
        """Start reading in a thread of its own, which `close` ends."""
        self.notes: list[str] = []
        self._chunks = source_chunks(job, limit, self.notes)
        self._reader = ThreadPoolExecutor(1)
        self._coming = deque(self._read() for _ in range(_AHEAD))

    def _read(self) -> Future[pl.DataFrame | None]:
        return self._reader.submit(next, self._chunks, None)

    def chunks(self) -> Generator[pl.DataFrame]:
        """Yield the chunks, once. Raises what `source_chunks` does."""
        # Each is let go of when it is asked for, so that a chunk is held no longer than it is needed.
        while (chunk := self._coming.popleft().result()) is not None:
            if len(self._coming) < _AHEAD_LATER:
                self._coming.append(self._read())
            yield chunk

    def close(self) -> None:
        """Read no further, and let go of the source."""
        self._reader.shutdown(cancel_futures=True)
        self._chunks.close()


def can_read_ahead(job: Job) -> bool:
    """Return whether a thread that reads the job's source always comes to an end soon.

    One that waits for a database, or reads a whole workbook, does not, and only the main thread hears of Ctrl-C.
    """
    return isinstance(job.source, CsvSource | ParquetSource)


def source_chunks(job: Job, limit: int | None, notes: list[str]) -> Generator[pl.DataFrame]:
    """Yield the source's rows (the first `limit` of them) in order, as eager chunks of text.

    What a person should know of the source is put into `notes`. Raises SourceError, also where there is no row.
    """
    with _faults_of(job):
        extract = _open(job)
        notes[:] = extract.notes
    with closing(extract), closing(_not_empty(extract.frames(limit), job)) as frames:
        chunks = _cut(frames, _chunk_rows(len(extract.columns)))
        while True:
            with _faults_of(job):
                chunk = next(chunks, None)
            if chunk is None:
                notes += extract.late_notes
                return
            yield chunk


def _cut(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of `frames` in chunks of `size` rows; the last of them in two halves, or of fewer rows.

    Chunks are prepared two at a time: without halves, one worker would have nothing to do at the end. Each is one piece
    of memory: picking rows out of many small ones costs many times as much.
    """
    waiting: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        rest = frame
        # A chunk that is full is given when a row follows, for it may be the last.
        while height + rest.height > size:
            yield pl.concat([*waiting, rest.head(size - height)], rechunk=True)
            rest = rest.slice(size - height)
            waiting, height = [], 0
        if rest.height:
            waiting.append(rest)
            height += rest.height
    if waiting:
        last = pl.concat(waiting, rechunk=True)
        half = height if height <= size // 2 else (height + 1) // 2
        yield from last.iter_slices(half)


def _refuse_empty(job: Job) -> SourceError:
    if isinstance(job.source, DatabaseSource):
        return SourceError("SOURCE_EMPTY", "The query gave no rows.", "Check source.query and its parameters.")
    return refuse_empty(job.source.place, has_header=True)


def chunks_of(rows: pl.LazyFrame, width: int) -> Generator[pl.DataFrame]:
    """Yield `rows` of `width` columns, which polars reads by itself, in order as chunks that suit preparing."""
    yield from rows.collect_batches(chunk_size=_chunk_rows(width), maintain_order=True)


def _chunk_rows(width: int) -> int:
    return max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // max(width, 1)))


@contextmanager
def _faults_of(job: Job) -> Iterator[None]:
    """Translate what reading the source raises."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        damaged = find_damaged(job.source.place) if isinstance(job.source, ParquetSource) else None
        raise SourceError(
            "SOURCE_UNREADABLE",
            f"{damaged or job.source.place} cannot be read: {words[0]}.",
            "Check the file and source.type in the job file.",
        ) from None


def _open_csv(job: Job) -> Extract:
    source = job.source
    if not isinstance(source, CsvSource):
        raise TypeError("not a CSV source")
    return open_csv(source.place, job.source_columns(), source.choices())


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
    "csv": _open_csv,
    "parquet": _open_parquet,
    "excel": _open_excel,
    "database": _open_database,
}
"""Kind of source to what opens it: a new kind is one line here."""

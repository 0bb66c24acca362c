"""Reads a source chunk by chunk, ahead of those who prepare what is in it."""

import errno
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final, Protocol

import polars as pl

from connectors.sources.csv_dialect import CsvChoices
from connectors.sources.csv_files import open_csv
from connectors.sources.extract import Extract, refuse_empty
from transforms.vocabulary.errors import RunInterruptedError, SourceError

_CHUNK_ROWS: Final = 200_000
_CHUNK_CELLS: Final = 4_000_000
"""Rows in a chunk, and its cells where rows are wide: enough to make a chunk's fixed costs small, and no more."""

_AHEAD: Final = 3
_AHEAD_LATER: Final = 1
"""Chunks read before anybody asks: as much as is read in the time that importing takes, and later the next one."""


class Reading(Protocol):
    """What is to be read, and how."""

    @property
    def place(self) -> str:
        """Where the rows are, as a person is told of it."""

    def open(self) -> Extract:
        """Open it. Raises SourceError."""

    def refuse_empty(self) -> SourceError:
        """Return the error to raise where it has no rows."""

    def find_damaged(self) -> Path | None:
        """Return the file that cannot be read, where there are several."""


@dataclass(frozen=True)
class CsvReading:
    """CSV files (one, a folder, or a glob); `columns` are those that a job names, `choices` what it says of them."""

    place: str
    columns: tuple[str, ...]
    choices: CsvChoices

    def open(self) -> Extract:
        """Open the files. Raises SourceError."""
        return open_csv(self.place, self.columns, self.choices)

    def refuse_empty(self) -> SourceError:
        """Return the error to raise where they have no rows."""
        return refuse_empty(self.place, has_header=True)

    def find_damaged(self) -> None:
        """Return none: errors of reading text name their file themselves."""


def read_chunks(reading: Reading, limit: int | None, notes: list[str]) -> Generator[pl.DataFrame]:
    """Yield the rows (the first `limit` of them) in order, as eager chunks of text.

    What a person should know of the source is put into `notes`. Raises SourceError, also where there is no row.
    """
    with faults_of(reading):
        extract = reading.open()
        notes[:] = extract.notes
    with closing(extract), closing(not_empty(extract.frames(limit), reading)) as frames:
        chunks = _cut(frames, chunk_rows(len(extract.columns)))
        while True:
            with faults_of(reading):
                chunk = next(chunks, None)
            if chunk is None:
                notes += extract.late_notes
                return
            yield chunk


def not_empty(frames: Generator[pl.DataFrame], reading: Reading, stop: Event | None = None) -> Generator[pl.DataFrame]:
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
        raise reading.refuse_empty()


@contextmanager
def faults_of(reading: Reading) -> Iterator[None]:
    """Translate what reading raises."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError) as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise  # that is of what is written of the rows meanwhile
        words = str(error).splitlines() or [type(error).__name__]
        raise SourceError(
            "SOURCE_UNREADABLE",
            f"{reading.find_damaged() or reading.place} cannot be read: {words[0]}.",
            "Check the file and source.type in the job file.",
        ) from None


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
            waiting.append(rest.head(size - height))
            rest, height = rest.slice(size - height), 0
            yield _joined(waiting)
        if rest.height:
            waiting.append(rest)
            height += rest.height
    if waiting:
        half = height if height <= size // 2 else (height + 1) // 2
        yield from _joined(waiting).iter_slices(half)


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of `frames` as one piece of memory, and take them away from there.

    A column at a time is copied, and let go of where it was: a chunk is never there twice.
    """
    parts = [frame.clone() for frame in frames]
    frames.clear()
    names = parts[0].columns
    return pl.DataFrame([pl.concat([part.drop_in_place(name) for part in parts], rechunk=True) for name in names])


def chunk_rows(width: int) -> int:
    """Return how many rows of `width` columns a chunk has."""
    return max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // max(width, 1)))


class ReadAhead:
    """A source that is read ahead: its first chunks while the rest of the program is still imported.

    Importing keeps one core busy, however many there are, and so does what comes after each chunk at times.
    """

    def __init__(self, reading: Reading, limit: int | None) -> None:
        """Start reading in a thread of its own, which `close` ends."""
        self.reading = reading
        self.notes: list[str] = []
        self._chunks = read_chunks(reading, limit, self.notes)
        self._reader = ThreadPoolExecutor(1)
        self._coming = deque(self._read() for _ in range(_AHEAD))

    def _read(self) -> Future[pl.DataFrame | None]:
        return self._reader.submit(next, self._chunks, None)

    def chunks(self) -> Generator[pl.DataFrame]:
        """Yield the chunks, once. Raises what `read_chunks` does."""
        # Each is let go of when it is asked for, so that a chunk is held no longer than it is needed.
        while (chunk := self._coming.popleft().result()) is not None:
            if len(self._coming) < _AHEAD_LATER:
                self._coming.append(self._read())
            yield chunk

    def close(self) -> None:
        """Read no further, and let go of the source."""
        self._reader.shutdown(cancel_futures=True)
        self._chunks.close()

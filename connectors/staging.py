"""Writes files that are either whole or absent: to a temporary name, flushed to disk, then renamed.

Lead data is private, so files are readable by their owner alone.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event
from types import TracebackType
from typing import BinaryIO, Final, Self

import polars as pl
from polars.io.plugins import register_io_source

from transforms.batching import Batch

_CHUNKS_BEHIND: Final = 1
_LOOK_SECONDS: Final = 0.2
"""How many chunks wait to be written, and how often who waits looks whether the other side is still there."""


_PRIVATE: Final = 0o600


def private_file(path: Path) -> Path:
    """Create an empty file that its owner alone may read, and return its path. Raises OSError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE))
    return path


@contextmanager
def written_whole(path: Path, *, mode: int = _PRIVATE, new: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success its content is on disk under `path`, else nothing is.

    A `new` file takes the place of no other. Raises OSError as the file system does (a full disk, no right to write),
    and FileExistsError for a `new` file where one is there in the end.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")  # mkstemp makes it 0600
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if mode != _PRIVATE:
            temporary.chmod(mode)
        _flush(temporary)
        if new:
            _place_new(temporary, path)
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush(path.parent)


def _place_new(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)  # which, unlike renaming, replaces nothing
    except FileExistsError:
        raise
    except OSError:  # a file system without links: at least nothing is replaced that is there by now
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_frame(path: Path, frame: pl.LazyFrame, *, row_group_size: int | None = None) -> None:
    """Stream `frame` to Parquet at `path`, whole or not at all; categories become text."""
    # Opened here: given a path, polars may make the file once more after an error, when it was taken away.
    with written_whole(path) as temporary, temporary.open("wb") as file:
        _sink(frame, file, row_group_size)


def _sink(frame: pl.LazyFrame, path: Path | BinaryIO, row_group_size: int | None) -> None:
    schema = frame.collect_schema()
    # Files are read whole or by row group: statistics would only cost time. Where no schema is given, polars copies all
    # texts into another layout before it writes them; the one given is that of its own columns.
    frame.sink_parquet(
        path,
        compression="lz4",
        statistics=False,
        row_group_size=row_group_size,
        metadata=_as_text(schema),
        arrow_schema=schema,
    )


def _as_text(schema: pl.Schema) -> dict[str, str]:
    """Return what a file says of its columns, were its categories text.

    In Parquet both are text with a dictionary, which categories have already and text must be gone through for. Only
    the Arrow schema beside it, as polars writes it, would have readers take the one for the other. Texts are described
    in the layout that every reader of Arrow knows, whichever they are written from.
    """
    texts = pl.Schema({name: pl.String() if _is_category(dtype) else dtype for name, dtype in schema.items()})
    file = BytesIO()
    pl.DataFrame(schema=texts).write_parquet(file)
    file.seek(0)
    return pl.read_parquet_metadata(file)


def _is_category(dtype: pl.DataType) -> bool:
    return isinstance(dtype, (pl.Enum, pl.Categorical))


def write_chunks(path: Path, chunks: Iterator[pl.DataFrame], *, row_group_size: int | None = None) -> None:
    """Write `chunks` (at least one, of one schema) to Parquet at `path` without holding more than a few of them."""
    with ChunkWriter(path, row_group_size=row_group_size) as writer:
        for chunk in chunks:
            writer.write(chunk)


class ChunkWriter:
    """Writes chunks of one schema, as they come, to a Parquet file that is whole after the block, or absent.

    A thread of its own writes, a chunk or two behind; the one of polars that asks for chunks only waits for them. An
    error of writing is raised by the next `write`, or at the end.
    """

    def __init__(self, path: Path, *, row_group_size: int | None = None) -> None:
        """Write to `path`; nothing is done before the first chunk."""
        self._path, self._row_group_size = path, row_group_size
        self._queue: Queue[pl.DataFrame | None] = Queue(_CHUNKS_BEHIND)
        self._given_up, self._ended = Event(), False
        self._pool = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def write(self, chunk: pl.DataFrame) -> None:
        """Have `chunk` written. Raises OSError as the file system does."""
        if self._writing is None:
            rows = register_io_source(self._chunks, schema=chunk.schema)
            self._writing = self._pool.submit(self._write_all, rows)
        self._put(chunk)

    def end(self) -> None:
        """Say that there are no more chunks: the file is made whole meanwhile. Raises OSError as `write` does."""
        if self._writing is not None and not self._ended:
            self._ended = True
            self._put(None)

    def _write_all(self, rows: pl.LazyFrame) -> None:
        with written_whole(self._path) as temporary:
            _sink(rows, temporary, self._row_group_size)
            if self._given_up.is_set():
                raise InterruptedError("nobody wants the file any more")

    def _put(self, chunk: pl.DataFrame | None) -> None:
        while self._writing is not None and not self._writing.done():
            with suppress(Full):
                self._queue.put(chunk, timeout=_LOOK_SECONDS)
                return
        if self._writing is not None:
            self._writing.result()

    def _chunks(
        self, with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del with_columns, predicate, n_rows, batch_size  # the sink asks for everything
        while True:
            try:
                chunk = self._queue.get(timeout=_LOOK_SECONDS)
            except Empty:
                chunk = None
                if not self._given_up.is_set():
                    continue
            # Given up, rows come to a regular end: after an error polars may make the file once it was taken away.
            if chunk is None or self._given_up.is_set():
                return
            yield chunk

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all is on disk, or, after an error, until nothing is."""
        with self._pool:
            if self._writing is None:
                return
            if error is None:
                self.end()
                self._writing.result()
                return
            self._given_up.set()
            wait([self._writing])


def scan(path: Path) -> pl.LazyFrame:
    """Read a file of a run lazily; its path is a name, also where it has the marks of a glob in it."""
    return pl.scan_parquet(path, glob=False)


def read_batch(path: Path, batch: Batch) -> pl.DataFrame:
    """Read one batch of the staged leads; it is a row group of its own, so only that is read."""
    return scan(path).slice(batch.first, batch.size).collect()

"""Holds the frames of one pass until the next: in memory as far as a budget goes, then on disk beside the run.

What repeats over a whole load is known only when all of it was read, so its rows are gone through twice. Most loads
fit the budget and cost no writing; one that does not costs disk, not memory.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from connectors.staging import private_file

SPOOL_PREFIX = ".spool-"
"""Begins the name of every file of a spool, so that what a killed process left can be found."""


_VIEW_BYTES: Final = 16
"""What polars keeps for each text beside its characters, which its own estimate leaves out."""


class Spool:
    """Frames of one schema, given back in the order they came, as often as asked; closing it removes its files."""

    def __init__(self, folder: Path, name: str, budget: int) -> None:
        """Keep up to about `budget` bytes in memory, and files in `folder` after that."""
        self._folder, self._name, self._left = folder, name, budget
        self._frames: list[pl.DataFrame | Path] = []
        self._schema = pl.Schema()
        self.height = 0

    def append(self, frame: pl.DataFrame) -> None:
        """Take one more frame. Raises OSError as the file system does."""
        self._schema = frame.schema
        self.height += frame.height
        texts = sum(dtype == pl.String for dtype in frame.dtypes)
        self._left -= int(frame.estimated_size()) + frame.height * texts * _VIEW_BYTES
        if self._left >= 0:
            self._frames.append(frame)
            return
        self._frames.append(self._write(frame, f"{len(self._frames):05d}"))

    def _write(self, frame: pl.DataFrame, name: str) -> Path:
        path = self._folder / f"{SPOOL_PREFIX}{self._name}-{name}.parquet"
        try:
            # Parquet is a tenth of the size of what lies in memory, which tells on slow disks.
            frame.write_parquet(private_file(path), compression="lz4", statistics=False)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    @property
    def columns(self) -> list[str]:
        """The names of the frames' columns."""
        return self._schema.names()

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield every frame, of `columns` alone if named."""
        for frame in self._frames:
            if isinstance(frame, Path):
                yield pl.read_parquet(frame, columns=list(columns) if columns is not None else None)
            else:
                yield frame if columns is None else frame.select(columns)

    def scan(self) -> pl.LazyFrame:
        """Return all frames as one lazy frame; at least one was appended."""
        return pl.concat(
            pl.scan_parquet(frame, glob=False) if isinstance(frame, Path) else frame.lazy() for frame in self._frames
        )

    def close(self) -> None:
        """Forget every frame."""
        for frame in self._frames:
            if isinstance(frame, Path):
                frame.unlink(missing_ok=True)
        self._frames.clear()

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the spool, whatever happened."""
        self.close()

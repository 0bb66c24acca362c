"""What every source gives, and the errors all of them share."""

import difflib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, count, takewhile
from pathlib import Path
from typing import Final

import polars as pl
import polars.selectors as cs

from transforms.vocabulary.errors import SourceError

SOURCE_ROW: Final = "source_row"
SOURCE_FILE: Final = "source_file"
ROW_FAULT: Final = "row_fault"
"""Our own columns beside the source's: the row's place, its file where there are several, and why it is no row."""

OUR_COLUMNS: Final = frozenset(
    f"leadferry_{name}" for name in ("source_row", "outcome", "reason", "advice", "detail", "column", "suggestion")
)
"""What rejects.csv has beside the source's own columns."""

ID_TAKEN: Final = "leadferry_id_taken"
"""Where the id that a row was taken by stands while rejects.csv is written."""

_RESERVED: Final = OUR_COLUMNS | {SOURCE_ROW, SOURCE_FILE, ROW_FAULT, ID_TAKEN}

_MARKS: Final = frozenset("*?[")
"""What makes a path a glob."""

_NAMED: Final = 5
"""Names that a note lists before it says how many more there are."""


_PULLED_ROWS: Final = 100_000
"""Rows that polars gives at once where it reads a file by itself."""

Frames = Callable[[int | None], Generator[pl.DataFrame]]
"""Gives rows in order, as frames of any height: all of them, or with a limit those that are at least so many.

It runs in the thread that asks for the next frame, and what it holds is let go of when it is closed. No thread of
polars is ever in it: at the end of the process such a thread would take everything down with it.
"""


def _hold_nothing() -> None:
    """Let go of a source that holds nothing until its rows are asked for."""


@dataclass(frozen=True)
class Extract:
    """A source as opened, all text, whose rows can be asked for by `frames`.

    `notes` are sentences that a person should read before trusting the load; the run warns with them. `late_notes` are
    more of them, which are there once all rows are read. `ids_as_taken` says that an earlier load took the ids as
    they stand here, which is so in a rejects.csv. `row_fault` is a reason code, and after a blank where the row is in
    the source and what is wrong with it, if the source knows. `close` lets go of a source whose rows nobody asks for;
    it may be called twice.
    """

    pull: Frames
    columns: tuple[str, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    late_notes: list[str] = field(default_factory=list)
    ids_as_taken: bool = False
    close: Callable[[], None] = _hold_nothing

    def frames(self, limit: int | None = None) -> Generator[pl.DataFrame]:
        """Yield the rows (the first `limit` of them) in source order, with `source_row` (0-based, u64) first.

        They are read in the caller's thread; closing the generator ends reading at once. Raises SourceError.
        """
        read = 0
        with closing(self.pull(limit)) as frames:
            for frame in frames:
                part = frame if limit is None else frame.head(limit - read)
                number = pl.int_range(read, read + part.height, dtype=pl.UInt64, eager=True).alias(SOURCE_ROW)
                read += part.height
                yield part.select_seq(number, pl.all())
                if read == limit:
                    return

    def collect(self, limit: int | None = None) -> pl.DataFrame:
        """Return the rows (the first `limit` of them) as one frame. Raises SourceError."""
        more = [SOURCE_FILE] if len(self.files) > 1 else []
        texts = dict.fromkeys([*self.columns, ROW_FAULT, *more], pl.String)
        return pl.concat([pl.DataFrame(schema={SOURCE_ROW: pl.UInt64, **texts}), *self.frames(limit)])


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: its text columns by name, and its rows with `row_fault` beside them."""

    path: Path
    columns: tuple[str, ...]
    frames: Frames


@dataclass(frozen=True)
class Listing:
    """The files that a path stands for, sorted by name, and those of their kind that are left out as hidden."""

    files: tuple[Path, ...]
    hidden: tuple[Path, ...]

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know of the files left out."""
        if not self.hidden:
            return ()
        return (f"Left out as hidden: {_shortened([file.name for file in self.hidden], _NAMED)}.",)


def join_files(files: Sequence[SourceFile], wanted: Sequence[str], notes: Sequence[str] = ()) -> Extract:
    """Put files one after another, by column name; several get a column `source_file`.

    `notes` are told together with which file lacks which column. Raises SourceError for a file that lacks a column of
    `wanted`, and for one that uses a name of ours.
    """
    for file in files:
        require_columns(wanted, file.columns, str(file.path))
        refuse_reserved(file.columns, str(file.path), "Rename that column in the export.")
    columns = tuple(dict.fromkeys(name for file in files for name in file.columns))

    def pull(limit: int | None) -> Generator[pl.DataFrame]:
        for file in files:
            with closing(file.frames(limit)) as frames:
                for frame in frames:
                    yield frame if len(files) == 1 else _aligned(frame, columns, file.path.name)

    told = (*notes, *_differences(files, columns))
    return Extract(pull, columns, tuple(file.path for file in files), told)


def _aligned(frame: pl.DataFrame, columns: Sequence[str], file: str) -> pl.DataFrame:
    """Return a frame with all of `columns`, and the name of its file."""
    missing = {name: pl.lit(None, pl.String).alias(name) for name in columns if name not in frame.columns}
    return frame.select_seq(
        *(missing.get(name, cs.by_name(name)) for name in columns), ROW_FAULT, pl.lit(file).alias(SOURCE_FILE)
    )


def frames_of(rows: pl.LazyFrame) -> Frames:
    """Return the rows of a query that polars answers by itself."""

    def pull(limit: int | None) -> Generator[pl.DataFrame]:
        wanted = rows if limit is None else rows.head(limit)
        yield from wanted.collect_batches(chunk_size=_PULLED_ROWS, maintain_order=True)

    return pull


def refuse_reserved(columns: Sequence[str], where: str, next_step: str) -> None:
    """Raise SourceError if one of `columns` has a name of ours."""
    taken = _RESERVED & set(columns)
    if taken:
        if taken & OUR_COLUMNS:
            next_step += " A rejects.csv is known by leadferry_source_row and leadferry_reason: leave both in it."
        raise SourceError(
            "COLUMN_RESERVED",
            f"{where} has a column named {', '.join(sorted(taken))}, which the report needs for itself.",
            next_step,
        )


def _differences(files: Sequence[SourceFile], columns: Sequence[str]) -> tuple[str, ...]:
    """Say which files lack which of all columns, if any does: their cells are empty."""
    lacking = [(file, [name for name in columns if name not in file.columns]) for file in files]
    faults = [
        f"{file.path.name} lacks {_shortened(list(map(repr, names)), _NAMED)}" for file, names in lacking if names
    ]
    if not faults:
        return ()
    return (f"The files do not have the same columns; what a file lacks is empty. {_shortened(faults, _NAMED, '; ')}.",)


def _shortened(words: Sequence[str], most: int, separator: str = ", ") -> str:
    shown = separator.join(words[:most])
    return f"{shown}{separator}and {len(words) - most:,} more" if len(words) > most else shown


def find_files(path: str, ending: str, *, partitions: bool = False) -> list[Path]:
    """Return the files that `path` stands for, as `list_files` does, without those left out."""
    return list(list_files(path, ending, partitions=partitions).files)


def list_files(path: str, ending: str, *, partitions: bool = False) -> Listing:
    """Return the files that `path` (a file, a folder or a glob) stands for, sorted by name.

    In folders and for globs, names that begin with a dot or with `~$` (as Excel calls its locks) are left out. With
    `partitions` those that begin with an underscore are too, and a folder's own folders of the form `name=value` are
    gone through. Raises SourceError where no file is left.
    """
    place = Path(path)
    if place.is_file():
        return Listing((place,), ())
    if place.is_dir():
        base = place
        found = [file for file in _walk(place, partitions=partitions) if file.suffix.lower() == ending]
        nothing = f"The folder {path} holds no {ending} file."
    elif any(mark in path for mark in _MARKS):
        anchor = Path(place.anchor)
        relative = place.relative_to(anchor)
        plain = takewhile(lambda part: not set(part) & _MARKS, relative.parts)
        base = anchor.joinpath(*plain)
        try:
            found = [file for file in anchor.glob(str(relative)) if file.is_file()]
        except ValueError:
            raise SourceError(
                "SOURCE_PATTERN",
                f"{path} is no glob: `**` stands for folders, by itself between slashes.",
                "Write *, or **/*, in source.path of the job file.",
            ) from None
        nothing = f"No file matches {path}."
    else:
        base, found = place, []
        nothing = f"There is no file {path}."
    hidden = [file for file in found if is_left_out(file.relative_to(base).parts, partitions=partitions)]
    files = sorted(set(found) - set(hidden))
    if not files:
        raise SourceError("SOURCE_MISSING", nothing, "Check source.path in the job file.")
    return Listing(tuple(files), tuple(sorted(hidden)))


def is_left_out(parts: Sequence[str], *, partitions: bool) -> bool:
    """Return whether a file is left out for a name that hides it, its own or that of a folder it is in."""
    marks = (".", "~$", "_") if partitions else (".", "~$")
    return any(part.startswith(marks) for part in parts)


def _walk(folder: Path, *, partitions: bool) -> Iterator[Path]:
    """Yield the files of a folder, and with `partitions` of those folders in it that are called `name=value`."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield entry
        elif partitions and "=" in entry.name and not entry.name.startswith((".", "_")) and entry.is_dir():
            yield from _walk(entry, partitions=True)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return `names` with those that repeat an earlier one told apart by the suffix that polars gives them."""
    told: list[str] = []
    for name in names:
        suffixed = (f"{name}_duplicated_{number}" for number in count())
        told.append(next(candidate for candidate in chain([name], suffixed) if candidate not in told))
    return told


def require_columns(wanted: Sequence[str], present: Sequence[str], where: str) -> None:
    """Raise SourceError naming each of `wanted` that `present` lacks, and the nearest name that is there."""
    missing = [name for name in wanted if name not in present]
    if not missing:
        return
    lowered = {name.lower().strip(): name for name in present}
    faults = []
    for name in missing:
        near = difflib.get_close_matches(name.lower().strip(), list(lowered), n=1, cutoff=0.6)
        hint = f"did you mean {lowered[near[0]]!r}?" if near else f"it has {', '.join(map(repr, present))}."
        faults.append(f"column {name!r} is not in {where}; {hint}")
    raise SourceError("COLUMN_MISSING", " ".join(faults), "Correct its name in the job file.")


def refuse_empty(where: str, *, has_header: bool) -> SourceError:
    """Return the error for a source without a row."""
    what = "has a header but no rows" if has_header else "is empty"
    return SourceError("SOURCE_EMPTY", f"{where} {what}.", "Check that the export finished, then run again.")

"""What every source gives, and the errors all of them share."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from transforms.vocabulary.errors import SourceError

SOURCE_ROW: Final = "source_row"
SOURCE_FILE: Final = "source_file"
ROW_FAULT: Final = "row_fault"
"""Our own columns beside the source's: the row's place, its file where there are several, and why it is no row."""


@dataclass(frozen=True)
class Extract:
    """A source as read: `rows` is lazy, all text, in source order, with `source_row` (0-based, u64) first."""

    rows: pl.LazyFrame
    columns: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: its text columns by name, and its rows with `row_fault` beside them."""

    path: Path
    columns: tuple[str, ...]
    rows: pl.LazyFrame


def join_files(files: Sequence[SourceFile], wanted: Sequence[str]) -> Extract:
    """Put files one after another, by column name; several get a column `source_file`.

    Raises SourceError for a file that lacks a column of `wanted`, and for one that uses a name of ours.
    """
    for file in files:
        require_columns(wanted, file.columns, str(file.path))
        taken = {SOURCE_ROW, SOURCE_FILE, ROW_FAULT} & set(file.columns)
        if taken:
            raise SourceError(
                "COLUMN_RESERVED",
                f"{file.path} has a column named {', '.join(sorted(taken))}, which the report needs for itself.",
                "Rename that column in the export.",
            )
    named = [file.rows.with_columns(pl.lit(file.path.name).alias(SOURCE_FILE)) for file in files]
    rows = pl.concat(named, how="diagonal") if len(files) > 1 else files[0].rows
    columns = dict.fromkeys(name for file in files for name in file.columns)
    numbered = rows.with_row_index(SOURCE_ROW).with_columns(pl.col(SOURCE_ROW).cast(pl.UInt64))
    return Extract(numbered, tuple(columns), tuple(file.path for file in files))


def find_files(path: str, ending: str) -> list[Path]:
    """Return the files that `path` (a file, a folder or a glob) stands for, sorted by name.

    Raises SourceError where there is none.
    """
    place = Path(path)
    if place.is_file():
        return [place]
    if place.is_dir():
        found = sorted(file for file in place.iterdir() if file.suffix.lower() == ending and file.is_file())
        nothing = f"The folder {path} holds no {ending} file."
    elif any(mark in path for mark in "*?["):
        anchor = Path(place.anchor)
        found = sorted(file for file in anchor.glob(str(place.relative_to(anchor))) if file.is_file())
        nothing = f"No file matches {path}."
    else:
        found = []
        nothing = f"There is no file {path}."
    if not found:
        raise SourceError("SOURCE_MISSING", nothing, "Check source.path in the job file.")
    return found


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

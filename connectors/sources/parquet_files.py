"""Parquet files; every type becomes text, so that what follows treats them like any other source.

A float column in which every number of every file is whole is told without `.0`: that is what data frames make of whole
numbers when one is missing, and an id is the same id for it. NaN is such a frame's way to say that there is nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl
import polars.selectors as cs

from connectors.sources.extract import ROW_FAULT, Extract, SourceFile, frames_of, join_files, list_files
from connectors.sources.single_floats import LARGEST_EXACT, show_missing_digits
from transforms.vocabulary.errors import SourceError

ENDING: Final = ".parquet"

_NESTED: Final = (pl.List, pl.Array, pl.Struct)

_TIMES_TOLD_IN_ISO: Final = (pl.Time, pl.Duration)
"""Types whose plain cast to text loses fractions of a second, or does not exist."""

_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
"""What partitioned folders call the partition of rows that have no value."""

_LARGEST_TOLD: Final = 1e38
"""Whole numbers beyond it do not fit into the integers that they are told as."""

_FAULTS: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


@dataclass(frozen=True)
class _File:
    """One file as it was opened: its rows as they are, their types, and the values its folders give to all rows."""

    path: Path
    rows: pl.LazyFrame
    schema: Mapping[str, pl.DataType]
    partitions: Mapping[str, str | None]


def open_parquet(path: str, wanted: list[str]) -> Extract:
    """Open the Parquet file, folder or glob `path` as text; `wanted` are the columns the job names.

    Folders of the form `name=value` in a file's path give its rows a column. Float columns are gone through once to see
    whether they are whole. Raises SourceError for a missing file, one that is no Parquet, or a missing column.
    """
    listing = list_files(path, ENDING, partitions=True)
    opened = [_open(file) for file in listing.files]
    floats = _Floats(opened)
    files = [
        SourceFile(
            file.path,
            (*file.schema, *file.partitions),
            frames_of(
                file.rows.select(
                    *(_as_text(name, dtype, whole=floats.is_whole(name)) for name, dtype in file.schema.items()),
                    *(pl.lit(value, pl.String).alias(name) for name, value in file.partitions.items()),
                    pl.lit(None, pl.String).alias(ROW_FAULT),
                )
            ),
        )
        for file in opened
    ]
    return join_files(files, wanted, [*listing.notes(), *floats.notes()])


def find_damaged(path: str) -> Path | None:
    """Return the first of the files of `path` whose rows cannot be read, which costs reading them all."""
    for file in list_files(path, ENDING, partitions=True).files:
        try:
            for _ in pl.scan_parquet(file, glob=False).collect_batches():
                pass
        except _FAULTS:
            return file
    return None


def _open(file: Path) -> _File:
    if not file.stat().st_size:
        raise _refuse(file, "it is empty")
    rows = pl.scan_parquet(file, glob=False, hive_partitioning=False)
    try:
        schema = rows.collect_schema()
    except _FAULTS as error:
        raise _refuse(file, error) from None
    return _File(file, rows, schema, {name: value for name, value in _partitions(file) if name not in schema})


def _refuse(file: Path, fault: object) -> SourceError:
    words = str(fault).splitlines() or [type(fault).__name__]
    return SourceError(
        "SOURCE_UNREADABLE",
        f"{file} is not a Parquet file that can be read: {words[0]}.",
        "See that the export has finished, or export it again.",
    )


def _partitions(file: Path) -> list[tuple[str, str | None]]:
    """Return name and value of each `name=value` folder in a file's path; a column of the file's own goes before."""
    pairs = [folder.split("=", 1) for folder in file.parent.parts if "=" in folder.strip("=")]
    return [(unquote(name), None if value == _NO_VALUE else unquote(value)) for name, value in pairs]


class _Floats:
    """What the float columns of all files hold: one that is whole in one file alone is not told as whole."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._fractional: set[str] = set()
        self._notes: list[str] = []
        for file in files:
            self._look(file)

    def is_whole(self, name: str) -> bool:
        """Return whether no file has a number with a fraction in that column."""
        return name not in self._fractional

    def notes(self) -> list[str]:
        """Return which columns hold larger numbers than their floats can hold exactly."""
        return self._notes

    def _look(self, file: _File) -> None:
        kinds = {name: dtype for name, dtype in file.schema.items() if dtype.is_float()}
        if not kinds:
            return
        asked = [
            pl.struct(_is_whole(cell).all().alias("whole"), cell.abs().max().alias("largest")).alias(name)
            for name, cell in ((name, cs.by_name(name).as_expr()) for name in kinds)
        ]
        try:
            answers = file.rows.select(asked).collect(engine="streaming").row(0, named=True)
        except _FAULTS as error:
            raise _refuse(file.path, error) from None
        for name, answer in answers.items():
            exact = LARGEST_EXACT if kinds[name] == pl.Float32 else 2**53
            if not answer["whole"]:
                self._fractional.add(name)
            elif (answer["largest"] or 0) > exact:
                self._notes.append(
                    f"{file.path.name} stores column {name!r} as floats and has numbers beyond {exact:,} in it, whose "
                    "last digits such floats cannot hold: export it as text or as whole numbers."
                )


def _is_whole(number: pl.Expr) -> pl.Expr:
    return number.is_null() | number.is_nan() | ((number == number.floor()) & (number.abs() < _LARGEST_TOLD))


def _as_text(name: str, dtype: pl.DataType, *, whole: bool) -> pl.Expr:
    column = cs.by_name(name).as_expr()
    if dtype.is_float():
        number = column.fill_nan(None)
        text = (number.cast(pl.Int128) if whole else number).cast(pl.String)
        if dtype == pl.Float32:
            beyond = number.abs() > LARGEST_EXACT
            text = pl.when(beyond).then(show_missing_digits(number.cast(pl.String))).otherwise(text)
        return text.alias(name)
    if isinstance(dtype, _NESTED):
        # Only a struct can be written as JSON: wrap the value, then take the wrapping off again.
        wrapped = pl.struct(_without_binary(column, dtype).alias("v")).struct.json_encode()
        text = wrapped.str.strip_prefix('{"v":').str.head(-1)
        return pl.when(column.is_not_null()).then(text).alias(name)
    if dtype == pl.Binary:
        return column.bin.encode("hex").alias(name)
    if isinstance(dtype, _TIMES_TOLD_IN_ISO):
        return column.dt.to_string("iso").alias(name)
    return column.cast(pl.String).alias(name)


def _without_binary(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a nested value with its bytes as hexadecimal text: at bytes the writer of JSON panics."""
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    if isinstance(dtype, pl.List | pl.Array) and isinstance(dtype.inner, pl.DataType):
        items = value if isinstance(dtype, pl.List) else value.arr.to_list()
        return items.list.eval(_without_binary(pl.element(), dtype.inner))
    if isinstance(dtype, pl.Struct):
        # By numbers, for `field` takes some names for patterns.
        numbered = value.struct.rename_fields([str(place) for place in range(len(dtype.fields))])
        fields = [
            _without_binary(numbered.struct.field(str(place)), field.dtype).alias(field.name)
            for place, field in enumerate(dtype.fields)
            if isinstance(field.dtype, pl.DataType)
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    return value

"""Parquet files; every type becomes text, so that what follows treats them like any other source."""

from typing import Final

import polars as pl

from connectors.sources.extract import ROW_FAULT, Extract, SourceFile, find_files, join_files
from transforms.vocabulary.errors import SourceError

_NESTED: Final = (pl.List, pl.Array, pl.Struct)

_TIMES_TOLD_IN_ISO: Final = (pl.Time, pl.Duration)
"""Types whose plain cast to text loses fractions of a second, or does not exist."""


def open_parquet(path: str, wanted: list[str]) -> Extract:
    """Open the Parquet file, folder or glob `path` as text; `wanted` are the columns the job names.

    Raises SourceError for a missing file, one that is no Parquet, or a missing column.
    """
    files = []
    for file in find_files(path, ".parquet"):
        rows = pl.scan_parquet(file, glob=False)
        try:
            schema = rows.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(
                "SOURCE_UNREADABLE", f"{file} is not a Parquet file that can be read: {error}.", "Export it again."
            ) from None
        text = [_as_text(name, dtype) for name, dtype in schema.items()]
        files.append(SourceFile(file, tuple(schema), rows.select(*text, pl.lit(None, pl.String).alias(ROW_FAULT))))
    return join_files(files, wanted)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
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
        fields = [
            _without_binary(value.struct.field(field.name), field.dtype).alias(field.name)
            for field in dtype.fields
            if isinstance(field.dtype, pl.DataType)
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    return value

"""Parquet files; every type becomes text, so that what follows treats them like any other source."""

from typing import Final

import polars as pl

from connectors.sources.extract import ROW_FAULT, Extract, SourceFile, find_files, join_files
from transforms.vocabulary.errors import SourceError

_NESTED: Final = (pl.List, pl.Array, pl.Struct)


def open_parquet(path: str, wanted: list[str]) -> Extract:
    """Open the Parquet file, folder or glob `path` as text; `wanted` are the columns the job names.

    Raises SourceError for a missing file, one that is no Parquet, or a missing column.
    """
    files = []
    for file in find_files(path, ".parquet"):
        rows = pl.scan_parquet(file)
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
        wrapped = pl.struct(column.alias("v")).struct.json_encode()
        text = wrapped.str.strip_prefix('{"v":').str.head(-1)
        return pl.when(column.is_not_null()).then(text).alias(name)
    if dtype == pl.Binary:
        return column.bin.encode("hex").alias(name)
    return column.cast(pl.String).alias(name)

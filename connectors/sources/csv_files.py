"""CSV files, every column as text: no leading zero and no long number is ever lost to a guessed type.

polars reads a well-formed file at full speed, but one row with a field too many, a stray quote or a byte that is not
UTF-8 fails it whole. Read `careful`, such a file is taken field by field: the bad row is set aside with its reason and
the others go on.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from connectors.sources.extract import ROW_FAULT, Extract, SourceFile, find_files, join_files, refuse_empty
from transforms.vocabulary.errors import SourceError
from transforms.vocabulary.reasons import Reason

_OUR_COLUMNS: Final = {
    "leadferry_source_row",
    "leadferry_outcome",
    "leadferry_reason",
    "leadferry_advice",
    "leadferry_detail",
}
"""What rejects.csv has beside the source's own columns."""

_CHUNK_ROWS: Final = 50_000


def open_csv(path: str, wanted: list[str], *, separator: str = ",", careful: bool = False) -> Extract:
    """Open the CSV file, folder or glob `path` as text; `wanted` are the columns the job names.

    Raises SourceError for a missing or empty file or a missing column, and, when not `careful`,
    pl.exceptions.ComputeError while the rows are read if a file is not well-formed.
    """
    files = []
    for file in find_files(path, ".csv"):
        names = _read_header(file, separator)
        if careful:
            rows = _read_field_by_field(file, separator, names)
        else:
            rows = pl.scan_csv(file, infer_schema=False, separator=separator, has_header=True).with_columns(
                pl.lit(None, pl.String).alias(ROW_FAULT)
            )
        if _OUR_COLUMNS & set(names):
            rows, names = _mended_rejects(rows, names)
        files.append(SourceFile(file, tuple(names), rows))
    return join_files(files, wanted)


def _mended_rejects(rows: pl.LazyFrame, names: list[str]) -> tuple[pl.LazyFrame, list[str]]:
    """Turn a rejects.csv back into the source it came from: its own columns, without the marks against formulas."""
    own = [name for name in names if name not in _OUR_COLUMNS]
    unmarked = pl.col(own).str.replace(r"^'([=+\-@\t\r])", "$1")
    return rows.select(unmarked, ROW_FAULT), own


def _read_header(file: Path, separator: str) -> list[str]:
    """Return the column names as polars makes them (a repeated name gets a suffix)."""
    try:
        head = pl.read_csv(file, infer_schema=False, separator=separator, n_rows=1, truncate_ragged_lines=True)
    except pl.exceptions.NoDataError:
        raise refuse_empty(str(file), has_header=False) from None
    except (pl.exceptions.ComputeError, UnicodeDecodeError):
        head = _header_by_hand(file, separator)
    except OSError as error:
        raise SourceError("SOURCE_UNREADABLE", f"{file} cannot be read: {error}.", "Check its permissions.") from None
    return head.columns


def _header_by_hand(file: Path, separator: str) -> pl.DataFrame:
    """Read the header of a file whose first rows polars refuses."""
    with file.open("rb") as binary:
        first = binary.readline()
    try:
        return pl.read_csv(first, infer_schema=False, separator=separator)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        raise SourceError(
            "SOURCE_NOT_TEXT", f"The first line of {file} is not UTF-8 text.", "Export it as CSV in UTF-8."
        ) from None


def _read_field_by_field(file: Path, separator: str, names: list[str]) -> pl.LazyFrame:
    schema = pl.Schema(dict.fromkeys([*names, ROW_FAULT], pl.String))

    def produce(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        left = sys.maxsize if n_rows is None else n_rows
        for chunk in _chunks(file, separator, schema):
            part = chunk.head(left)
            left -= part.height
            part = part.filter(predicate) if predicate is not None else part
            yield part.select(with_columns) if with_columns is not None else part
            if left <= 0:
                return

    return register_io_source(produce, schema=schema)


def _chunks(file: Path, separator: str, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    rows: list[list[str | None]] = []
    for row in _Records(file, separator, len(schema) - 1):
        rows.append(row)
        if len(rows) >= _CHUNK_ROWS:
            yield pl.DataFrame(rows, schema=schema, orient="row")
            rows = []
    yield pl.DataFrame(rows, schema=schema, orient="row")


class _Records:
    """The records of one file after its header, each with as many fields as the header and a fault or None.

    A line that is not UTF-8 is shown as Latin-1, which no byte can fail, and its row is refused.
    """

    def __init__(self, file: Path, separator: str, width: int) -> None:
        self._file, self._separator, self._width = file, separator, width
        self._lines: list[str] = []
        self._not_utf8 = False

    def __iter__(self) -> Iterator[list[str | None]]:
        csv.field_size_limit(sys.maxsize)
        with self._file.open("rb") as binary:
            reader = csv.reader(self._decoded(binary), delimiter=self._separator)
            next(reader, None)
            self._lines, self._not_utf8 = [], False
            first_line = reader.line_num + 1
            for fields in reader:
                last, first_line_of_last = self._lines, first_line
                yield self._fit(fields)
                self._lines, self._not_utf8, first_line = [], False, reader.line_num + 1
            if reader.line_num > 1 and len(last) > 1:
                self._refuse_open_quote(last, first_line_of_last)

    def _decoded(self, binary: Iterator[bytes]) -> Iterator[str]:
        for line in binary:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                text, self._not_utf8 = line.decode("latin-1"), True
            self._lines.append(text)
            yield text.replace("\0", "")

    def _fit(self, fields: list[str]) -> list[str | None]:
        fault: str | None = Reason.ROW_NOT_UTF8 if self._not_utf8 else None
        if len(fields) > self._width:
            fault = Reason.ROW_TOO_MANY_FIELDS
            kept = self._width - 1
            fields = [*fields[:kept], self._separator.join(fields[kept:])]  # nothing of the row is thrown away
        missing = self._width - len(fields)
        return [*(field or None for field in fields), *[None] * missing, fault]

    def _refuse_open_quote(self, lines: list[str], number: int) -> None:
        """Raise if the last record only ended because the file did: the rows after its quote would be lost in it."""
        try:
            list(csv.reader(lines, delimiter=self._separator, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise SourceError(
                    "SOURCE_OPEN_QUOTE",
                    f"{self._file}, line {number}: a quote opens a field that never ends.",
                    "Close the quote, or double it where it is part of the text.",
                ) from None

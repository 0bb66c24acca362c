"""CSV files, every column as text: no leading zero and no long number is ever lost to a guessed type.

polars reads a well-formed file at full speed, but one row with a field too many, a stray quote or a byte that is not
UTF-8 fails it whole. Read `careful`, such a file is taken field by field: the bad row is set aside with its reason and
the others go on.
"""

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from connectors.sources.extract import ROW_FAULT, SOURCE_FILE, Extract, SourceFile, find_files, join_files, refuse_empty
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

_MARKED: Final = r"^'('*[=+\-@\t\r\n])"
"""What rejects.csv makes of a cell that would start a formula: an apostrophe before it."""

_CHUNK_ROWS: Final = 50_000
_LONGEST_HEADER: Final = 1_000_000

_GZIP: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
"""Characters that show a file to be something else than CSV text: controls, and line ends of CR alone."""

_BARE_CR: Final = "\udc0d"
"""Stands in for a CR that ends no line, which `csv` does not take; no UTF-8 decodes to it."""


def open_csv(path: str, wanted: list[str], *, separator: str = ",", careful: bool = False) -> Extract:
    """Open the CSV file, folder or glob `path` as text; `wanted` are the columns the job names.

    Raises SourceError for a missing or empty file or a missing column, and, when not `careful`,
    pl.exceptions.ComputeError while the rows are read if a file is not well-formed.
    """
    files = []
    for file in find_files(path, ".csv"):
        header = _read_header(file, separator)
        names = header.names
        if careful or not header.is_plain:
            rows = _read_field_by_field(file, separator, names)
        else:
            rows = pl.scan_csv(file, infer_schema=False, separator=separator, new_columns=names, glob=False).select(
                _absent_if_empty(pl.col(pl.String)), pl.lit(None, pl.String).alias(ROW_FAULT)
            )
        if _OUR_COLUMNS & set(names):
            rows, names = _mended_rejects(rows, names)
        files.append(SourceFile(file, tuple(names), rows))
    return join_files(files, wanted)


def _absent_if_empty(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with `""` as null, which the other way of reading cannot tell from nothing."""
    return pl.when(cell.str.len_bytes() > 0).then(cell).name.keep()


def _mended_rejects(rows: pl.LazyFrame, names: list[str]) -> tuple[pl.LazyFrame, list[str]]:
    """Turn a rejects.csv back into the source it came from: its own columns, without the marks against formulas."""
    own = [name for name in names if name not in _OUR_COLUMNS | {SOURCE_FILE}]
    unmarked = [pl.col(name).str.replace(_MARKED, "$1").alias(re.sub(_MARKED, r"\1", name)) for name in own]
    return rows.select(*unmarked, ROW_FAULT), [re.sub(_MARKED, r"\1", name) for name in own]


def _open_binary(file: Path) -> io.BufferedIOBase:
    """Open a file as it is, or what a gzip file holds."""
    with file.open("rb") as binary:
        packed = binary.read(len(_GZIP)) == _GZIP
    return gzip.open(file, "rb") if packed else file.open("rb")


@dataclass(frozen=True)
class _Header:
    """The column names, and whether polars reads the header as we do."""

    names: list[str]
    is_plain: bool


def _read_header(file: Path, separator: str) -> _Header:
    """Return the header; a repeated name gets the suffix that polars gives it.

    At a stray quote in the header polars takes the rows up to the next quote for a part of it, without an error.
    """
    try:
        with _open_binary(file) as binary:
            text, fields = _first_record(file, _lines_from_header(binary), separator)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError("SOURCE_UNREADABLE", f"{file} cannot be read: {error}.", "Export it again.") from None
    if not fields:
        raise refuse_empty(str(file), has_header=False)
    cell = rf'(?:"(?:[^"]|"")*"|[^"\r\n{re.escape(separator)}]*)'
    well_quoted = re.fullmatch(rf"{cell}(?:{re.escape(separator)}{cell})*(?:\r?\n)?", text) is not None
    return _Header(_tell_apart(fields), well_quoted and not any("_duplicated_" in field for field in fields))


def _tell_apart(fields: list[str]) -> list[str]:
    names: list[str] = []
    for field in fields:
        suffixed = (f"{field}_duplicated_{number}" for number in count())
        names.append(next(name for name in chain([field], suffixed) if name not in names))
    return names


def _lines_from_header(binary: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines from the header on, as polars finds it: after a byte-order mark and empty lines."""
    lines = iter(binary)
    first = next(lines, b"").removeprefix(_BYTE_ORDER_MARK)
    while first in {b"\n", b"\r\n"}:
        first = next(lines, b"")
    if first:
        yield first
        yield from lines


def _first_record(file: Path, lines: Iterable[bytes], separator: str) -> tuple[str, list[str]]:
    """Return text and fields of the first record. Raises SourceError where it is no text or does not end."""
    taken: list[str] = []

    def checked() -> Iterator[str]:
        size = 0
        for line in lines:
            taken.append(_decode_header(file, line))
            size += len(line)
            if size > _LONGEST_HEADER:
                return
            yield taken[-1]

    fields = next(_parse(checked(), separator), [])
    if taken and _has_faulty_quotes(taken, separator, only_open=True):
        raise _refuse_quote(file, 1)
    return "".join(taken), fields


def _decode_header(file: Path, line: bytes) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if _NOT_IN_A_HEADER.search(text):
        raise SourceError(
            "SOURCE_NOT_TEXT",
            f"{file} is not a CSV text file: its first line is not plain UTF-8 text.",
            "Export it as CSV in UTF-8, with lines that end in LF or CR LF.",
        )
    return text


def _parse(lines: Iterable[str], separator: str, *, strict: bool = False) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines, delimiter=separator, strict=strict)


def _has_faulty_quotes(lines: list[str], separator: str, *, only_open: bool = False) -> bool:
    """Whether one record's quotes are not well-formed; `only_open`: whether its last quote never closes."""
    try:
        list(_parse(lines, separator, strict=True))
    except csv.Error as error:
        return not only_open or "unexpected end of data" in str(error)
    return False


def _refuse_quote(file: Path, line: int) -> SourceError:
    return SourceError(
        "SOURCE_OPEN_QUOTE",
        f"{file}, line {line}: a quote opens a field that never ends.",
        "Close the quote, or double it where it is part of the text.",
    )


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
            yield part.select(with_columns) if with_columns else part  # asked for no column: only to count rows
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

    A line that is not UTF-8 is shown as Latin-1, which no byte can fail, and its row is refused. A record over several
    lines whose quotes are not well-formed has swallowed other rows, or the rest of the file: that fails the file.
    """

    def __init__(self, file: Path, separator: str, width: int) -> None:
        self._file, self._separator, self._width = file, separator, width
        self._lines: list[str] = []
        self._line_number = 0
        self._not_utf8 = False

    def __iter__(self) -> Iterator[list[str | None]]:
        with _open_binary(self._file) as binary:
            records = _parse(self._decoded(binary), self._separator)
            next(records, None)
            last: list[str] = []
            self._forget_lines()
            for fields in records:
                last = self._lines
                if len(last) > 1 and _has_faulty_quotes(last, self._separator):
                    raise _refuse_quote(self._file, self._line_number - len(last) + 1)
                yield self._fit(fields)
                self._forget_lines()
            if _has_faulty_quotes(last, self._separator, only_open=True):
                raise _refuse_quote(self._file, self._line_number - len(last) + 1)

    def _forget_lines(self) -> None:
        self._lines, self._not_utf8 = [], False

    def _decoded(self, binary: Iterable[bytes]) -> Iterator[str]:
        for line in _lines_from_header(binary):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                text, self._not_utf8 = line.decode("latin-1"), True
            if "\r" in text:
                body = text.removesuffix("\n").removesuffix("\r")
                text = body.replace("\r", _BARE_CR) + text[len(body) :]
            self._lines.append(text)
            self._line_number += 1
            yield text

    def _fit(self, fields: list[str]) -> list[str | None]:
        fault: str | None = Reason.ROW_NOT_UTF8 if self._not_utf8 else None
        if len(fields) > self._width:
            fault = Reason.ROW_TOO_MANY_FIELDS
            kept = self._width - 1
            fields = [*fields[:kept], self._separator.join(fields[kept:])]  # nothing of the row is thrown away
        missing = self._width - len(fields)
        return [*(field.replace(_BARE_CR, "\r") or None for field in fields), *[None] * missing, fault]

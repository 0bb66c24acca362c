"""How a CSV file is written: found from its beginning where the job does not say, and told where it is not the usual.

What a job says is taken at its word. What is found is the way of writing under which header and first rows agree.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Final, Literal

from connectors.sources.extract import refuse_empty
from connectors.sources.text_encoding import BYTE_ORDER_MARK, NOT_TEXT, UTF_8
from transforms.vocabulary.errors import SourceError

AUTO: Final = "auto"
SEPARATORS: Final = ",;\t|"
NO_QUOTE: Final = "none"

LONGEST_HEADER: Final = 1_000_000
"""Bytes of a file's beginning that are looked at; the header must end within them."""

_ROWS_COMPARED: Final = 100
_ROWS_TO_TRUST: Final = 2

_EXCEL_SEPARATOR: Final = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line by which a file tells Excel its separator."""

_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_BLANKS: Final = b" \t\r\n"

_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}

_DATA: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[-+()./\s\d]*\d[-+()./\s\d]*|\+?[\d(][\d()./\s-]{6,}.*")
"""What a cell of a header hardly ever is: an address, a number."""

_DIGITS_OF_A_LEAD: Final = 10
"""No column is named with so many digits; with fewer, as of a year, one may be."""

LineEnd = Literal["\n", "\r"]


@dataclass(frozen=True)
class CsvChoices:
    """What a job says of its CSV files; `auto` is found."""

    separator: str = AUTO
    quote: str = AUTO
    encoding: str = AUTO
    header: bool = True
    skip_rows: int = 0
    comment: str | None = None
    fill_short_rows: bool = False


@dataclass(frozen=True)
class Dialect:
    """How one file is written. `line_end` is LF, before which a CR may stand, or CR, which then ends lines as LF does.

    `header` is its cells as written, or none; `names` are the columns' own, `repeated` those written several times with
    their positions (from 1). The rows begin after `lead_bytes`, which are `lead_lines` lines.
    """

    separator: str
    quote: str | None
    line_end: LineEnd
    header: tuple[str, ...] | None
    names: tuple[str, ...]
    repeated: dict[str, tuple[int, ...]]
    lead_bytes: int
    lead_lines: int
    comment: bytes | None
    fill_short_rows: bool
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many fields a row has."""
        return len(self.names)


def find_dialect(head: bytes, choices: CsvChoices, where: str) -> Dialect:
    """Return the dialect of a file that begins with `head`, UTF-8 of at most `LONGEST_HEADER` bytes.

    Raises SourceError for a file without a header, or one whose header is no text or does not end.
    """
    line_end = _find_line_end(head)
    lines = split_lines(head, line_end)
    if len(head) >= LONGEST_HEADER and lines and not lines[-1].endswith((b"\n", b"\r")):
        lines.pop()  # cut in the middle
    lead, told = _skip_lead(lines, choices)
    rest = lines[lead:]
    if not rest:
        raise refuse_empty(where, has_header=False)
    quote = _find_quote(rest, choices)
    separator = _find_separator(rest, choices, told, quote)
    header, taken = _first_record(rest, separator, quote, where) if choices.header else (None, 0)
    rows = _first_rows(rest[taken:], separator, quote, choices)
    names, repeated, notes = _name_columns(header, rows)
    if choices.header:
        lead += taken
    return Dialect(
        separator=separator,
        quote=quote,
        line_end=line_end,
        header=None if header is None else tuple(header),
        names=names,
        repeated=repeated,
        lead_bytes=sum(map(len, lines[:lead])),
        lead_lines=lead,
        comment=choices.comment.encode() if choices.comment else None,
        fill_short_rows=choices.fill_short_rows,
        notes=(*_tell_findings(choices, separator, quote, line_end), *notes),
    )


def looks_like_data(cells: Sequence[str | None]) -> bool:
    """Return whether the first record of a file is a row already, and no header.

    It is one if it holds an address or a telephone number, or if half of what is in it are numbers.
    """
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    data = [cell for cell in filled if _DATA.fullmatch(cell)]
    return any("@" in cell or sum(map(str.isdigit, cell)) >= _DIGITS_OF_A_LEAD for cell in data) or (
        0 < len(filled) <= 2 * len(data)
    )


def split_lines(text: bytes, line_end: LineEnd) -> list[bytes]:
    """Return the lines of `text`, each with its end."""
    if line_end == "\r":
        return text.splitlines(keepends=True)  # of bytes: at LF, CR and CR LF, and nowhere else
    lines = [line + b"\n" for line in text.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def parse(lines: Iterator[str], separator: str, quote: str | None, *, strict: bool = False) -> Iterator[list[str]]:
    """Return a reader of records; with `strict` it raises csv.Error for quotes that are not well-formed."""
    csv.field_size_limit(sys.maxsize)
    if quote is None:
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, quotechar=None, strict=strict)
    return csv.reader(lines, delimiter=separator, quotechar=quote, strict=strict)


def is_blank(line: bytes, separator: str) -> bool:
    """Return whether a line is no row, because nothing is in it; a blank that parts fields is something."""
    return not line.strip(_BLANKS.replace(separator.encode(), b""))


def _find_line_end(head: bytes) -> LineEnd:
    """Return CR where it ends the first line by itself."""
    unquoted = re.sub(rb'"[^"]*"', b"", head)
    first = re.search(rb"\r\n|\n|\r(?=[^\n])|\r\Z", unquoted)
    return "\r" if first and first[0] == b"\r" and first.end() < len(unquoted) else "\n"


def _skip_lead(lines: Sequence[bytes], choices: CsvChoices) -> tuple[int, str | None]:
    """Return how many lines come before header or rows, and the separator that Excel is told in one of them."""
    lead = min(choices.skip_rows, len(lines))
    told = None
    comment = choices.comment.encode() if choices.comment else None
    while lead < len(lines):
        line = lines[lead].removeprefix(BYTE_ORDER_MARK)
        excel = _EXCEL_SEPARATOR.fullmatch(line) if told is None else None
        if excel:
            told = excel[1].decode("latin-1")
        elif line.strip(_BLANKS if choices.header else b"\r\n") and not (comment and line.startswith(comment)):
            break
        lead += 1
    return lead, told


def _decoded(lines: Sequence[bytes]) -> Iterator[str]:
    """Yield lines as text that `csv` takes: a CR that ends no line is left out, where only a shape is looked for."""
    for line in lines:
        yield line.decode(UTF_8, "replace").rstrip("\r\n").replace("\r", " ") + "\n"


def _find_quote(lines: Sequence[bytes], choices: CsvChoices) -> str | None:
    """Return the job's quote; else an apostrophe where it stands around all cells of the header, or of a column."""
    if choices.quote != AUTO:
        return None if choices.quote == NO_QUOTE else choices.quote
    for separator in SEPARATORS if choices.separator == AUTO else choices.separator:
        rows = [line.rstrip("\r\n").split(separator) for line in _decoded(lines[:_ROWS_COMPARED])]
        wrapped = [[_is_wrapped(cell) for cell in row] for row in rows]
        if wrapped and all(wrapped[0]) and (len(rows[0]) > 1 or len(rows) > 1):
            return "'"
        columns = [column for column in zip(*wrapped[1:], strict=False) if len(column) > _ROWS_TO_TRUST]
        if any(map(all, columns)) and not any(b'"' in line for line in lines[:_ROWS_COMPARED]):
            return "'"
    return '"'


def _is_wrapped(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == "'"


def _find_separator(lines: Sequence[bytes], choices: CsvChoices, told: str | None, quote: str | None) -> str:
    """Return the job's separator, the one that Excel is told, or that under which header and first rows agree best."""
    if choices.separator != AUTO:
        return choices.separator
    if told is not None:
        return told

    def agreement(separator: str) -> tuple[bool, float, int]:
        records = [record for record in _first_rows(lines, separator, quote, choices) if record]
        widths = [len(record) for record in records] or [1]
        alike = sum(width == widths[0] for width in widths) / len(widths)
        return widths[0] > 1, alike, widths[0]

    return max(SEPARATORS, key=agreement)  # of equals the first, which is the comma


def _first_rows(lines: Sequence[bytes], separator: str, quote: str | None, choices: CsvChoices) -> list[list[str]]:
    comment = choices.comment.encode() if choices.comment else None
    rows = [line for line in lines[: 10 * _ROWS_COMPARED] if not (comment and line.startswith(comment))]
    records = parse(_decoded(rows), separator, quote)
    return [record for record, _ in zip(records, range(_ROWS_COMPARED), strict=False) if record]


def _first_record(lines: Sequence[bytes], separator: str, quote: str | None, where: str) -> tuple[list[str], int]:
    """Return the header's cells and its lines. Raises SourceError where it is no text or does not end."""
    taken = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for line in lines:
            taken += 1
            yield _decode_header(line.removeprefix(BYTE_ORDER_MARK) if taken == 1 else line, where)

    record = next(parse(counted(), separator, quote))
    if quote is not None and _is_open(lines[:taken], separator, quote):
        raise SourceError(
            "SOURCE_OPEN_QUOTE",
            f"{where}, line 1: a quote opens a field that never ends.",
            'Close the quote, or set source.quote = "none" if quotes are text in this file.',
        )
    return record, taken


def _is_open(lines: Sequence[bytes], separator: str, quote: str) -> bool:
    try:
        list(parse(_decoded(lines), separator, quote, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _decode_header(line: bytes, where: str) -> str:
    try:
        text = line.decode(UTF_8)
    except UnicodeDecodeError:
        text = "\0"
    if _NOT_IN_A_HEADER.search(text) or NOT_TEXT in line:
        raise refuse_no_text(where, "its first line is not plain text")
    return text


def refuse_no_text(where: str, why: str) -> SourceError:
    """Return the error for a file that is no CSV at all."""
    return SourceError(
        "SOURCE_NOT_TEXT",
        f"{where} is not a CSV text file: {why}.",
        "Export it as CSV, or set source.type or source.encoding to what it is.",
    )


def _name_columns(
    header: Sequence[str] | None, rows: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]], list[str]]:
    """Return the columns' names, those written several times with their positions, and what to tell of them.

    Blanks around a name are left out where that leaves it its own; a column without a name has that of its position.
    """
    notes: list[str] = []
    widths = Counter(map(len, rows))
    usual = widths.most_common(1)[0][0] if widths else 0
    if header is None:
        return tuple(f"column_{place}" for place in range(1, max(usual, 1) + 1)), {}, notes
    written = list(header)
    if (
        usual == len(written) + 1
        and len(rows[0]) == usual
        and not any(row[usual - 1] for row in rows if len(row) == usual)
    ):
        written.append("")
        notes.append("every row ends with a separator that the header lacks; it is taken for an empty last column")
    places: dict[str, list[int]] = {}
    for place, name in enumerate(written, 1):
        places.setdefault(name.strip() or f"column_{place}", []).append(place)
    repeated = {name: tuple(where) for name, where in places.items() if len(where) > 1}
    named = [
        name if name.strip() in repeated and name.strip() else name.strip() or f"column_{place}"
        for place, name in enumerate(written, 1)
    ]
    if repeated:
        told = "; ".join(f"{name!r} at positions {' and '.join(map(str, where))}" for name, where in repeated.items())
        notes.append(f"columns of one name are told apart by a suffix: {told}")
    return tuple(_tell_apart(named)), repeated, notes


def _tell_apart(fields: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    written = set(fields)
    for field in fields:
        suffixed = (f"{field}_duplicated_{number}" for number in count())
        # A name that the header has itself is not taken from it.
        free = (
            name for name in chain([field], suffixed) if name not in names and (name == field or name not in written)
        )
        names[next(free)] = None
    return list(names)


def _tell_findings(choices: CsvChoices, separator: str, quote: str | None, line_end: LineEnd) -> list[str]:
    found = []
    if choices.separator == AUTO and separator != ",":
        found.append(f"fields are parted by {_NAMES.get(separator, repr(separator))} (separator = {_toml(separator)})")
    if choices.quote == AUTO and quote == "'":
        found.append('fields are quoted with apostrophes (quote = "\'")')
    if line_end == "\r":
        found.append("lines end in CR alone")
    return found


def _toml(separator: str) -> str:
    return '"\\t"' if separator == "\t" else f'"{separator}"'

"""Reads the rows of a CSV file, block by block: quickly where that is proved right, else record by record.

A block of lines goes through polars first. What polars gives is taken only if the block's quotes are well-formed and
its bytes balance: cells, quotes, and a separator or line end after each cell are together the block, byte for byte, so
that no row was short and no line or text was swallowed. Any other block is read record by record, which gives a row of
its own to every record that is none, with what is wrong with it and the line at which it begins.
"""

import csv
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from connectors.sources.compressed_files import Content
from connectors.sources.csv_dialect import Dialect, is_blank, parse, split_lines
from connectors.sources.extract import ROW_FAULT
from connectors.sources.text_encoding import BYTE_ORDER_MARK, UTF_8
from transforms.vocabulary.errors import SourceError
from transforms.vocabulary.reasons import Reason

_LARGEST_BLOCK: Final = 4 << 20
_SMALLEST_BLOCK: Final = 256 << 10
"""Bytes of a block: after one that is not sound they are fewer, so that little is read record by record."""

_MANY_QUOTES: Final = 100
"""A quote in so many bytes is so many that one regular expression is quicker than to look at each."""

_COUNT_LINES: Final = -1

_LONGEST_RECORD: Final = 16 << 20
"""Bytes after which a quote that was opened counts as one that never closes."""

_LONGEST_LINE: Final = 256 << 20

_BARE_CR: Final = "\udc0d"
"""Stands in for a CR that ends no line, which `csv` does not take; no UTF-8 decodes to it."""

_END_OF_FILE: Final = b"\x1a"
"""Ctrl-Z, which old programs write after the last line."""


@dataclass
class Tally:
    """What was read of a file: its lines, and those that are no row because they are blank or a comment."""

    lines: int = 0
    blank: int = 0
    comments: int = 0

    def notes(self) -> list[str]:
        """Say which lines were passed over."""
        counts = {"blank": self.blank, "comment": self.comments}
        return [
            f"{number:,} {kind} line{'' if number == 1 else 's'} passed over"
            for kind, number in counts.items()
            if number
        ]


class RecordReader:
    """The rows of one file, after its header, as frames of text with `row_fault`: a reason, then where and what."""

    def __init__(self, file: Path, content: Content, dialect: Dialect, *, careful: bool = False) -> None:
        """Read from `content`, which is UTF-8 and at its beginning; `careful` tries no block quickly."""
        self._file, self._content, self._dialect, self._careful = file, content, dialect, careful
        self._schema = pl.Schema(dict.fromkeys([*dialect.names, ROW_FAULT], pl.String))
        self._line_end = dialect.line_end.encode()
        self._buffer, self._at = b"", 0  # whole lines, and how far they are read
        self._rest, self._ended = b"", False  # the beginning of a line
        self._size = _LARGEST_BLOCK
        self._quotes = 0  # in the block
        self.tally = Tally()

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order. Raises SourceError for damaged content."""
        self._skip(self._dialect.lead_bytes)
        self.tally.lines = self._dialect.lead_lines
        while self._at < len(self._buffer) or self._pull():
            end = self._end_of_block()
            frame = None if self._careful else self._read_quickly(self._buffer[self._at : end])
            if frame is not None:
                self._at = end
                self._size = min(_LARGEST_BLOCK, 2 * self._size)
            elif end - self._at > 2 * _SMALLEST_BLOCK < 2 * self._size and not self._careful:
                self._size = _SMALLEST_BLOCK
                continue
            else:
                frame = self._read_carefully(end)
            if frame.height:
                yield frame

    def _skip(self, size: int) -> None:
        while len(self._buffer) < size and self._pull():
            pass
        self._at = size

    def _pull(self) -> bool:
        """Add whole lines to the buffer; return whether there were any. The last line of all is given an end."""
        while not self._ended:
            piece = self._content.read(_LARGEST_BLOCK)
            self._ended = not piece
            cut = self._end_of_lines(piece)
            if cut:
                # What is to be read quickly is put together once: copies of a whole file cost time.
                self._buffer = b"".join((self._buffer[self._at :], self._rest, memoryview(piece)[:cut]))
                self._at, self._rest = 0, piece[cut:]
                return True
            self._rest += piece
            self._require_line_end()
        last = self._rest.rstrip(_END_OF_FILE)
        self._rest = b""
        if last:
            self._buffer, self._at = self._buffer[self._at :] + last + self._line_end, 0
        return bool(last)

    def _end_of_lines(self, text: bytes) -> int:
        if self._line_end == b"\n":
            return text.rfind(b"\n") + 1
        end = text.rfind(b"\r", 0, -1) + 1  # what follows the last byte may belong to it
        return end + 1 if text[end : end + 1] == b"\n" and end else end

    def _require_line_end(self) -> None:
        if len(self._rest) > _LONGEST_LINE:
            raise SourceError(
                "SOURCE_NOT_TEXT",
                f"{self._file} is not a CSV text file: line {self.tally.lines + 1:,} has no end within "
                f"{_LONGEST_LINE >> 20} MB.",
                "Export it again.",
            )

    def _end_of_block(self) -> int:
        """Return where the block ends: after a line, and before a record whose quote is still open there."""
        buffer, start = self._buffer, self._at
        end = len(buffer)
        if end - start > 2 * self._size:
            end = start + (self._end_of_lines(buffer[start : start + self._size]) or end - start)
        if self._dialect.quote is not None:
            quote = self._dialect.quote.encode()
            self._quotes = buffer.count(quote, start, end)
            if self._quotes % 2:
                earlier = buffer.rfind(self._line_end, start, buffer.rfind(quote, start, end)) + 1
                within = buffer.count(quote, start, earlier)
                if earlier > start and within % 2 == 0:
                    self._quotes = within
                    return earlier
        return end

    def _read_quickly(self, block: bytes) -> pl.DataFrame | None:
        """Return the block's rows if polars reads it as it is meant and every row is sound, else None."""
        dialect = self._dialect
        if dialect.line_end == "\r" and b"\n" in block:
            return None
        try:
            within = self._line_ends_in_quotes(block) if self._quotes else 0
            if within is None:
                return None
            frame = pl.read_csv(
                block,
                has_header=False,
                schema=dict.fromkeys(dialect.names, pl.String),
                separator=dialect.separator,
                quote_char=dialect.quote,
                eol_char=dialect.line_end,
                glob=False,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        if frame.is_empty() or not self._is_whole(frame, block) or self._has_odd_starts(frame.to_series(0)):
            return None
        self.tally.lines += block.count(self._line_end) if within == _COUNT_LINES else frame.height + within
        if self._quotes:
            frame = frame.select(absent_if_empty(pl.all()))
        return frame.with_columns(pl.lit(None, pl.String).alias(ROW_FAULT))

    def _is_whole(self, frame: pl.DataFrame, block: bytes) -> bool:
        """Whether cells, quotes, separators and line ends of the rows are together the block."""
        text = sum(frame.select(pl.all().str.len_bytes().sum()).row(0))
        returns = block.count(b"\r\n") if self._line_end == b"\n" and b"\r" in block else 0
        missing = len(block) - text - frame.height * frame.width - self._quotes - returns
        if frame.width == 1 and frame.to_series(0).null_count():
            return False  # of one column a blank line balances, too
        if missing == 0:
            return True
        # Some of the quotes and line ends are inside cells.
        quote = self._dialect.quote
        inside = [text for text, there in ((quote, self._quotes), ("\r\n", returns)) if text is not None and there]
        kept = (frame.select(pl.all().str.count_matches(text, literal=True).sum()).row(0) for text in inside)
        number = sum(int(number) for counts in kept for number in counts)
        return bool(missing + number == 0)

    def _line_ends_in_quotes(self, block: bytes) -> int | None:
        """Return the line ends inside fields, or None where quotes are not well-formed.

        They are if each opens or closes a field, or is one of two that stand for one within it.
        """
        separator, quote, end = self._dialect.separator, self._dialect.quote or "", self._dialect.line_end
        mark, ending = quote.encode(), end.encode()
        parts = block.split(mark) if self._quotes < len(block) // _MANY_QUOTES else None
        if parts is None:
            s, q, ends = re.escape(separator), re.escape(quote), r"\r?\n" if end == "\n" else r"\r"
            cell = rf"(?:{q}(?:[^{q}]|{q}{q})*{q}|[^{q}{s}\r\n]*)"
            text = pl.Series([block]).cast(pl.String)
            sound = text.str.contains(rf"\A(?:{cell}(?:{s}|{ends}))*\z").all()
            return _COUNT_LINES if sound else None
        first, *between, last = parts[::2] if len(parts) % 2 else [b"?", b"?"]
        before, after = (separator.encode(), ending), (separator.encode(), ending, b"\r\n")
        sound = (
            (not first or first.endswith(before))
            and last.startswith(after)
            and all(not part or (part.endswith(before) and part.startswith(after)) for part in between)
        )
        return sum(part.count(ending) for part in parts[1::2]) if sound else None

    def _has_odd_starts(self, first: pl.Series) -> bool:
        """Whether a row may be a header again, a comment, or begin with a mark of concatenated files."""
        dialect = self._dialect
        starts = ["\ufeff", *([] if dialect.comment is None else [dialect.comment.decode()])]
        if any(first.str.starts_with(start).any() for start in starts):
            return True
        return dialect.header is not None and bool((first == dialect.header[0]).any())

    def _read_carefully(self, end: int) -> pl.DataFrame:
        """Return the rows of the block that ends at `end`, and of what its last record takes beyond."""
        lines = _Lines(split_lines(self._buffer[self._at : end], self._dialect.line_end), self._more)
        self._at = end
        rows = list(_Records(self._file, self._dialect, lines, self.tally))
        rest = b"".join(lines.rest())
        self._buffer, self._at = rest + self._buffer[self._at :], 0
        return pl.DataFrame(rows, schema=self._schema, orient="row")

    def _more(self) -> list[bytes]:
        """Take further lines from the buffer; none at the end."""
        if self._at == len(self._buffer) and not self._pull():
            return []
        end = self._end_of_lines(self._buffer[self._at : self._at + _SMALLEST_BLOCK])
        end = self._at + end if end else len(self._buffer)
        lines = split_lines(self._buffer[self._at : end], self._dialect.line_end)
        self._at = end
        return lines


def absent_if_empty(cell: pl.Expr) -> pl.Expr:
    """Return `cell` with `""` as null, which a cell without quotes cannot tell from nothing."""
    return pl.when(cell.str.len_bytes() > 0).then(cell).name.keep()


class _Lines:
    """Lines of a block as text, of which a reader takes what a record needs, and more than the block where it must."""

    def __init__(self, lines: list[bytes], more: Callable[[], list[bytes]]) -> None:
        self.lines, self._more = lines, more
        self.block = len(lines)
        self.at = 0
        self.first = 0
        self.is_text = True
        self._size = 0

    def begin(self) -> None:
        """A record begins here."""
        self.first, self.is_text, self._size = self.at, True, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._size > _LONGEST_RECORD:
            raise StopIteration
        if self.at >= len(self.lines):
            further = self._more()
            if not further:
                raise StopIteration
            self.lines += further
        line = self.lines[self.at]
        self.at += 1
        self._size += len(line)
        text, is_text = decode(line)
        self.is_text &= is_text
        return text

    def rest(self) -> list[bytes]:
        """Return the lines that no record took."""
        return self.lines[self.at :]


def decode(line: bytes) -> tuple[str, bool]:
    """Return a line as text for `csv`, and whether it is UTF-8; else each byte is shown as a character."""
    try:
        text, is_text = line.decode(UTF_8), True
    except UnicodeDecodeError:
        text, is_text = line.decode("latin-1"), False
    if "\r" in text:
        body = text.removesuffix("\n").removesuffix("\r")
        text = body.replace("\r", _BARE_CR) + text[len(body) :]
    return text, is_text


class _Records:
    """The records of a block, each with as many fields as the header, and a fault or None.

    A record whose quotes are not well-formed is its first line alone: the lines after it are read as records again, so
    that a quote which never closes swallows nothing.
    """

    def __init__(self, file: Path, dialect: Dialect, lines: _Lines, tally: Tally) -> None:
        self._file, self._dialect, self._lines, self._tally = file, dialect, lines, tally
        self._before = tally.lines

    def __iter__(self) -> Iterator[list[str | None]]:
        lines = self._lines
        reader = self._reader()
        while lines.at < lines.block:
            if self._passes_over():
                continue
            lines.begin()
            try:
                fields = next(reader)
            except csv.Error as error:
                yield self._fault_of_quotes(error)
                reader = self._reader()
            except StopIteration:
                break
            else:
                yield self._swallowed_rows(fields) or self._judged(fields)
        self._tally.lines = self._before + lines.at

    def _reader(self) -> Iterator[list[str]]:
        return parse(self._lines, self._dialect.separator, self._dialect.quote, strict=True)

    def _passes_over(self) -> bool:
        """Pass over a line that is no row, and take off a mark that stands before one."""
        lines, dialect = self._lines, self._dialect
        line = lines.lines[lines.at].removeprefix(BYTE_ORDER_MARK)
        lines.lines[lines.at] = line
        blank = line in {b"", b"\n", b"\r\n", b"\r"} or (dialect.width > 1 and is_blank(line, dialect.separator))
        comment = dialect.comment is not None and line.startswith(dialect.comment)
        self._tally.blank += blank
        self._tally.comments += comment
        lines.at += blank or comment
        return blank or comment

    def _fault_of_quotes(self, error: csv.Error) -> list[str | None]:
        """Return the first line of a record as a row; what follows is read again."""
        lines = self._lines
        spread = lines.at - lines.first > 1 or "unexpected end of data" in str(error)
        return self._first_line(
            Reason.ROW_QUOTE_NOT_CLOSED if spread else Reason.ROW_TEXT_AFTER_QUOTE,
            "a quote opens a field that never ends" if spread else "text stands after a closing quote",
        )

    def _first_line(self, reason: Reason, words: str) -> list[str | None]:
        lines = self._lines
        lines.at = lines.first + 1
        text, is_text = decode(lines.lines[lines.first])
        (fields,) = parse(iter([text]), self._dialect.separator, None)
        return self._row(fields, reason if is_text else Reason.ROW_NOT_UTF8, words if is_text else _NO_TEXT)

    def _swallowed_rows(self, fields: list[str]) -> list[str | None] | None:
        """Return the first line as a row that is none, if the record's others would be rows by themselves."""
        lines, width = self._lines, self._dialect.width
        if lines.at - lines.first == 1 or len(fields) == width or width == 1:
            return None
        separator = self._dialect.separator.encode()
        if any(line.count(separator) != width - 1 for line in lines.lines[lines.first + 1 : lines.at]):
            return None
        return self._first_line(Reason.ROW_QUOTE_NOT_CLOSED, "a quote opens a field that takes whole rows in")

    def _judged(self, fields: list[str]) -> list[str | None]:
        width, header = self._dialect.width, self._dialect.header
        if not self._lines.is_text:
            return self._row(fields, Reason.ROW_NOT_UTF8, _NO_TEXT)
        if header is not None and tuple(fields[: len(header)]) == header and not any(fields[len(header) :]):
            return self._row(fields, Reason.ROW_IS_HEADER, "it repeats the header")
        if len(fields) > width:
            return self._row(fields, Reason.ROW_TOO_MANY_FIELDS, self._counted(fields))
        if len(fields) < width and not self._dialect.fill_short_rows:
            return self._row(fields, Reason.ROW_TOO_FEW_FIELDS, self._counted(fields))
        return self._row(fields)

    def _counted(self, fields: list[str]) -> str:
        number, usual = len(fields), self._dialect.width
        return f"{number:,} field{'' if number == 1 else 's'} where {usual:,} {'is' if usual == 1 else 'are'} usual"

    def _row(self, fields: list[str], reason: Reason | None = None, words: str = "") -> list[str | None]:
        width = self._dialect.width
        if len(fields) > width:  # nothing of the row is thrown away
            fields = [*fields[: width - 1], self._dialect.separator.join(fields[width - 1 :])]
        line = self._before + self._lines.first + 1
        fault = None if reason is None else f"{reason.value} {self._file.name}, line {line:,}: {words}"
        missing = [None] * (width - len(fields))
        return [*(field.replace(_BARE_CR, "\r") or None for field in fields), *missing, fault]


_NO_TEXT: Final = "bytes that are no text in the file's encoding"

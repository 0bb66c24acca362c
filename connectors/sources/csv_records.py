"""Reads the rows of a CSV file, block by block: quickly where that is proved right, else record by record.

A block of lines goes through polars first. What polars gives is taken only if the block's quotes are well-formed and
its bytes balance: cells, quotes, and a separator or line end after each cell are together the block, byte for byte, so
that no row was short and no line or text was swallowed. Any other block is read record by record, which gives a row of
its own to every record that is none, with what is wrong with it and the line at which it begins.
"""

import csv
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import polars.selectors as cs

from connectors.sources.compressed_files import Content
from connectors.sources.csv_dialect import Dialect, is_blank, parse, split_lines
from connectors.sources.extract import ROW_FAULT
from connectors.sources.text_encoding import BYTE_ORDER_MARK, UTF_8
from transforms.vocabulary.errors import SourceError
from transforms.vocabulary.reasons import Reason

_LARGEST_BLOCK: Final = 4 << 20
_SMALLEST_BLOCK: Final = 256 << 10
"""Bytes of a block: after one that is not sound they are fewer, so that little is read record by record."""

_SAMPLE_BYTES: Final = 64 << 10
_RARE: Final = 500
"""A quote in fewer than so many bytes of the first ones is often; else to look for each is quickest."""

_TRIALS: Final = 2
"""Blocks read quickly at once, while those before are taken away: what polars does with one leaves gaps."""

_LONGEST_RECORD: Final = 16 << 20
"""Bytes after which a quote that was opened counts as one that never closes."""

_LONGEST_LINE: Final = 256 << 20

_BARE_CR: Final = "\udc0d"
"""Stands in for a CR that ends no line, which `csv` does not take; no UTF-8 decodes to it."""

_CR, _LF = b"\r\n"

_NOT_FOR_POLARS: Final = (BYTE_ORDER_MARK, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"x\x01", b"x^", b"x\x9c", b"x\xda")
"""What polars leaves out at the beginning of a block, or takes for gzip, zstd or zlib, and unpacks if it is.

A byte that is dropped without a word could stand in the balance for one that is missing, such as a short row's.
"""

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
        self._waiting: deque[_Block] = deque()  # what comes before the buffer, and is being read already
        self._size = _LARGEST_BLOCK
        self.tally = Tally()

    def frames(self) -> Generator[pl.DataFrame]:
        """Yield the rows in order. Raises SourceError for damaged content."""
        self._skip(self._dialect.lead_bytes)
        self.tally.lines = self._dialect.lead_lines
        trials = ThreadPoolExecutor(_TRIALS)
        try:
            while self._cut_blocks(trials):
                block = self._waiting.popleft()
                quick = None if block.trial is None else block.trial.result()
                if quick is not None:
                    self._size = min(_LARGEST_BLOCK, 2 * self._size)
                    self.tally.lines += quick.lines
                    frame = quick.frame
                elif not self._careful and len(block.text) > 2 * _SMALLEST_BLOCK < 2 * self._size:
                    self._size = _SMALLEST_BLOCK
                    self._put_back(block.text)
                    continue
                else:
                    frame = self._read_carefully(block.text)
                if frame.height:
                    yield frame
        finally:
            trials.shutdown(cancel_futures=True)

    def _cut_blocks(self, trials: ThreadPoolExecutor) -> bool:
        """Have as many blocks tried as there should be; return whether there are any."""
        ahead = 1 if self._careful else 1 + _TRIALS
        while len(self._waiting) < ahead and (self._at < len(self._buffer) or self._pull()):
            end, quotes = self._end_of_block()
            text = self._buffer[self._at : end]
            self._at = end
            trial = None if self._careful else trials.submit(self._read_quickly, text, quotes)
            self._waiting.append(_Block(text, trial))
        return bool(self._waiting)

    def _put_back(self, text: bytes) -> None:
        """Let blocks be cut anew from `text` on, which comes before those that wait."""
        waiting = [block.text for block in self._waiting]
        self._waiting.clear()
        self._buffer, self._at = b"".join([text, *waiting, memoryview(self._buffer)[self._at :]]), 0

    def _skip(self, size: int) -> None:
        # Little is read for that: what follows in the buffer is copied once more.
        while len(self._buffer) < size and self._pull(_SMALLEST_BLOCK):
            pass
        self._at = size

    def _pull(self, size: int | None = None) -> bool:
        """Add whole lines to the buffer; return whether there were any. The last line of all is given an end."""
        while not self._ended:
            piece = self._content.read(size or _LARGEST_BLOCK)
            self._ended = not piece
            cut = self._end_of_lines(piece)
            if cut:
                before = self._buffer[self._at :] + self._rest
                # A piece of whole lines is taken as it is: copies of a whole file cost time.
                self._buffer = b"".join((before, memoryview(piece)[:cut])) if before else piece[:cut]
                self._at, self._rest = 0, piece[cut:]
                return True
            self._rest += piece
            self._require_line_end()
        last = self._rest.rstrip(_END_OF_FILE)
        self._rest = b""
        if last:
            # The very last CR is in the rest, for an LF might have followed it.
            end = b"" if self._line_end == b"\r" and last.endswith((b"\r", b"\n")) else self._line_end
            self._buffer, self._at = self._buffer[self._at :] + last + end, 0
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

    def _end_of_block(self) -> tuple[int, int]:
        """Return where the block ends (after a line, before a record whose quote is open there), and its quotes."""
        buffer, start = self._buffer, self._at
        end = len(buffer)
        if end - start > 2 * self._size:
            end = start + (self._end_of_lines(buffer[start : start + self._size]) or end - start)
        if self._dialect.quote is None:
            return end, 0
        quote = self._dialect.quote.encode()
        quotes = _count(buffer[start:end], quote)
        if quotes % 2:
            earlier = buffer.rfind(self._line_end, start, buffer.rfind(quote, start, end)) + 1
            if self._line_end == b"\r" and earlier > start and buffer.startswith(b"\n", earlier):
                earlier += 1
            within = quotes - buffer.count(quote, earlier, end)
            if earlier > start and within % 2 == 0:
                return earlier, within
        return end, quotes

    def _read_quickly(self, block: bytes, quotes: int) -> "_Quick | None":
        """Return the block's rows if polars reads it as it is meant and every row is sound, else None."""
        dialect = self._dialect
        if block.startswith(_NOT_FOR_POLARS) or (dialect.line_end == "\r" and b"\n" in block):
            return None
        try:
            frame = pl.read_csv(
                block,
                has_header=False,
                schema=dict.fromkeys(dialect.names, pl.String),
                separator=dialect.separator,
                quote_char=dialect.quote,
                eol_char=dialect.line_end,
                glob=False,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            return None  # OSError: it took the block for packed
        # Under a name of our own: polars takes a name such as `^[$` for a pattern of names.
        if frame.is_empty() or self._has_odd_starts(frame.to_series(0).alias("first"), block):
            return None
        missing, within = self._bytes_beside(frame, block, quotes)
        if missing != within or self._hides_a_cr(frame, block, quotes):
            return None
        lines = frame.height
        if quotes:
            if within or quotes * _RARE > len(block) or not stand_around_plain_cells(block, dialect):
                marks = _Marks(block, dialect)
                is_plain = within == 0 and marks.stand_around_cells(quotes, frame.height, frame.width)
                if not is_plain and not marks.are_well_formed():
                    return None
                lines = marks.lines
            frame = _with_empty_absent(frame)
        return _Quick(frame.with_columns_seq(pl.lit(None, pl.String).alias(ROW_FAULT)), lines)

    def _bytes_beside(self, frame: pl.DataFrame, block: bytes, quotes: int) -> tuple[int, int]:
        """Return how many bytes too few the block has to be the rows' cells, quotes, separators and line ends.

        And how many of those quotes and line ends are inside cells: as many, if the rows are together the block.
        """
        text = sum(frame.select_seq(pl.all().str.len_bytes().sum()).row(0))
        returns = block.count(b"\r\n") if self._line_end == b"\n" and b"\r" in block else 0
        missing = text + frame.height * frame.width + quotes + returns - len(block)
        if frame.width == 1 and frame.to_series(0).null_count():
            return missing, -1  # of one column a blank line balances, too
        if missing == 0:
            return 0, 0
        quote = self._dialect.quote
        inside = [text for text, there in ((quote, quotes), ("\r\n", returns)) if text is not None and there]
        kept = (frame.select_seq(pl.all().str.count_matches(text, literal=True).sum()).row(0) for text in inside)
        return missing, sum(int(number) for counts in kept for number in counts)

    def _hides_a_cr(self, frame: pl.DataFrame, block: bytes, quotes: int) -> bool:
        """Whether polars may have left out a CR before a separator, as it does, in a block whose bytes balance.

        Each stands for a byte that another row lacks then, and which lacks one ends with a cell that is not there.
        """
        if self._line_end != b"\n" or b"\r" not in block:
            return False
        if not quotes and not frame.to_series(-1).null_count():
            return False
        return b"\r" + self._dialect.separator.encode() in block

    def _has_odd_starts(self, first: pl.Series, block: bytes) -> bool:
        """Whether a row may be a header again, a comment, or begin with a mark of concatenated files."""
        dialect = self._dialect
        starts = [BYTE_ORDER_MARK] if dialect.comment is None else [BYTE_ORDER_MARK, dialect.comment]
        # Most blocks have not even the first byte of a mark, which is seen at once.
        if any(start[:1] in block and first.str.starts_with(start.decode()).any() for start in starts):
            return True
        return dialect.header is not None and bool((first == dialect.header[0]).any())

    def _read_carefully(self, block: bytes) -> pl.DataFrame:
        """Return the rows of a block, and of what its last record takes beyond."""
        lines = _Lines(split_lines(block, self._dialect.line_end), self._more)
        rows = list(_Records(self._file, self._dialect, lines, self.tally))
        rest = b"".join(lines.rest())
        if rest:
            self._put_back(rest)
        return pl.DataFrame(rows, schema=self._schema, orient="row")

    def _more(self) -> list[bytes]:
        """Take further lines from what waits, else from the buffer; none at the end."""
        if self._waiting:
            return split_lines(self._waiting.popleft().text, self._dialect.line_end)
        if self._at == len(self._buffer) and not self._pull():
            return []
        end = self._end_of_lines(self._buffer[self._at : self._at + _SMALLEST_BLOCK])
        end = self._at + end if end else len(self._buffer)
        lines = split_lines(self._buffer[self._at : end], self._dialect.line_end)
        self._at = end
        return lines


@dataclass(frozen=True)
class _Quick:
    """What a block holds that is sound: its rows, and how many lines they take."""

    frame: pl.DataFrame
    lines: int


@dataclass(frozen=True)
class _Block:
    """Whole lines, and the trial whether they can be read quickly."""

    text: bytes
    trial: Future[_Quick | None] | None


class _Marks:
    """Where the quotes of a block are, and the ends of fields."""

    def __init__(self, block: bytes, dialect: Dialect) -> None:
        """Look at a block that ends with a line; `dialect` has a quote, and each mark is one byte."""
        code = _codes(block)
        self._quotes = code == ord(dialect.quote or "")
        self._separators, self._line_ends = code == ord(dialect.separator), code == ord(dialect.line_end)
        self._ends = self._separators | self._line_ends
        self._closing_ends = self._ends
        if b"\r" in block:
            self._closing_ends = self._ends | ((code == _CR) & (code == _LF).shift(-1, fill_value=False))

    @property
    def lines(self) -> int:
        """How many line ends there are."""
        return int(self._line_ends.sum())

    def stand_around_cells(self, quotes: int, height: int, width: int) -> bool:
        """Whether each of the `quotes` opens or closes one of the cells, which have no mark in them.

        Cells and marks of rows of that height and width must be together the block. Then no row is short, and where
        there are no more separators and line ends than the rows need, no cell has one. So a cell that begins with a
        quote has an even number of them; and if there are two for each such cell, and all of them end with one, the
        cells are as they should be. It is far quicker to see than where every quote is.
        """
        opening = int((self._quotes & self._ends.shift(1, fill_value=True)).sum())
        closing = int((self._quotes & self._closing_ends.shift(-1, fill_value=False)).sum())
        separators = int(self._separators.sum())
        return 2 * opening == 2 * closing == quotes and separators == height * (width - 1) and self.lines == height

    def are_well_formed(self) -> bool:
        """Whether each quote opens or closes a field, or is one of two that stand for one within it.

        They are taken in turn: one that opens comes after the end of a field, one that closes before such an end, and
        where one that closes is followed by one that opens, they are two within a field.
        """
        places = self._quotes.arg_true()
        opens, closes = places.gather_every(2), places.gather_every(2, 1)
        before = (self._ends | self._quotes).shift(1, fill_value=True)
        after = (self._closing_ends | self._quotes).shift(-1, fill_value=False)
        return len(opens) == len(closes) and bool(before.gather(opens).all()) and bool(after.gather(closes).all())


def stand_around_plain_cells(block: bytes, dialect: Dialect) -> bool:
    """Whether each quote opens or closes a whole cell that has no mark in it: looked at one by one, for they are few.

    Then separators and line ends are between cells alone, as in a block without quotes.
    """
    quote, separator, line_end = (mark.encode() for mark in (dialect.quote or "", dialect.separator, dialect.line_end))
    before, after = {separator, line_end, b""}, (separator, line_end, b"\r\n")
    places = _places(block, quote)
    for opening in places:
        closing = next(places, -1)
        cell = block[opening + 1 : closing]
        if (
            closing < 0
            or separator in cell
            or line_end in cell
            or block[max(opening - 1, 0) : opening] not in before
            or not block.startswith(after, closing + 1)
        ):
            return False
    return True


def _places(text: bytes, mark: bytes) -> Iterator[int]:
    """Yield where `mark` is in `text`: the quickest way to one that is rare."""
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + 1)


def _codes(text: bytes) -> pl.Series:
    """Return the bytes as numbers."""
    return pl.Series([text]).cast(pl.List(pl.UInt8)).explode()


def _count(text: bytes, mark: bytes) -> int:
    """Return how often `mark` is in `text`; Python itself is slow at it, and much quicker to see that it never is."""
    if mark not in text:
        return 0
    if len(mark) > 1:
        return text.count(mark)
    if text.count(mark, 0, _SAMPLE_BYTES) * _RARE < _SAMPLE_BYTES:
        return sum(1 for _ in _places(text, mark))
    return int((_codes(text) == ord(mark)).sum())


def _with_empty_absent(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with `""` as null, which a cell without quotes cannot tell from nothing."""
    # Most columns have none, and to look for it costs less than to make a column anew.
    is_met = frame.select_seq(pl.all().str.len_bytes().min() == 0).row(0)
    met = [name for name, any_empty in zip(frame.columns, is_met, strict=True) if any_empty]
    cell = cs.by_name(met)
    return frame.with_columns_seq(pl.when(cell != "").then(cell).name.keep()) if met else frame


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

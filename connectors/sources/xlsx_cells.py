"""The cells of an .xlsx workbook, as a person sees them, in a stream.

Libraries that read quickly give the stored number without its format, so that a ZIP code formatted `00000` loses its
zeros; the one that gives both takes ten times as long. An .xlsx is a ZIP of XML: this module reads the parts that say
what a cell shows, holds nothing but the workbook's shared texts, and knows no columns or headers.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from connectors.sources.number_formats import BUILT_IN, show_number
from transforms.vocabulary.errors import SourceError

_PIECE: Final = 1 << 20
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""What a file begins with that is no ZIP: an old .xls, or an .xlsx wrapped for its password."""

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DIGITS: Final = "0123456789"
_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    ET.ParseError,
    expat.ExpatError,
    OSError,
    KeyError,
    ValueError,
    EOFError,
)


@dataclass(frozen=True)
class Sheet:
    """A worksheet by its name, and where its cells are."""

    name: str
    part: str
    hidden: bool


@dataclass(slots=True)
class Row:
    """A row as the file has it: its number from 1, and what its cells show (None: nothing), from column A on.

    What is worth a word to a person is told by column: cells that are numbers, that show an error such as `#N/A`, and
    formulas saved without the value they had.
    """

    number: int
    hidden: bool
    texts: list[str | None] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    without_value: list[int] = field(default_factory=list)


class Workbook:
    """An .xlsx that is open for reading; close it with `with`."""

    def __init__(self, file: Path) -> None:
        """Read what the workbook says of its sheets and formats. Raises SourceError for what is no .xlsx."""
        self._file = file
        _require_xlsx(file)
        with self._faults_told():
            self._zip = zipfile.ZipFile(file)
        try:
            with self._faults_told():
                self._main = self._find_main()
                self.sheets = self._read_sheets()
                self._codes = self._read_formats()
                self._texts = self._read_texts()
        except SourceError:
            self._zip.close()
            raise

    def __enter__(self) -> "Workbook":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._zip.close()

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that the sheet has, in order; blank ones may be left out. Raises SourceError."""
        reader = _RowReader(self._texts, self._show_number)
        with self._faults_told(), self._zip.open(sheet.part) as xml:
            for piece in _pieces(xml):
                yield from reader.feed(piece)
            reader.finish()

    def _show_number(self, style: int, stored: str) -> str:
        code = self._codes[style] if style < len(self._codes) else ""
        return show_number(stored, code, since_1904=self._since_1904)

    def _find_main(self) -> str:
        for link in ET.fromstring(self._zip.read("_rels/.rels")):  # noqa: S314 - expat refuses entities that explode
            if link.get("Type", "").endswith("/officeDocument"):
                return link.get("Target", "").lstrip("/")
        raise KeyError("workbook")

    def _read_sheets(self) -> tuple[Sheet, ...]:
        links = self._links()
        sheets = []
        self._since_1904 = False
        for element in ET.fromstring(self._zip.read(self._main)).iter():  # noqa: S314
            tag = _local(element.tag)
            if tag == "workbookPr":
                self._since_1904 = element.get("date1904") in {"1", "true"}
            if tag == "sheet":
                link = next(value for name, value in element.items() if _local(name) == "id")
                kind, part = links[link]
                if kind.endswith("/worksheet"):
                    hidden = element.get("state", "visible") != "visible"
                    sheets.append(Sheet(element.get("name", ""), part, hidden))
        return tuple(sheets)

    def _links(self) -> dict[str, tuple[str, str]]:
        """Return kind and place of each part that the workbook names by id."""
        main = PurePosixPath(self._main)
        found = {}
        for link in ET.fromstring(self._zip.read(str(main.parent / "_rels" / f"{main.name}.rels"))):  # noqa: S314
            target = link.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else str(main.parent / target)
            found[link.get("Id", "")] = (link.get("Type", ""), place)
        return found

    def _part(self, kind: str) -> str | None:
        return next((place for name, place in self._links().values() if name.endswith(kind)), None)

    def _read_formats(self) -> list[str]:
        """Return the format code of each style that cells name by number; "" for plain ones."""
        part = self._part("/styles")
        if part is None:
            return []
        root = ET.fromstring(self._zip.read(part))  # noqa: S314
        own = {
            int(element.get("numFmtId", "0")): element.get("formatCode", "")
            for element in root.iter()
            if _local(element.tag) == "numFmt"
        }
        styles = next((element for element in root if _local(element.tag) == "cellXfs"), None)
        numbers = [] if styles is None else [int(style.get("numFmtId", "0")) for style in styles]
        return [own.get(number, BUILT_IN.get(number, "")) for number in numbers]

    def _read_texts(self) -> list[str]:
        part = self._part("/sharedStrings")
        if part is None:
            return []
        texts: list[str] = []
        with self._zip.open(part) as xml:
            root: ET.Element | None = None
            for event, element in ET.iterparse(xml, ("start", "end")):  # noqa: S314
                if root is None:
                    root = element
                if event == "end" and _local(element.tag) == "si":
                    texts.append(_unescape("".join(_texts_of(element))))
                    root.clear()
        return texts

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            words = str(error).splitlines() or [type(error).__name__]
            raise SourceError(
                "SOURCE_UNREADABLE",
                f"{self._file} is not an .xlsx workbook that can be read: {words[0]}.",
                "See that the export has finished, or save it again as .xlsx.",
            ) from None


class _RowReader:
    """Rows out of a sheet's XML, fed piece by piece."""

    def __init__(self, shared: list[str], show_number: Callable[[int, str], str]) -> None:
        self._shared, self._show_number = shared, show_number
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._done: list[Row] = []
        self._row = Row(0, hidden=False)
        self._columns: dict[str, int] = {}
        self._next_column = 0
        self._kind, self._style, self._has_formula = "n", 0, False
        self._text: list[str] = []
        self._in_cell = False

    def feed(self, piece: bytes) -> list[Row]:
        """Return the rows that end in this piece."""
        self._done = []
        self._parser.Parse(piece, False)  # noqa: FBT003 - expat takes no names
        return self._done

    def finish(self) -> None:
        """Raise ExpatError where the XML is not whole."""
        self._parser.Parse(b"", True)  # noqa: FBT003

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name if ":" not in name else name.rpartition(":")[2]
        if tag == "c":
            self._begin_cell(attributes)
        elif tag in {"v", "t"}:
            if self._in_cell:
                self._parser.CharacterDataHandler = self._text.append
        elif tag == "row":
            number = attributes.get("r")
            self._row = Row(int(number) if number else self._row.number + 1, attributes.get("hidden") in {"1", "true"})
            self._next_column = 0
        elif tag == "f":
            self._has_formula = True
        elif tag == "rPh":
            self._in_cell = False  # how the text is read aloud is not a part of it

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        if place:
            letters = place.rstrip(_DIGITS)
            column = self._columns.get(letters)
            if column is None:
                column = self._columns[letters] = column_number(letters)
            self._next_column = column
        self._kind, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
        self._text.clear()
        self._has_formula = False
        self._in_cell = True

    def _end(self, name: str) -> None:
        tag = name if ":" not in name else name.rpartition(":")[2]
        if tag in {"v", "t"}:
            self._parser.CharacterDataHandler = None
        elif tag == "c":
            self._in_cell = False
            self._end_cell()
        elif tag == "rPh":
            self._in_cell = True
        elif tag == "row":
            self._done.append(self._row)

    def _end_cell(self) -> None:
        column = self._next_column
        self._next_column += 1
        row = self._row
        stored = "".join(self._text)
        if not stored:
            if self._has_formula and self._kind != "str":  # a text may be empty
                row.without_value.append(column)
            return
        text = self._shown(column, stored)
        if text:
            if column >= len(row.texts):
                row.texts += [None] * (column + 1 - len(row.texts))
            row.texts[column] = text

    def _shown(self, column: int, stored: str) -> str | None:
        """Return what the cell shows, and take down what is worth a word."""
        kind = self._kind
        if kind == "s":
            return self._shared[int(stored)]
        if kind == "n":
            self._row.numbers.append(column)
            return self._show_number(self._style, stored)
        if kind == "e":
            self._row.errors.append((column, stored))
            return None
        if kind == "b":
            return "TRUE" if stored == "1" else "FALSE"
        if kind == "d":
            return stored.removesuffix("T00:00:00").replace("T", " ")
        return _unescape(stored)


def column_number(letters: str) -> int:
    """Return the place (0-based) of the column that a spreadsheet calls by these letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter.upper()) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """Return what a spreadsheet calls the column at this place (0-based)."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _require_xlsx(file: Path) -> None:
    """Raise SourceError saying what a file is that is no .xlsx."""
    with file.open("rb") as binary:
        start = binary.read(len(_OLE))
        locked = start == _OLE and _contains(binary, _ENCRYPTED)
    if locked:
        fault, step = "is protected with a password", "Save it without one; Leadferry asks for no passwords of files."
    elif start == _OLE:
        fault, step = "is an Excel file of the old kind (.xls)", "Open it in Excel and save it as .xlsx."
    elif not start:
        fault, step = "is empty", "Check that the export finished, then run again."
    elif not zipfile.is_zipfile(file):
        fault, step = "is not an .xlsx workbook, or only a part of one", "Check source.type, or save it again as .xlsx."
    else:
        names = set(zipfile.ZipFile(file).namelist())
        if "xl/workbook.bin" not in names and "_rels/.rels" in names:
            return
        fault, step = "is a workbook of another kind, such as .xlsb or .ods", "Open it and save it as .xlsx."
    raise SourceError("SOURCE_NOT_EXCEL", f"{file} {fault}.", step)


def _contains(binary: IO[bytes], wanted: bytes) -> bool:
    rest = b""
    for piece in _pieces(binary):
        if wanted in rest + piece:
            return True
        rest = piece[-len(wanted) :]
    return False


def _pieces(binary: IO[bytes]) -> Iterator[bytes]:
    while piece := binary.read(_PIECE):
        yield piece


def _texts_of(element: ET.Element) -> Iterator[str]:
    """Yield the pieces of a text, without how it is read aloud."""
    for child in element:
        tag = _local(child.tag)
        if tag == "t":
            yield child.text or ""
        elif tag == "r":
            yield from _texts_of(child)


def _unescape(text: str) -> str:
    """Return a text with `_x000D_` and the like as the characters that XML cannot hold."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]

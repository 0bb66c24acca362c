"""The one table of odd files: what each holds, and the rows, reasons, lines, notes or error that must come of it.

docs/odd-files.md is written from it, and a test reads every file both as a check and as a load do.
"""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import zstandard

Cells = tuple[str | None, ...]
Fault = tuple[int, str, int]
"""Row (from 0), reason code, line (from 1)."""


@dataclass(frozen=True)
class OddFile:
    """One file. `rows` are the cells of every row; `faults` name those rejected; an `error` stops with exit code 2."""

    about: str
    data: bytes
    rows: tuple[Cells, ...] = ()
    faults: tuple[Fault, ...] = ()
    error: str = ""
    says: str = ""
    note: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    maps: tuple[str, str] = ("id", "phone")
    name: str = "odd.csv"


GOOD = (("A1", "4155550001"), ("A2", "4155550002"))
TEXT = "id,phone\nA1,4155550001\nA2,4155550002\n"
PLAIN = TEXT.encode()
LONG = ("id,phone\n" + "".join(f"A{number},41555{number:05d}\n" for number in range(20_000))).encode()
FEW, MANY, BYTES = "ROW_TOO_FEW_FIELDS", "ROW_TOO_MANY_FIELDS", "ROW_NOT_UTF8"
OPEN, AFTER, HEADER = "ROW_QUOTE_NOT_CLOSED", "ROW_TEXT_AFTER_QUOTE", "ROW_IS_HEADER"


def zipped(*members: tuple[str, bytes], encrypted: bool = False) -> bytes:
    """Return a zip of `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    data = bytearray(buffer.getvalue())
    if encrypted:  # the standard library writes none: only the mark is set
        for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = data.find(start) + place
            data[at : at + 2] = struct.pack("<H", 1)
    return bytes(data)


def parquet() -> bytes:
    """Return a Parquet file."""
    buffer = io.BytesIO()
    pl.DataFrame({"id": ["A1"], "phone": ["x"]}).write_parquet(buffer)
    return buffer.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    """Return `data` with one byte changed."""
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def one(cell: str) -> tuple[Cells, ...]:
    """Return the good rows with another first cell."""
    return ((cell, GOOD[0][1]), GOOD[1])


ZSTD = zstandard.ZstdCompressor(write_checksum=True).compress(LONG)
WIDE = tuple(f"c{number}" for number in range(5000))

FILES = (
    # --- separators and quotes
    OddFile("semicolons", TEXT.replace(",", ";").encode(), GOOD, note="semicolon"),
    OddFile("tabs", TEXT.replace(",", "\t").encode(), GOOD, note="tab"),
    OddFile("pipes", TEXT.replace(",", "|").encode(), GOOD, note="pipe"),
    OddFile(
        "semicolons, with commas in numbers",
        b"id;phone\n1,5;2\n2,5;3\n",
        (("1,5", "2"), ("2,5", "3")),
        note="semicolon",
    ),
    OddFile("a separator that only the job knows", b"id^phone\nA1^2\n", (("A1", "2"),), source={"separator": "^"}),
    OddFile("`sep=;`, as Excel writes it", b"sep=;\r\n" + TEXT.replace(",", ";").encode(), GOOD, note="semicolon"),
    OddFile("quotes around all", b'"id","phone"\n"A1","4155550001"\n"A2","4155550002"\n', GOOD),
    OddFile(
        "apostrophes around all", b"'id','phone'\n'A,1','4155550001'\n", (("A,1", "4155550001"),), note="apostrophes"
    ),
    OddFile("quotes that are text", b'id\tphone\n"A\t4"1\n', (('"A', '4"1'),), note="tab", source={"quote": "none"}),
    OddFile("smart quotes, which are text", "id,phone\n“A1”,4155550001\nA2,4155550002\n".encode(), one("“A1”")),
    OddFile("doubled quotes", b'id,phone\n"A ""1""",4155550001\nA2,4155550002\n', one('A "1"')),
    OddFile("a backslash, which is text", b"id,phone\nA\\1,4155550001\nA2,4155550002\n", one("A\\1")),
    OddFile(
        "a backslash before a quote, which closes",
        b'id,phone\n"A\\"1",2\nA2,3\n',
        (('"A\\"1"', "2"), ("A2", "3")),
        ((0, AFTER, 2),),
    ),
    OddFile("a quote in the middle of a field", b'id,phone\n5" pipe,4155550001\nA2,4155550002\n', one('5" pipe')),
    OddFile(
        "two stray quotes that polars would pair", b'id,phone\na"b,c"d\nA2,4155550002\n', (('a"b', 'c"d'), GOOD[1])
    ),
    OddFile("a blank before a quote", b'id,phone\n "A1",2\n', ((' "A1"', "2"),)),
    OddFile("text after a closing quote", b'id,phone\n"A"1,2\nA2,3\n', (('"A"1', "2"), ("A2", "3")), ((0, AFTER, 2),)),
    OddFile("a lone quote", b'id,phone\nA1,"\nA2,3\n', (("A1", '"'), ("A2", "3")), ((0, OPEN, 2),)),
    OddFile(
        "a quote that never closes",
        b'id,phone\nA1,2\nA2,"3\nA3,4\n',
        (("A1", "2"), ("A2", '"3'), ("A3", "4")),
        ((1, OPEN, 3),),
    ),
    OddFile("a quote open at the end", b'id,phone\nA1,2\nA2,"3', (("A1", "2"), ("A2", '"3')), ((1, OPEN, 3),)),
    OddFile(
        "a quote that takes whole rows in",
        b'id,phone\nA1,"x\nA2,3\nA3,"y"\n',
        (("A1", '"x'), ("A2", "3"), ("A3", "y")),
        ((0, OPEN, 2),),
    ),
    OddFile("a quote open in the header", b'id,"phone\nA1,2\n', error="SOURCE_OPEN_QUOTE", says="line 1"),
    # --- lines
    OddFile("CR LF", TEXT.replace("\n", "\r\n").encode(), GOOD),
    OddFile("CR alone", TEXT.replace("\n", "\r").encode(), GOOD, note="CR alone"),
    OddFile("LF and CR LF by turns", b"id,phone\r\nA1,4155550001\nA2,4155550002\r\n", GOOD),
    OddFile("CR first, then LF", b"id,phone\rA1,4155550001\rA2,4155550002\n", GOOD, note="CR alone"),
    OddFile(
        "a CR at the end of a cell, beside a short row",
        b"id,phone,name\nA1,2,x\nA2,3\nA3\r,4,y\n",
        (("A1", "2", "x"), ("A2", "3", None), ("A3\r", "4", "y")),
        ((1, FEW, 3),),
    ),
    OddFile(
        "rows that begin as a packed file does",
        b"id,phone\nx^,4155550001\nA2,4155550002\n",
        (("x^", GOOD[0][1]), GOOD[1]),
    ),
    OddFile("line breaks in quotes", b'id,phone\n"A\n1",4155550001\nA2,4155550002\n', one("A\n1")),
    OddFile(
        "a short row after a line break in quotes",
        b'id,phone\n"A\n1",2\nA2\n',
        (("A\n1", "2"), ("A2", None)),
        ((1, FEW, 4),),
    ),
    OddFile("no end of the last line", PLAIN[:-1], GOOD),
    OddFile("blank lines", b"\n\nid,phone\n\nA1,4155550001\n  \nA2,4155550002\n\n", GOOD, note="3 blank lines"),
    OddFile(
        "a short row after blank lines", b"id,phone\n\n\nA1\n", (("A1", None),), ((0, FEW, 4),), note="2 blank lines"
    ),
    OddFile("Ctrl-Z at the end", PLAIN + b"\x1a", GOOD),
    OddFile(
        "comments",
        b"# made\nid,phone\nA1,4155550001\n# half\nA2,4155550002\n",
        GOOD,
        note="1 comment",
        source={"comment": "#"},
    ),
    OddFile(
        "a title above the header",
        b"Leads\nof May\nid,phone\nA1,4155550001\nA2,4155550002\n",
        GOOD,
        source={"skip_rows": 2},
    ),
    # --- fields
    OddFile("too few fields", b"id,phone\nA1\nA2,4155550002\n", (("A1", None), GOOD[1]), ((0, FEW, 2),)),
    OddFile(
        "too few fields, filled",
        b"id,phone\nA1\nA2,4155550002\n",
        (("A1", None), GOOD[1]),
        source={"short_rows": "fill"},
    ),
    OddFile("too many fields", b"id,phone\nA1,2,3\nA2,4155550002\n", (("A1", "2,3"), GOOD[1]), ((0, MANY, 2),)),
    OddFile(
        "a short row and a long one, which cancel out",
        b"id,phone\nA1\nA2,3,4\n",
        (("A1", None), ("A2", "3,4")),
        ((0, FEW, 2), (1, MANY, 3)),
    ),
    OddFile("a total below", PLAIN + b"Total: 2\n", (*GOOD, ("Total: 2", None)), ((2, FEW, 4),)),
    OddFile("a separator at every end", b"id,phone,\nA1,2,\nA2,3,\n", (("A1", "2", None), ("A2", "3", None))),
    OddFile(
        "a separator at every end but the header's",
        b"id,phone\nA1,2,\nA2,3,\n",
        (("A1", "2", None), ("A2", "3", None)),
        note="ends with a separator",
    ),
    OddFile("one column", b"id\n007\n008\n", (("007",), ("008",)), maps=("id", "id")),
    OddFile(
        "5,000 columns",
        (",".join(WIDE) + "\n" + ",".join(WIDE) + "x\n").encode(),
        ((*WIDE[:-1], WIDE[-1] + "x"),),
        maps=("c0", "c1"),
    ),
    OddFile("a field of a million characters", b"id,phone\n" + b"x" * 1_000_000 + b",1\n", (("x" * 1_000_000, "1"),)),
    OddFile(
        "leading zeros and long numbers",
        b"id,phone\n00012345678901234567890,1e5\n",
        (("00012345678901234567890", "1e5"),),
    ),
    OddFile("NUL within a cell", b"id,phone\nA\x001,2\n", (("A\x001", "2"),)),
    OddFile("cells of one NUL", b"id,phone\n\x00,\x00\n\x00,\x00\n", (("\x00", "\x00"),) * 2),
    OddFile("NULs at the end, after a crash", PLAIN + b"\x00" * 64, (*GOOD, ("\x00" * 64, None)), ((2, FEW, 4),)),
    # --- headers
    OddFile("a header alone", b"id,phone\n", error="SOURCE_EMPTY", says="header but no rows"),
    OddFile("nothing at all", b"", error="SOURCE_EMPTY", says="is empty"),
    OddFile("blank lines alone", b"\n\n\r\n", error="SOURCE_EMPTY", says="is empty"),
    OddFile(
        "no header", b"A1,4155550001\nA2,4155550002\n", GOOD, source={"header": False}, maps=("column_1", "column_2")
    ),
    OddFile("blanks around names", b" id , phone\nA1,4155550001\nA2,4155550002\n", GOOD),
    OddFile("a column without a name", b"id,\nA1,4155550001\nA2,4155550002\n", GOOD, maps=("id", "column_2")),
    OddFile(
        "a repeated name that the job maps",
        b"id,phone,phone\nA1,2,3\n",
        error="COLUMN_REPEATED",
        says="'phone' at positions 2 and 3",
    ),
    OddFile(
        "a repeated name that it does not map",
        b"id,phone,x,x\nA1,2,3,4\n",
        (("A1", "2", "3", "4"),),
        note="'x' at positions 3 and 4",
    ),
    OddFile("the header again", PLAIN + PLAIN, (*GOOD, ("id", "phone"), *GOOD), ((2, HEADER, 4),)),
    OddFile(
        "the header again, after a byte-order mark",
        PLAIN + b"\xef\xbb\xbf" + PLAIN,
        (*GOOD, ("id", "phone"), *GOOD),
        ((2, HEADER, 4),),
    ),
    OddFile("a column that is not there", b"id,fone\nA1,2\n", error="COLUMN_MISSING", says="did you mean 'fone'"),
    # --- encodings
    OddFile("UTF-8 with a mark", b"\xef\xbb\xbf" + PLAIN, GOOD),
    OddFile("UTF-16 little-endian with a mark", b"\xff\xfe" + TEXT.encode("utf-16-le"), GOOD, note="utf-16"),
    OddFile("UTF-16 big-endian with a mark", b"\xfe\xff" + TEXT.encode("utf-16-be"), GOOD, note="utf-16"),
    OddFile("UTF-16 little-endian without", TEXT.encode("utf-16-le"), GOOD, note="utf-16-le"),
    OddFile("UTF-16 big-endian without", TEXT.encode("utf-16-be"), GOOD, note="utf-16-be"),
    OddFile("UTF-16 of a few letters", "a\n1\n".encode("utf-16-le"), (("1",),), note="utf-16-le", maps=("a", "a")),
    OddFile("UTF-16 after blank lines", "\n\na\n1\n".encode("utf-16-be"), (("1",),), note="utf-16-be", maps=("a", "a")),
    OddFile(
        "UTF-16 with bytes of line ends in letters",
        "上海,電話上\nA1上,1\n上上,2\n".encode("utf-16-le"),
        (("A1上", "1"), ("上上", "2")),
        note="utf-16-le",
        maps=("上海", "電話上"),
    ),
    OddFile(
        "UTF-16 with half a pair",
        b"\xff\xfe" + "id,phone\nA".encode("utf-16-le") + b"\x00\xd8" + ",2\nA2,3\n".encode("utf-16-le"),
        (("Aÿ", "2"), ("A2", "3")),
        ((0, BYTES, 2),),
        note="utf-16",
    ),
    OddFile("UTF-32", TEXT.encode("utf-32"), GOOD, note="utf-32"),
    OddFile(
        "Windows-1252",
        "id,phone\nJosé € ™,4155550001\nA2,4155550002\n".encode("cp1252"),
        one("José € ™"),
        note="windows-1252",
    ),
    OddFile(
        "Latin-1, which the job names",
        "id,phone\nJosé,4155550001\nA2,4155550002\n".encode("latin-1"),
        one("José"),
        source={"encoding": "latin-1"},
    ),
    OddFile(
        "code page 850, which the job names",
        "id,phone\nJosé,4155550001\nA2,4155550002\n".encode("cp850"),
        one("José"),
        source={"encoding": "cp850"},
    ),
    OddFile(
        "UTF-8 with one row of Windows-1252",
        b"id,phone\nJos\xe9,1\nJos\xc3\xa9,2\n",
        (("José", "1"), ("José", "2")),
        ((0, BYTES, 2),),
    ),
    OddFile(
        "bytes that the job's encoding has not",
        b"id,phone\nA\x81,1\nA2,2\n",
        (("Aÿ", "1"), ("A2", "2")),
        ((0, BYTES, 2),),
        source={"encoding": "windows-1252"},
    ),
    # --- archives
    OddFile("gzip", gzip.compress(PLAIN), GOOD, name="odd.csv.gz"),
    OddFile("gzip of two members", gzip.compress(PLAIN[:20]) + gzip.compress(PLAIN[20:]), GOOD, name="odd.csv.gz"),
    OddFile("gzip that is called .csv", gzip.compress(PLAIN), GOOD),
    OddFile("gzip cut short", gzip.compress(LONG)[:-900], error="SOURCE_UNREADABLE"),
    OddFile("gzip without its last bytes", gzip.compress(LONG)[:-4], error="SOURCE_UNREADABLE"),
    OddFile("gzip with a wrong byte", flipped(gzip.compress(LONG), -6), error="SOURCE_UNREADABLE"),
    OddFile("gzip with something behind it", gzip.compress(PLAIN) + b"garbage", error="SOURCE_UNREADABLE"),
    OddFile("zstd", zstandard.compress(PLAIN), GOOD, name="odd.csv.zst"),
    OddFile("zstd of two frames", zstandard.compress(PLAIN[:20]) + zstandard.compress(PLAIN[20:]), GOOD),
    OddFile("zstd cut short", ZSTD[:-900], error="SOURCE_UNREADABLE"),
    OddFile("zstd with a wrong byte", flipped(ZSTD, -2), error="SOURCE_UNREADABLE"),
    OddFile("bzip2", bz2.compress(PLAIN), GOOD),
    OddFile("bzip2 cut short", bz2.compress(LONG)[:-20], error="SOURCE_UNREADABLE"),
    OddFile("xz", lzma.compress(PLAIN), GOOD),
    OddFile("xz cut short", lzma.compress(LONG)[:-20], error="SOURCE_UNREADABLE"),
    OddFile("a zip of one file", zipped(("leads.csv", PLAIN)), GOOD, name="odd.zip"),
    OddFile("a zip from macOS", zipped(("leads.csv", PLAIN), ("__MACOSX/._leads.csv", b"x")), GOOD),
    OddFile(
        "a zip of several files",
        zipped(("a.csv", PLAIN), ("b.csv", PLAIN)),
        error="SOURCE_ARCHIVE",
        says="a.csv, b.csv",
    ),
    OddFile("a zip of none", zipped(), error="SOURCE_ARCHIVE", says="zip of 0 files"),
    OddFile(
        "an encrypted zip",
        zipped(("a.csv", PLAIN), encrypted=True),
        error="SOURCE_ARCHIVE",
        says="encrypted zip, of a.csv",
    ),
    OddFile("a zip cut short", zipped(("a.csv", LONG))[:-30], error="SOURCE_UNREADABLE"),
    OddFile("a zip with a wrong byte", flipped(zipped(("a.csv", LONG)), 2000), error="SOURCE_UNREADABLE"),
    # --- something else
    OddFile(
        "an Excel workbook",
        zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")),
        error="SOURCE_NOT_TEXT",
        says="Excel workbook",
    ),
    OddFile(
        "an old Excel workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        error="SOURCE_NOT_TEXT",
        says="old Excel",
    ),
    OddFile(
        "an HTML page",
        b"<!DOCTYPE html>\n<html><body>Please sign in</body></html>",
        error="SOURCE_NOT_TEXT",
        says="HTML",
    ),
    OddFile("an XML document", b'<?xml version="1.0"?>\n<leads/>', error="SOURCE_NOT_TEXT", says="XML"),
    OddFile("JSON", b'[{"id": "A1"}]', error="SOURCE_NOT_TEXT", says="JSON"),
    OddFile("lines of JSON", b'{"id": "A1"}\n{"id": "A2"}\n', error="SOURCE_NOT_TEXT", says="JSON"),
    OddFile("a PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", error="SOURCE_NOT_TEXT", says="PDF"),
    OddFile("Parquet", parquet(), error="SOURCE_NOT_TEXT", says="Parquet"),
    OddFile("any bytes", bytes(range(256)), error="SOURCE_NOT_TEXT", says="not plain text"),
)

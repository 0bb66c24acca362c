"""Names what a file that calls itself CSV really is."""

import re
from typing import Final

_MAGIC: Final = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or another Office document"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "packed twice (gzip)"),
    (b"\x28\xb5\x2f\xfd", "packed twice (zstd)"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "a Rich Text document"),
)

_TEXT: Final = (
    (re.compile(rb"\s*<(!doctype html|html|head|body|table|\?xml[^>]*>\s*<html)", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"\s*<\?xml|\s*<[a-z][\w:-]*(\s[^<>]*)?>\s*<", re.IGNORECASE), "an XML document"),
    (re.compile(rb'\s*(\{\s*("[^"]*"\s*:|\})|\[\s*(\{\s*"|\]))'), "JSON"),
)


def foreign_kind(head: bytes) -> str | None:
    """Return what a file with this beginning is, in words after "it is", or None where it may be CSV."""
    for magic, words in _MAGIC:
        # Letters alone may begin a CSV header, too: what follows them in a binary file cannot.
        if head.startswith(magic) and not (magic.isalnum() and b"\x00" not in head[:64]):
            return words
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(head)
    return next((words for pattern, words in _TEXT if pattern.match(head)), None)


def _kind_of_zip(head: bytes) -> str:
    if b"xl/" in head:
        return "an Excel workbook (.xlsx)"
    if b"word/" in head:
        return "a Word document"
    if b"mimetype" in head:
        return "an OpenDocument file"
    return "a zip in a zip"

"""Finds the encoding of a text file and gives its bytes as UTF-8, a piece at a time.

A mark at the beginning decides, then zero bytes at every second place, the first line's too (UTF-16), then whether the
bytes are valid UTF-8; what is none of these is taken for Windows-1252, the encoding that spreadsheets on Windows save.
"""

import codecs
import re
from collections.abc import Sequence
from typing import Final

from connectors.sources.compressed_files import Content

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

UTF_8: Final = "utf-8"
WINDOWS: Final = "windows-1252"

NOT_TEXT: Final = b"\xff"
"""Stands in UTF-8 for bytes that are no text in the source's own encoding: no reader takes it for text either."""

_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (BYTE_ORDER_MARK, UTF_8),
)

_NO_TEXT_CODECS: Final = {"utf_7", "utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}

_BEYOND_ASCII: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|(?P<odd>[\x80-\xff])"
)
"""A character of UTF-8 beyond ASCII, or a byte that is part of none."""

_MANY_ZEROS: Final = 0.3
_FEW_ZEROS: Final = 0.05
_ENOUGH: Final = 4


def find_encoding(samples: Sequence[bytes]) -> str:
    """Return the encoding of a file from `samples` of it, the first of which is its beginning."""
    head = samples[0] if samples else b""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    wide = _find_utf_16(head)
    if wide and not _has_plain_first_line(head):
        return wide
    if all(map(_is_utf_8, samples)):
        return UTF_8
    found = [match["odd"] is None for sample in samples for match in _BEYOND_ASCII.finditer(sample)]
    # A UTF-8 file in which a few bytes are damaged is still one; each such row is refused by itself.
    is_utf_8 = sum(found) * 2 >= len(found)
    return UTF_8 if is_utf_8 else WINDOWS


def _is_utf_8(sample: bytes) -> bool:
    """Whether a sample, which may end within a character, is valid."""
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _find_utf_16(head: bytes) -> str | None:
    if len(head) < _ENOUGH:
        return None
    shares = [head[place::2].count(0) / len(head[place::2]) for place in (0, 1)]
    if shares[1] >= _MANY_ZEROS and shares[0] <= _FEW_ZEROS:
        return "utf-16-le"
    if shares[0] >= _MANY_ZEROS and shares[1] <= _FEW_ZEROS:
        return "utf-16-be"
    return None


def _has_plain_first_line(head: bytes) -> bool:
    """Whether a sample is UTF-8 whose first line, blank ones apart, has no zero byte.

    Zero bytes further on are then cells of such a file: in UTF-16 the first line has one in each separator and in each
    letter of Latin, and text whose first line has neither is hardly ever valid UTF-8.
    """
    first = head.lstrip(b"\r\n").replace(b"\r", b"\n").partition(b"\n")[0]
    return b"\0" not in first and _is_utf_8(head)


def known_encoding(name: str) -> str:
    """Return the name as it is compared with others. Raises ValueError for no encoding of text."""
    plain = name.strip().lower()
    try:
        codec = codecs.lookup(plain)
        "a".encode(plain)
    except (LookupError, UnicodeError, ValueError, TypeError):
        codec = None
    if codec is None or codec.name in _NO_TEXT_CODECS:
        raise ValueError(f"{name!r} is no encoding; known are utf-8, utf-16, windows-1252, latin-1 and Python's others")
    return {"utf-8-sig": UTF_8, "cp1252": WINDOWS}.get(codec.name, codec.name)


def as_utf_8(content: Content, encoding: str) -> Content:
    """Return `content` as UTF-8 without a byte-order mark; what is no text becomes `NOT_TEXT`."""
    return _Plain(content) if encoding == UTF_8 else _Transcoded(content, encoding)


class _Plain:
    """UTF-8 as it is, but for the mark at its beginning."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at_start = True

    def read(self, size: int, /) -> bytes:
        piece = self._content.read(size)
        if self._at_start:
            self._at_start = False
            while len(piece) < len(BYTE_ORDER_MARK) and (more := self._content.read(size)):
                piece += more
            if piece.startswith(BYTE_ORDER_MARK):
                return piece[len(BYTE_ORDER_MARK) :] or self._content.read(size)
        return piece


def _mark_what_is_no_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """Handle what a codec cannot: a lone surrogate while text is made, which becomes a byte when UTF-8 is."""
    if isinstance(error, UnicodeDecodeError):
        return "\udcff", error.end
    if isinstance(error, UnicodeEncodeError):
        return NOT_TEXT * (error.end - error.start), error.end
    raise error


codecs.register_error("leadferry_mark", _mark_what_is_no_text)


class _Transcoded:
    """Another encoding, turned into UTF-8 piece by piece."""

    def __init__(self, content: Content, encoding: str) -> None:
        self._content = content
        self._decoder = codecs.getincrementaldecoder(encoding)("leadferry_mark")
        self._at_start, self._ended = True, False

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            raw = self._content.read(size)
            self._ended = not raw
            text = self._decoder.decode(raw, final=self._ended)
            if text and self._at_start:
                self._at_start = False
                text = text.removeprefix("\ufeff")
            if text:
                return text.encode(UTF_8, "leadferry_mark")
        return b""

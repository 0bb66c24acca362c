"""Gives what a file holds as plain bytes, whatever it is packed in: found by content, never by the file's name.

A packed file that is cut short or damaged is an error when its end is reached, so that no load of it is ever short. So
is a file that is not any more what it was when it was first looked at.
"""

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from transforms.vocabulary.errors import SourceError

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LONGEST_MAGIC: Final = 8
_ENCRYPTED: Final = 1
_LISTED: Final = 10
_STEP: Final = 1 << 20
_LONGEST_USUAL_LINE: Final = 64 << 10

_FAULTS: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What the unpacking libraries raise for damaged content."""


@dataclass(frozen=True)
class FileState:
    """What tells a file, and what is in it, from another one and from the same at another time."""

    device: int
    inode: int
    size: int
    changed: int
    """Nanoseconds."""


class Content(Protocol):
    """The bytes of a file, unpacked, from first to last."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class OpenedContent(Content, Protocol):
    """Content of which is known what its file was when it was opened."""

    @property
    def state(self) -> FileState:
        """What the file was."""


@contextmanager
def open_content(file: Path, known: FileState | None = None) -> Iterator[OpenedContent]:
    """Open what `file` holds: itself, or the content of gzip, zstd, bzip2, xz, or a zip of one file.

    Raises SourceError here or while it is read: for a file that cannot be read, one that is cut short or damaged, and
    a zip that is encrypted or has not just one member; and, here and at the end, for one that is not as `known`, or was
    changed since it was opened.
    """
    try:
        binary = file.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from None
    with closing(binary):
        yield _Guarded(file, binary, known)


def packing_of(file: Path) -> str | None:
    """Return what a file is packed with, such as `gzip`, or None where it lies as it is."""
    try:
        with file.open("rb") as binary:
            return _packing(binary.read(_LONGEST_MAGIC))
    except OSError as error:
        raise _unreadable(file, error) from None


def _state_of(binary: BinaryIO) -> FileState:
    facts = os.fstat(binary.fileno())
    return FileState(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _packing(magic: bytes) -> str | None:
    known = {b"\x1f\x8b": "gzip", _ZSTD: "zstd", _ZIP: "zip", _EMPTY_ZIP: "zip", b"\xfd7zXZ\x00": "xz"}
    found = next((name for start, name in known.items() if magic.startswith(start)), None)
    is_bzip2 = magic.startswith(b"BZh") and magic[4:].startswith(b"1AY&")
    return "bzip2" if is_bzip2 else found


class _Guarded:
    """Reads one file's content and translates what its library raises."""

    def __init__(self, file: Path, binary: BinaryIO, known: FileState | None) -> None:
        self._file, self._binary = file, binary
        self.state = known or _state_of(binary)
        self._require_unchanged()
        with self._faults_told():
            packing = _packing(binary.read(_LONGEST_MAGIC))
            binary.seek(0)
            self._content = self._unpack(binary, packing)

    def read(self, size: int, /) -> bytes:
        with self._faults_told():
            piece = self._content.read(size)
        if not piece:
            self._require_unchanged()
        return piece

    def _require_unchanged(self) -> None:
        if _state_of(self._binary) != self.state:
            raise SourceError(
                "SOURCE_CHANGED",
                f"{self._file} was changed while it was read.",
                "Run again once it is whole; an export should write under another name and rename.",
            )

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            self._require_unchanged()  # which then is why it is damaged
            raise _unreadable(self._file, error) from None

    def _unpack(self, binary: BinaryIO, packing: str | None) -> Content:
        match packing:
            case "gzip":
                return gzip.GzipFile(fileobj=binary)
            case "bzip2":
                return bz2.BZ2File(binary)
            case "xz":
                return lzma.LZMAFile(binary)
            case "zstd":
                return _ZstdContent(binary)
            case "zip":
                return self._only_member(zipfile.ZipFile(binary))
            case _:
                return _PlainContent(binary)

    def _only_member(self, archive: zipfile.ZipFile) -> Content:
        # macOS puts a folder of its own beside what was packed.
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        workbook = {"[Content_Types].xml", "mimetype"} & {member.filename for member in members}
        if workbook:
            # Told by the reader of the text itself, which names what a file is.
            return io.BytesIO(_ZIP + b"".join(member.filename.encode() + b"\n" for member in members))
        if len(members) != 1:
            names = ", ".join(member.filename for member in members[:_LISTED])
            more = f" and {len(members) - _LISTED:,} more" if len(members) > _LISTED else ""
            raise SourceError(
                "SOURCE_ARCHIVE",
                f"{self._file} is a zip of {len(members):,} files" + (f": {names}{more}." if members else "."),
                "Unpack it into a folder and name the folder, or pack one file alone.",
            )
        (member,) = members
        if member.flag_bits & _ENCRYPTED:
            raise SourceError(
                "SOURCE_ARCHIVE",
                f"{self._file} is an encrypted zip, of {member.filename}.",
                "Unpack it with its password, and load what is in it.",
            )
        try:
            return archive.open(member)
        except NotImplementedError as error:
            raise _unreadable(self._file, error) from None


class _PlainContent:
    """A file as it is. What is read ends with a line where it can: to put lines together copies a whole file."""

    def __init__(self, binary: BinaryIO) -> None:
        self._binary = binary

    def read(self, size: int, /) -> bytes:
        if size > 2 * _LONGEST_USUAL_LINE:
            begun = self._binary.tell()
            self._binary.seek(begun + size - _LONGEST_USUAL_LINE)
            ahead = self._binary.read(_LONGEST_USUAL_LINE)
            self._binary.seek(begun)
            end = ahead.rfind(b"\n") + 1
            size -= _LONGEST_USUAL_LINE - end if end else 0
        return self._binary.read(size)


class _ZstdContent:
    """Frames of zstd one after another; the library's own reader takes a frame that is cut short for a whole one."""

    def __init__(self, binary: BinaryIO) -> None:
        # Only those who load such a file pay for importing the library.
        import zstandard

        self._library = zstandard
        self._binary = binary
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False
        self._packed = b""

    def read(self, size: int, /) -> bytes:
        del size  # what one step of packed bytes holds
        while True:
            packed = self._packed or self._binary.read(_STEP >> 2)
            if not packed:
                if self._inside:
                    raise EOFError("its last frame is cut short")
                return b""
            self._inside = True
            try:
                plain = self._frame.decompress(packed)
            except self._library.ZstdError as error:
                raise OSError(str(error)) from None
            self._packed = b""
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame, self._inside = self._library.ZstdDecompressor().decompressobj(), False
            if plain:
                return plain


def _unreadable(file: Path, error: Exception) -> SourceError:
    words = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return SourceError(
        "SOURCE_UNREADABLE",
        f"{file} cannot be read: {words}.",
        "Check that it was copied whole, or export it again.",
    )

"""CSV files, every column as text: no leading zero and no long number is ever lost to a guessed type.

A file may be packed, in any encoding and written in many ways; what the job does not say is found. A record that is no
row is given all the same, with its reason and its line, and the others go on.
"""

import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from connectors.sources.compressed_files import Content, FileState, open_content, packing_of
from connectors.sources.csv_dialect import (
    AUTO,
    LONGEST_HEADER,
    CsvChoices,
    Dialect,
    find_dialect,
    refuse_no_text,
)
from connectors.sources.csv_records import RecordReader
from connectors.sources.extract import (
    Extract,
    Frames,
    SourceFile,
    join_files,
    list_files,
)
from connectors.sources.file_kinds import foreign_kind
from connectors.sources.rejected_rows import are_rejects, own_rows, warn_of_outcomes
from connectors.sources.text_encoding import UTF_8, as_utf_8, find_encoding
from transforms.vocabulary.errors import SourceError

# polars reads several of its pieces ahead; at their usual size those hold half as much as a whole check. The name is
# not documented: a polars that does not know it only takes more memory.
os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(4 << 20))

FOUND: Final = CsvChoices()
"""Nothing is said of how the files are written."""

_AFTER_OUR_COLUMN: Final = re.compile(rb'leadferry_reason"?([,;\t|])')

_SAMPLES: Final = 8
_SAMPLE_BYTES: Final = 64 << 10
"""Looks taken further on in a file, beside the one at its beginning, to find its encoding."""


@dataclass(frozen=True)
class CsvFile:
    """One file as it was at the first look, and how it is written."""

    path: Path
    state: FileState
    encoding: str
    dialect: Dialect
    notes: tuple[str, ...]


def open_csv(path: str, wanted: Sequence[str], choices: CsvChoices = FOUND, *, careful: bool = False) -> Extract:
    """Open the CSV file, folder or glob `path` as text; `wanted` are the columns the job names.

    `careful` reads record by record what is else read quickly where that is proved the same. Raises SourceError here
    for a missing or empty file or a missing column, and while the rows are read for content that is damaged, and for a
    file that was changed since it was looked at.
    """
    listing = list_files(path, ".csv")
    late: list[str] = []
    files, notes = [], [*listing.notes()]
    ids_as_taken = False
    for place in listing.files:
        file = look_at(place, choices)
        _refuse_repeated(wanted, file)
        names = list(file.dialect.names)
        rows = _rows(file, late, careful=careful)
        if are_rejects(names):
            ids_as_taken = True
            notes += [f"{place.name}: {note}." for note in warn_of_outcomes(rows, names)]
            rows, names = own_rows(rows, names)
        files.append(SourceFile(place, tuple(names), rows))
        notes += [f"{place.name}: {note}." for note in file.notes]
    extract = join_files(files, wanted, notes)
    return replace(extract, late_notes=late, ids_as_taken=ids_as_taken)


def look_at(path: Path, choices: CsvChoices) -> CsvFile:
    """Look at the beginning of a file, and for its encoding further on too. Raises SourceError."""
    with open_content(path) as content:
        state, head = content.state, _read_up_to(content, LONGEST_HEADER)
    kind = foreign_kind(head)
    if kind is not None:
        raise refuse_no_text(str(path), f"it is {kind}")
    choices = _as_rejects(head) or choices
    encoding = find_encoding([head, *_further_samples(path)]) if choices.encoding == AUTO else choices.encoding
    with open_content(path, state) as content:
        text = _read_up_to(as_utf_8(content, encoding), LONGEST_HEADER)
    kind = foreign_kind(text)
    if kind is not None:
        raise refuse_no_text(str(path), f"it is {kind}")
    dialect = find_dialect(text.rstrip(b"\x1a") if len(text) < LONGEST_HEADER else text, choices, str(path))
    told = [f"read as {encoding}"] if choices.encoding == AUTO and encoding != UTF_8 else []
    return CsvFile(path, state, encoding, dialect, (*told, *dialect.notes))


def _as_rejects(head: bytes) -> CsvChoices | None:
    """Return how a rejects.csv is written, which is not as the job says of its source; None for any other file."""
    if b"leadferry_" not in head.replace(b"\0", b""):  # UTF-16 has a NUL in each letter
        return None
    text = _read_up_to(as_utf_8(BytesIO(head), find_encoding([head])), LONGEST_HEADER)
    separator = _AFTER_OUR_COLUMN.search(text)
    choices = CsvChoices(separator=separator[1].decode() if separator else AUTO, quote='"')
    try:
        return choices if are_rejects(find_dialect(text, choices, "").names) else None
    except SourceError:
        return None


def _read_up_to(content: Content, size: int) -> bytes:
    pieces, left = [], size
    while left > 0 and (piece := content.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)[:size]


def _further_samples(path: Path) -> Iterator[bytes]:
    """Yield whole lines from several places of a file that is not packed."""
    size = path.stat().st_size
    if packing_of(path) is not None or size <= LONGEST_HEADER:
        return
    with path.open("rb") as binary:
        for number in range(1, _SAMPLES + 1):
            binary.seek(number * (size - _SAMPLE_BYTES) // _SAMPLES)
            piece = binary.read(_SAMPLE_BYTES)
            yield piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1]


def _refuse_repeated(wanted: Sequence[str], file: CsvFile) -> None:
    """Raise SourceError if the job names a column that the file has several times."""
    repeated = [(name, file.dialect.repeated[name]) for name in wanted if name in file.dialect.repeated]
    if repeated:
        told = "; ".join(f"{name!r} at positions {' and '.join(map(str, places))}" for name, places in repeated)
        raise SourceError(
            "COLUMN_REPEATED",
            f"{file.path} has several columns of one name: {told}.",
            "Give each a name of its own in the export, or set source.header = false and name columns by position.",
        )


@contextmanager
def _opened(file: CsvFile) -> Iterator[Content]:
    with open_content(file.path, file.state) as content:
        yield as_utf_8(content, file.encoding)


def _rows(file: CsvFile, late: list[str], *, careful: bool) -> Frames:
    def pull(limit: int | None) -> Generator[pl.DataFrame]:
        del limit  # pieces are small
        with _opened(file) as content:
            reader = RecordReader(file.path, content, file.dialect, careful=careful)
            with closing(reader.frames()) as frames:
                yield from frames
        late[:] = dict.fromkeys([*late, *(f"{file.path.name}: {note}." for note in reader.tally.notes())])

    return pull

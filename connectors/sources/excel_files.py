"""Excel workbooks (.xlsx): one sheet of each file, every cell as the text that a person sees in it."""

import difflib
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from connectors.sources.extract import (
    ROW_FAULT,
    Extract,
    SourceFile,
    distinct_names,
    join_files,
    list_files,
    refuse_empty,
)
from connectors.sources.rejected_rows import are_rejects, own_rows, warn_of_outcomes
from connectors.sources.xlsx_cells import Row, Sheet, Workbook, column_letters
from transforms.vocabulary.errors import SourceError

ENDING: Final = ".xlsx"

_CHUNK_ROWS: Final = 20_000


def open_excel(
    path: str,
    wanted: list[str],
    *,
    sheet: str | int | None = None,
    header_row: int | None = None,
    not_numbers: Mapping[str, str] | None = None,
) -> Extract:
    """Open one sheet of each workbook that `path` (a file, a folder or a glob) stands for, as text.

    `sheet` is a name, or a number from 1; by default the first that is not hidden. `header_row` counts from 1; by
    default it is the first row that has a cell. `not_numbers` are columns that should hold text, with what they hold:
    there is a note where they hold numbers. A sheet has a million rows at most, and is held in memory. Raises
    SourceError for a file that is missing, empty or no .xlsx, for a sheet or a column that is missing.
    """
    listing = list_files(path, ENDING)
    tables = [_read(file, sheet, header_row) for file in listing.files]
    notes = [note for table in tables for note in table.notes(not_numbers or {})]
    files = [table.source_file() for table in tables]
    ids_as_taken = any(are_rejects(file.columns) for file in files)
    for place, file in enumerate(files):
        if are_rejects(file.columns):  # a rejects.csv that was saved as a workbook
            notes += [f"{file.path.name}: {note}." for note in warn_of_outcomes(file.frames, file.columns)]
            rows, columns = own_rows(file.frames, file.columns)
            files[place] = SourceFile(file.path, tuple(columns), rows)
    return replace(join_files(files, wanted, [*listing.notes(), *notes]), ids_as_taken=ids_as_taken)


@dataclass
class _Table:
    """A sheet as it is read: its header, its cells column by column, and what is worth a note."""

    file: Path
    sheet: str
    header: dict[int, str]
    width: int
    frames: list[pl.DataFrame] = field(default_factory=list)
    waiting: list[list[str | None]] = field(default_factory=list)
    numbers: Counter[int] = field(default_factory=Counter)
    errors: dict[int, Counter[str]] = field(default_factory=dict)
    without_value: Counter[int] = field(default_factory=Counter)
    hidden_rows: int = 0
    blank_rows: int = 0

    def add(self, row: Row) -> None:
        """Take the next row that the file has."""
        self.hidden_rows += row.hidden
        self.numbers.update(row.numbers)
        self.without_value.update(row.without_value)
        for column, error in row.errors:
            self.errors.setdefault(column, Counter())[error] += 1
        if not row.texts:
            self.blank_rows += 1
            return
        while self.blank_rows:
            self.blank_rows -= 1
            self._append([])
        self._append(row.texts)

    def skip(self, rows: int) -> None:
        """Hear of rows that the file leaves out as blank; they count if another row follows."""
        self.blank_rows += rows

    def source_file(self) -> SourceFile:
        """Return the rows under their columns' names."""
        self._flush()
        places = [place for place in range(self.width) if place in self.header or self._is_filled(place)]
        names = distinct_names([self.header.get(place, f"column {column_letters(place)}") for place in places])
        frames = [self._widened(frame) for frame in self.frames]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema=self._schema())
        renamed = rows.select(
            *(pl.col(str(place)).alias(name) for place, name in zip(places, names, strict=True)),
            pl.lit(None, pl.String).alias(ROW_FAULT),
        )

        def pull(_: int | None) -> Generator[pl.DataFrame]:
            yield from renamed.iter_slices(_CHUNK_ROWS)

        return SourceFile(self.file, tuple(names), pull)

    def notes(self, not_numbers: Mapping[str, str]) -> list[str]:
        """Say what a person may not expect of these cells."""
        where = f"{self.file.name}, sheet {self.sheet!r}"
        told = []
        for place, name in self.header.items():
            if name in not_numbers and self.numbers[place]:
                told.append(
                    f"{where}: {not_numbers[name]} in column {name!r} are stored as numbers (cells: "
                    f"{self.numbers[place]:,}); zeros in front that the sheet does not show are lost. Format the "
                    "column as Text."
                )
        for place, found in self.errors.items():
            examples = ", ".join(error for error, _ in found.most_common(3))
            told.append(
                f"{where}: column {self._name(place)!r} shows errors ({examples}; cells: {found.total():,}); "
                "they count as empty."
            )
        for place, cells in self.without_value.items():
            told.append(
                f"{where}: formulas of column {self._name(place)!r} were saved without values (cells: {cells:,}); "
                "they count as empty. Open the file in Excel and save it."
            )
        if self.hidden_rows:
            told.append(f"{where}: hidden rows are read like the others (rows: {self.hidden_rows:,}).")
        return told

    def _name(self, place: int) -> str:
        return self.header.get(place, f"column {column_letters(place)}")

    def _append(self, texts: list[str | None]) -> None:
        self.width = max(self.width, len(texts))
        self.waiting.append(texts)
        if len(self.waiting) >= _CHUNK_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self.waiting:
            rows = [texts + [None] * (self.width - len(texts)) for texts in self.waiting]
            self.frames.append(pl.DataFrame(rows, schema=self._schema(), orient="row"))
            self.waiting = []

    def _schema(self) -> dict[str, type[pl.String]]:
        return {str(place): pl.String for place in range(self.width)}

    def _widened(self, frame: pl.DataFrame) -> pl.DataFrame:
        missing = [name for name in self._schema() if name not in frame.columns]
        return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)

    def _is_filled(self, place: int) -> bool:
        return any(
            frame[str(place)].null_count() < frame.height for frame in self.frames if str(place) in frame.columns
        )


def _read(file: Path, sheet: str | int | None, header_row: int | None) -> _Table:
    with Workbook(file) as workbook:
        chosen = _choose(file, workbook.sheets, sheet)
        rows = workbook.rows(chosen)
        header = next((row for row in rows if _is_header(row, header_row)), None)
        if header is None or (header_row is not None and header.number != header_row):
            raise _refuse_header(file, chosen, header_row)
        names = {place: text.strip() for place, text in enumerate(header.texts) if text and text.strip()}
        table = _Table(file, chosen.name, names, max(names) + 1)
        last = header.number
        for row in rows:
            table.skip(row.number - last - 1)
            table.add(row)
            last = row.number
    return table


def _is_header(row: Row, header_row: int | None) -> bool:
    return (header_row is None or row.number >= header_row) and any(text and text.strip() for text in row.texts)


def _refuse_header(file: Path, sheet: Sheet, header_row: int | None) -> SourceError:
    if header_row is None:
        return refuse_empty(f"{file}, sheet {sheet.name!r},", has_header=False)
    return SourceError(
        "SOURCE_NO_HEADER",
        f"{file}, sheet {sheet.name!r}, has nothing in row {header_row}, which is to hold the names of the columns.",
        "Correct source.header_row in the job file; rows count from 1.",
    )


def _choose(file: Path, sheets: tuple[Sheet, ...], wanted: str | int | None) -> Sheet:
    """Return the sheet that the job names. Raises SourceError listing those there are."""
    if wanted is None:
        shown = [sheet for sheet in sheets if not sheet.hidden] or list(sheets)
        if shown:
            return shown[0]
    elif isinstance(wanted, int):
        if wanted <= len(sheets):
            return sheets[wanted - 1]
    else:
        found = [sheet for sheet in sheets if sheet.name.strip().lower() == wanted.strip().lower()]
        if found:
            return found[0]
    near = difflib.get_close_matches(str(wanted), [sheet.name for sheet in sheets], n=1)
    hint = f" did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(repr(sheet.name) + " (hidden)" * sheet.hidden for sheet in sheets) or "none"
    raise SourceError(
        "SHEET_MISSING", f"{file} has no sheet {wanted!r};{hint} its sheets: {listed}.", "Correct source.sheet."
    )

"""`init`: writes a first job file for a source, with a guessed mapping, for the user to look over and run."""

import json
import os
import re
import shlex
import stat
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import polars as pl
from pydantic import ValidationError

from connectors.sources.csv_dialect import CsvChoices, looks_like_data
from connectors.sources.csv_files import CsvFile, look_at, open_csv
from connectors.sources.databases.asking import open_database
from connectors.sources.databases.urls import FROM_ENVIRONMENT, file_path_of, with_file_path
from connectors.sources.excel_files import open_excel
from connectors.sources.extract import ROW_FAULT, SOURCE_FILE, SOURCE_ROW, Extract, find_files, refuse_empty
from connectors.sources.parquet_files import open_parquet
from connectors.sources.text_encoding import UTF_8
from connectors.sources.urls import is_url, parse_url
from connectors.staging import written_whole
from flows.clock import now
from flows.fetching import open_storage
from flows.job_file import SOURCES, Columns, DatabaseSource, FileSource, Job
from flows.path_parameters import escape_path
from transforms.guessing import Guess, guess_mapping
from transforms.vocabulary.errors import ConfigurationError, SourceError

_ROWS_LOOKED_AT: Final = 2000
_ASKED_SECONDS: Final = 600
"""How long the query may take to its first rows."""

_FILES: Final = frozenset({"s3", "gs", "az", "http", "https", "ftp", "file"})
"""Schemes of URLs that are files' and no database's, whether they can be read or not."""

_PARQUET: Final = {".parquet", ".pq", ".parq"}
_EXCEL: Final = {".xlsx", ".xlsm"}
_LONGEST_NAME: Final = 100
_LEFT_OUT_SHOWN: Final = 12

_NO_HEADER: Final = (
    "The row that names the columns looks like a lead, which is not loaded then: "
    "give the sheet a row of names, or set source.header_row."
)

_LOAD: Final = """\
[load]
campaign = "My Campaign" # LOOK AT THIS: the exact name of the campaign in RingCX, or campaign_id = 12345
description = {description} # names the list in RingCX
dial_priority = "NORMAL" # or IMMEDIATE
duplicate_handling = "REMOVE_FROM_LIST" # or RETAIN_ALL, REMOVE_ALL_EXISTING
time_zone_option = {time_zones}
list_state = "ACTIVE" # PAUSED loads the list without dialling it
batch_size = 1000
already_loaded = "send" # skip leaves out leads that an earlier run of this job loaded just as they are

[quality]
max_reject_rate = 0.25 # more rejected rows than this: nothing is sent, exit 3
"""

_BY_ZONE: Final = '"EXPLICIT" # or NPA_NXX, ZIPCODE, COUNTRY, NOT_APPLICABLE'
_BY_COUNTRY: Final = '"COUNTRY" # or NOT_APPLICABLE; EXPLICIT refuses numbers in zones for which RingCX has no name'


@dataclass(frozen=True)
class _Sample:
    """The first rows of a source, and how a job file names it: the keys of `[source]`, and a name for the job.

    Of `columns`, those `told_apart` have a name that others have too: by it the source finds none of them.
    """

    name: str
    table: Mapping[str, str | bool]
    columns: list[str]
    rows: pl.DataFrame
    told_apart: frozenset[str] = frozenset()
    warning: str | None = None


def init_job(
    source: str, job_file: Path | None, *, force: bool, query: str | None = None, query_file: Path | None = None
) -> dict[str, Any]:
    """Write a job file for `source` and return what was guessed, as JSON has it.

    `source` is a file, a folder, a glob, a URL of object storage, or that of a database (or `env:NAME`), which is asked
    the `query` or the one in `query_file`. `job_file` is by default named after the source, in the working folder.
    Raises SourceError for a source that cannot be read, and ConfigurationError where the file exists and not `force`,
    or no column could be an id or a number.
    """
    of_database = is_database(source)
    _require_query(of_database, query, query_file)
    name = _name_of_database(source) if of_database else _name_of(source)
    target = job_file or Path(f"{name}.toml")
    if target.exists() and not force:
        raise _refuse_to_overwrite(target)
    if of_database:
        sample = _ask_database(name, source, query, query_file, target)
    elif is_url(source):
        sample = _fetch_sample(name, source)
    else:
        kind = _kind_of(source)
        sample = _read_sample(name, source, kind, escape_path(_relative(source, target)))
    columns, rows = sample.columns, sample.rows
    usable = [column for column in columns if _can_be_named(column) and column not in sample.told_apart]
    guesses = guess_mapping(rows[usable])
    _require_essentials(guesses, source, usable, [column for column in columns if column in sample.told_apart])
    mapped = {column for guess in guesses for column in guess.columns}
    left_out = [column for column in columns if column not in mapped]
    text = _compose(sample, guesses, left_out)
    _require_job(text, sample.table)
    _write(target, text, force=force)
    return {
        "job": str(target),
        "name": name,
        "source": source,
        "rows_looked_at": rows.height,
        "sure": all(guess.how_sure != "unsure" for guess in guesses),
        "guesses": [
            {
                "field": guess.field,
                "columns": list(guess.columns),
                "confidence": guess.confidence,
                "how_sure": guess.how_sure,
                "why": guess.why,
            }
            for guess in guesses
        ],
        "left_out": left_out,
        "warnings": [] if sample.warning is None else [sample.warning],
        "next": f"leadferry check {shlex.quote(str(target))}",
    }


def tell_init(facts: Mapping[str, Any]) -> str:
    """Return what was guessed in a screenful."""
    table = [
        (guess["field"], ", ".join(map(_shown, guess["columns"])), f"{guess['how_sure']} ({guess['confidence']:.2f})")
        for guess in facts["guesses"]
    ]
    whys = [guess["why"] for guess in facts["guesses"]]
    heads = ("lead field", "column", "how sure")
    widths = [max(len(row[place]) for row in [heads, *table]) for place in range(len(heads))]
    lines = [
        f"{facts['job']} maps {len(table)} lead fields, guessed from the first {facts['rows_looked_at']:,} rows.",
        "",
    ]
    for row, why in zip([heads, *table], ["why", *whys], strict=True):
        lines.append("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + f"  {why}")
    if facts["left_out"]:
        shown = ", ".join(map(_shown, facts["left_out"][:_LEFT_OUT_SHOWN]))
        more = len(facts["left_out"]) - _LEFT_OUT_SHOWN
        lines += ["", f"not mapped: {shown}{f' and {more} more' if more > 0 else ''}; the file lists them"]
    for warning in facts["warnings"]:
        lines += ["", f"warning: {warning}"]
    unsure = [guess["field"] for guess in facts["guesses"] if guess["how_sure"] == "unsure"]
    if unsure:
        lines += ["", f"not sure of: {', '.join(unsure)}. Look at these lines of the file first."]
    return "\n".join([*lines, "", f"next: {facts['next']}", "before loading: set load.campaign in the file"])


def _name_of(source: str) -> str:
    """Return a name for the job, made of the source's own: only characters that a job's name may have."""
    path = Path(source)
    known = {".csv", ".gz", ".txt", ".tsv", *_PARQUET, *_EXCEL}
    parts = [part for part in (path.name, path.absolute().parent.name) if not set(part) & set("*?[")] or ["leads"]
    stem = parts[0]
    while Path(stem).suffix.lower() in known and not path.is_dir():
        stem = Path(stem).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9 ._-]+", "-", plain).lstrip(" ._-")[:_LONGEST_NAME].rstrip(" ._-")
    return name or "leads"


def is_database(source: str) -> bool:
    """Return whether a source is a database's URL, or the name of a variable that has it, and no file's."""
    return source.startswith(FROM_ENVIRONMENT) or (is_url(source) and source.partition("://")[0].lower() not in _FILES)


def _require_query(of_database: bool, query: str | None, query_file: Path | None) -> None:  # noqa: FBT001 - a fact
    given = (query is not None) + (query_file is not None)
    if of_database and given != 1:
        raise ConfigurationError(
            "INIT_QUERY",
            "A database is asked one query.",
            "Give --query 'SELECT ...', or --query-file FILE.",
        )
    if given and not of_database:
        raise ConfigurationError(
            "INIT_QUERY",
            "A query is for a database, and this source is none.",
            "Leave it out, or name the database by its URL or as env:NAME.",
        )


def _name_of_database(url: str) -> str:
    """Return a name for the job: the file's, the database's, or that of the variable."""
    if url.startswith(FROM_ENVIRONMENT):
        return _name_of(url.removeprefix(FROM_ENVIRONMENT).lower())
    path = file_path_of(url) or urlsplit(url).path
    return _name_of(Path(path).stem or "leads")


def _ask_database(name: str, url: str, query: str | None, query_file: Path | None, target: Path) -> _Sample:
    """Return the first rows of the query's result. Raises SourceError, ConfigurationError."""
    table: dict[str, str | bool] = {"type": "database", "url": _placed_url(url, target)}
    if query_file is None:
        table["query"] = (query or "").strip()
    else:
        table["query_file"] = _relative(str(query_file), target)
    try:
        given = {key: value for key, value in table.items() if key != "query_file"}
        here = DatabaseSource.model_validate(
            given | {"url": url} | ({"query_file": str(query_file)} if query_file else {})
        )
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError("INIT_DATABASE", f"{words[0].upper()}{words[1:]}.", "Then run init again.") from None
    asked = here.placed_in(Path.cwd()).as_of(now())
    extract = open_database(
        asked.url, asked.query or "", [], parameters=asked.parameters, timeout_seconds=_ASKED_SECONDS
    )
    with _faults_told(here.place):
        return _Sample(name, table, list(extract.columns), _first_rows(extract, "The query's result"))


def _placed_url(url: str, target: Path) -> str:
    """Return the URL of a database as the job file has it: a file's path is relative to the job file."""
    path = file_path_of(url)
    return url if not path else with_file_path(url, _relative(path, target))


def _fetch_sample(name: str, url: str) -> _Sample:
    """Return the first rows of the first file that a URL of object storage stands for; the file is fetched whole.

    Raises SourceError.
    """
    for kind in _kinds_at(url):
        try:
            source = SOURCES.validate_python({"type": kind, "path": escape_path(url)})
        except ValidationError as error:
            words = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ConfigurationError("INIT_URL", f"{words[0].upper()}{words[1:]}.", "Correct the URL.") from None
        if not isinstance(source, FileSource):
            raise TypeError("no kind of file")
        storage, place = open_storage(source), parse_url(url)
        try:
            first = storage.list_objects()[0]
        except SourceError as error:
            if error.code != "SOURCE_MISSING" or kind == _kinds_at(url)[-1]:
                raise
            continue
        with tempfile.TemporaryDirectory(prefix="leadferry-init-") as folder, _told_as(folder, place.scheme):
            storage.fetch(first, Path(folder), lambda: None)
            return _read_sample(name, (Path(folder) / place.bucket / place.key).as_posix(), kind, escape_path(url))
    raise TypeError("there is always a last kind")


def _kinds_at(url: str) -> list[str]:
    """Return which kinds of files a URL may stand for: by its ending, or any where it is a prefix."""
    suffix = Path(url).suffix.lower()
    if suffix in _PARQUET:
        return ["parquet"]
    if suffix in _EXCEL:
        return ["excel"]
    return ["csv"] if suffix and not url.endswith("/") else ["csv", "parquet", "excel"]


@contextmanager
def _told_as(folder: str, scheme: str) -> Iterator[None]:
    """Name fetched files by their URLs in errors."""
    try:
        yield
    except SourceError as error:
        words = (text.replace(f"{folder}/", f"{scheme}://") for text in (error.message, error.next_step))
        raise SourceError(error.code, *words) from None


def _read_sample(name: str, source: str, kind: str, path: str) -> _Sample:
    """Return the first rows of the files `source`, which are of that kind; the job file names them by `path`."""
    table: dict[str, str | bool] = {"type": kind, "path": path}
    told_apart: frozenset[str] = frozenset()
    with _faults_told(source):
        if kind == "parquet":
            extract = open_parquet(source, [])
        elif kind == "excel":
            extract = open_excel(source, [])
        else:
            files = [look_at(file, CsvChoices()) for file in find_files(source, ".csv")]
            table |= _find_writing(files, is_one=Path(source).is_file())
            has_header = table.get("header") is not False
            told_apart = frozenset().union(*map(_told_apart, files)) if has_header else told_apart
            extract = open_csv(source, [], CsvChoices(header=has_header))
        columns = list(extract.columns)
        # Of CSV the job can say that there is no header; a sheet must have one.
        warning = _NO_HEADER if kind == "excel" and looks_like_data(columns) else None
        return _Sample(name, table, columns, _first_rows(extract, source), told_apart, warning)


def _find_writing(files: Sequence[CsvFile], *, is_one: bool) -> dict[str, str | bool]:
    """Return what a job says of how its files are written, where it is not the usual way of writing CSV.

    What is found for each file by itself is said only where there `is_one` and always will be.
    """
    file, dialect = files[0], files[0].dialect
    found: dict[str, str | bool] = {}
    if is_one and dialect.separator != ",":
        found["separator"] = dialect.separator
    if is_one and dialect.quote not in {'"', None}:
        found["quote"] = dialect.quote
    if is_one and file.encoding != UTF_8:
        found["encoding"] = file.encoding
    if all(looks_like_data(file.dialect.header or ()) for file in files):
        found["header"] = False
    return found


def _told_apart(file: CsvFile) -> set[str]:
    """Return the columns whose names are not theirs alone, as they are told apart."""
    return {file.dialect.names[place - 1] for places in file.dialect.repeated.values() for place in places}


def _kind_of(source: str) -> str:
    path = Path(source)
    if path.is_dir():
        endings = {file.suffix.lower() for file in path.iterdir() if file.is_file()}
        kinds = {".csv": "csv", ".parquet": "parquet", ".xlsx": "excel"}
        found = [kind for ending, kind in kinds.items() if ending in endings]
        if not found:
            raise SourceError(
                "SOURCE_MISSING", f"The folder {source} holds no .csv, .parquet or .xlsx file.", "Name the file itself."
            )
        return found[0]
    try:
        files = find_files(source, ".csv")
    except SourceError as error:
        raise SourceError(error.code, error.message, "Check the path, and quote a glob.") from None
    endings = {file.suffix.lower() for file in files}
    if endings <= _EXCEL:
        return "excel"
    return "parquet" if endings <= _PARQUET else "csv"


def _first_rows(extract: Extract, source: str) -> pl.DataFrame:
    """Return the first rows that are rows at all, the source's own columns alone."""
    head = extract.collect(_ROWS_LOOKED_AT)
    rows = head.filter(pl.col(ROW_FAULT).is_null()) if ROW_FAULT in head.columns else head
    if rows.is_empty():
        raise refuse_empty(source, has_header=True)
    return rows.drop(SOURCE_ROW, SOURCE_FILE, ROW_FAULT, strict=False)


@contextmanager
def _faults_told(source: str) -> Iterator[None]:
    """Translate what reading a source raises."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise SourceError(
            "SOURCE_UNREADABLE", f"{source} cannot be read: {words[0]}.", "Save it as CSV in UTF-8, or as Parquet."
        ) from None


def _can_be_named(column: str) -> bool:
    """Return whether a job file can name the column: blanks at its ends, or no name at all, are lost there."""
    try:
        return Columns(externId=column, leadPhone=(column,)).externId == column
    except ValidationError:
        return False


def _require_essentials(
    guesses: Sequence[Guess], source: str, columns: Sequence[str], told_apart: Sequence[str]
) -> None:
    fields = {guess.field for guess in guesses}
    lacks = not fields & {"leadPhone", "leadPhoneE164"} or "externId" not in fields
    if lacks and told_apart:
        raise ConfigurationError(
            "COLUMN_REPEATED",
            f"{source} has several columns of one name, of which none can be mapped (here told apart by a suffix): "
            f"{', '.join(map(_shown, told_apart))}. The others hold no telephone numbers, or no id.",
            "Give each a name of its own in the export, or set source.header = false and name columns by position.",
        )
    there = ", ".join(map(_shown, columns)) or "none that a job file can name"
    if not fields & {"leadPhone", "leadPhoneE164"}:
        raise ConfigurationError(
            "NO_PHONE_COLUMN",
            f"No column of {source} holds telephone numbers, and a lead needs one. Its columns: {there}.",
            "See that it is the right file; or write the job file yourself, as docs/job-file.md shows.",
        )
    if "externId" not in fields:
        raise ConfigurationError(
            "NO_ID_COLUMN",
            f"No column of {source} tells its rows apart, and each lead needs an id of its own. Its columns: {there}.",
            "Export the list with its id; or write the job file yourself, as docs/job-file.md shows.",
        )


def _relative(source: str, target: Path) -> str:
    """Return the source's path as the job file has it: from the job file's folder, where there is a way."""
    path = Path(source)
    if path.is_dir():
        absolute = path.resolve()
    elif path.exists():
        absolute = path.parent.resolve() / path.name  # a link to the newest file stays one
    else:
        absolute = Path.cwd() / source
    try:
        return Path(os.path.relpath(absolute, target.absolute().parent.resolve())).as_posix()
    except ValueError:  # another drive
        return absolute.as_posix()


def _compose(sample: _Sample, guesses: Sequence[Guess], left_out: Sequence[str]) -> str:
    """Return the job file's text. Whatever comes from the source is quoted, in comments too."""
    rows = sample.rows.height
    lines = [
        f"# Guessed by `leadferry init` from {rows:,} rows. Look at every line, above all at [load], before loading.",
        f"name = {_quoted(sample.name)}",
        "",
        "[source]",
        *(
            f"{key} = {_quoted(value) if isinstance(value, str) else str(value).lower()}"
            for key, value in sample.table.items()
        ),
        *([] if sample.warning is None else [f"# {sample.warning}"]),
        "",
        "[columns] # RingCX lead field = source column",
    ]
    for guess in guesses:
        lines.append(f"# {guess.how_sure} ({guess.confidence:.2f}): {guess.why}")
        lines.append(f"{guess.field} = {_value_of(guess)}")
    if left_out:
        lines += ["# Not mapped, in the order of the source:", *(f"#   {_quoted(column)}" for column in left_out)]
        lines += ["# To send one with the lead: auxData1 to auxData5, or extendedLeadData = { label = column }."]
        if any(column in sample.told_apart for column in left_out):
            told = ", ".join(_quoted(column) for column in left_out if column in sample.told_apart)
            lines += [f"# Several columns have one name, and need names of their own in the source: {told}."]
        if any(not _can_be_named(column) for column in left_out):
            lines += ["# A column with blanks at the ends of its name, or without one, must be renamed in the source."]
    # Where all numbers are abroad, so are nearly all zones.
    time_zones = _BY_ZONE if any(guess.field == "leadPhone" for guess in guesses) else _BY_COUNTRY
    return "\n".join([*lines, "", _LOAD.format(description=_quoted(sample.name), time_zones=time_zones)])


def _value_of(guess: Guess) -> str:
    if guess.field == "leadPhone":
        return f"[{', '.join(map(_quoted, guess.columns))}]"
    return _quoted(guess.columns[0])


def _quoted(text: str) -> str:
    """Return text as a TOML string on one line; JSON's is one, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _shown(column: str) -> str:
    """Return a column's name for the terminal: quoted where it would not show as it is."""
    plain = column.isprintable() and column.strip() == column and column and "," not in column
    return column if plain else json.dumps(column)


def _require_job(text: str, source: Mapping[str, str | bool]) -> None:
    """Raise ConfigurationError unless `text` is a job over that `[source]`: what is written must run."""
    try:
        job = Job.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        fault = str(error).splitlines()[0]
    else:
        if isinstance(job.source, DatabaseSource) or job.source.path == source["path"]:
            return
        fault = "the path has blanks at its ends"
    raise ConfigurationError(
        "JOB_NOT_GUESSED",
        f"No valid job file came of this source: {fault}.",
        "Write it yourself, as docs/job-file.md shows.",
    )


def _write(target: Path, text: str, *, force: bool) -> None:
    place = target.resolve() if force else target  # what a link leads to is written over, and the link stays
    try:
        if force and place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8", newline="\n")  # a pipe or a terminal, which nothing may replace
            return
        mode = stat.S_IMODE(place.stat().st_mode) if force and place.exists() else _usual_mode()
        with written_whole(place, mode=mode, new=not force) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    except FileExistsError:
        raise _refuse_to_overwrite(target) from None
    except OSError as error:
        raise ConfigurationError(
            "JOB_FILE_NOT_WRITTEN", f"{target} cannot be written: {error.strerror}.", "Choose another place with --job."
        ) from None


def _usual_mode() -> int:
    """Return who may read and write a new file that is not private, as this process has it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _refuse_to_overwrite(target: Path) -> ConfigurationError:
    return ConfigurationError(
        "JOB_FILE_EXISTS",
        f"There is a file {target} already, which may hold your choices.",
        "Choose another name with --job, or --force to write over it.",
    )

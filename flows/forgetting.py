"""Takes one person out of everything that is kept, and says where they were.

Rows stay with their outcome, blank, so that each source row keeps exactly one and no number changes. What tells who is
in a row goes last: a forgetting that is cut off finds the rest when it is begun again.
"""

import csv
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
import polars.selectors as cs

from connectors.ledger import Ledger
from connectors.report.files import write_report
from connectors.report.page import render_page
from connectors.sources.extract import SOURCE_FILE, SOURCE_ROW
from connectors.staging import scan, write_frame, write_text, written_whole
from flows.kept_runs import KeptRun, kept_runs
from flows.looking_up import Asked, find_rows, job_of, person_of
from flows.run_folder import RunFolder
from flows.settled_outcomes import PIECE_ROWS
from flows.wording import counted
from transforms.redaction import count_examples, without_rows
from transforms.vocabulary.errors import ConfigurationError

_STAYS: Final = frozenset({SOURCE_ROW, "outcome", "reason", "batch_id", "time_zone_conflict", "listId", "leadState"})
"""Columns of our own files that say nothing of a person; whatever else is there is blanked, by whatever name."""

_STAYS_OF_SOURCE: Final = frozenset({SOURCE_ROW, SOURCE_FILE})
_DETAIL: Final = "detail"
_ROW_IN_REJECTS, _DETAIL_IN_REJECTS = f"leadferry_{SOURCE_ROW}", f"leadferry_{_DETAIL}"


@dataclass
class _Traces:
    """Where the person is in one run: their own rows, the words of others' outcomes that name them, file to rows."""

    run: KeptRun
    rows: set[int] = field(repr=False)
    mention: str | None = field(repr=False)
    files: dict[Path, int] = field(default_factory=dict)
    ledger_events: int = 0

    def tell(self) -> dict[str, Any]:
        """Return it as the report of a forgetting has it."""
        files = [{"file": str(file), "rows": rows} for file, rows in self.files.items()]
        return {
            "run_id": self.run.run_id,
            "rows": len(self.rows),
            "files": files,
            "ledger_events": self.ledger_events,
        }


def forget_person(
    ledger: Ledger | None, home: Path, asked: Asked, *, moment: str, force: bool, dry_run: bool
) -> dict[str, Any]:
    """Take the person out of every run that is kept, or with `dry_run` only say where they are.

    With `force`, also out of runs that may go on, which then cannot. Raises ConfigurationError, before anything is
    changed, where a run is at work, or one that may go on has the person in it.
    """
    asked.check()
    runs = [run for run in kept_runs(ledger, home) if run.folder is not None]
    for run in runs:
        _require_at_rest(run, ledger)
    traces = [_Traces(run, find_rows(run, asked), person_of(run, asked).mention) for run in runs]
    for trace in traces:
        trace.files = _count(trace)
    traces = [trace for trace in traces if trace.files]
    unfinished = [trace.run.run_id for trace in traces if trace.run.may_go_on and trace.rows]
    if unfinished and not force and not dry_run:
        raise ConfigurationError(
            "RUN_MAY_GO_ON",
            f"The run {unfinished[0]} has this person in it and may still be resumed; nothing was changed.",
            f"Resume it first (`leadferry resume {unfinished[0]}`), or add --force to give up going on with it.",
        )
    if not dry_run:
        lead_ids = {lead_id for trace in traces for lead_id in _lead_ids(trace)}
        for trace in traces:
            with trace.run.taken(ledger), _failures_told(trace):
                _forget(trace, ledger, lead_ids, moment)
    return {
        "dry_run": dry_run,
        "rows": sum(len(trace.rows) for trace in traces),
        "runs": [trace.tell() for trace in traces],
        "may_go_on": [] if force else unfinished,
    }


def _require_at_rest(run: KeptRun, ledger: Ledger | None) -> None:
    """Raise ConfigurationError where a process is at work on the run: what it will write next cannot be known."""
    if run.record is None or run.record.status != "running":
        return
    with run.taken(ledger):
        """It could be had, so nobody has it."""


@contextmanager
def _failures_told(trace: _Traces) -> Iterator[None]:
    """Tell of a file that cannot be written as a command to be given again. Raises ConfigurationError."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        words = error.strerror if isinstance(error, OSError) else "is there room on the disk?"
        raise ConfigurationError(
            "FILE_NOT_WRITTEN",
            f"The files of the run {trace.run.run_id} cannot be written anew ({words}): this person is still in some.",
            "Mend that, then give the same command again: it finds the rest.",
        ) from None


def _folder_of(trace: _Traces) -> RunFolder:
    if trace.run.folder is None:
        raise TypeError("only runs with a folder have rows")
    return trace.run.folder


def _frames(folder: RunFolder) -> list[Path]:
    """Return the files with source rows, those last that tell who is in a row."""
    files = (folder.sent, folder.verdicts, folder.leads, folder.unchanged, folder.outcomes, folder.extract)
    return [file for file in files if file.exists()]


def _count(trace: _Traces) -> dict[Path, int]:
    """Return in how many rows of each file the person is."""
    folder, found = _folder_of(trace), {}
    for file in _frames(folder):
        is_theirs = pl.col(SOURCE_ROW).is_in(list(trace.rows))
        is_named = _names_them(scan(file), file, folder, trace.mention)
        found[file] = int(scan(file).select((is_theirs | is_named).sum()).collect(engine="streaming").item())
    if folder.rejects.exists() and (trace.rows or any(found.values())):
        rejects = _read_rejects(folder.rejects)
        found[folder.rejects] = sum(_is_of(row, trace.rows) or _is_named(row, trace.mention) for _, row in rejects)
    for file in (folder.report, folder.read_back):
        if file.exists():
            found[file] = count_examples(orjson.loads(file.read_bytes()), trace.rows)
    if folder.first_request.exists() and trace.rows:
        found[folder.first_request] = len(trace.rows)
    return {file: rows for file, rows in found.items() if rows}


def _names_them(frame: pl.LazyFrame, file: Path, folder: RunFolder, mention: str | None) -> pl.Expr:
    """Return whether the outcome of a row, somebody else's perhaps, names the person in its detail."""
    if mention is None or file == folder.extract or _DETAIL not in frame.collect_schema():
        return pl.lit(value=False)
    return pl.col(_DETAIL).str.contains(mention).fill_null(value=False)


def _is_named(row: dict[str, str], mention: str | None) -> bool:
    return mention is not None and re.search(mention, row.get(_DETAIL_IN_REJECTS, "")) is not None


def _lead_ids(trace: _Traces) -> Iterator[int]:
    """Yield the ids in RingCX of the person's leads of one run."""
    for file in _frames(_folder_of(trace)):
        rows = scan(file)
        if "leadId" in rows.collect_schema() and file != _folder_of(trace).extract:
            found = rows.filter(pl.col(SOURCE_ROW).is_in(list(trace.rows))).select(pl.col("leadId").drop_nulls())
            yield from found.collect().to_series().to_list()


def _forget(trace: _Traces, ledger: Ledger | None, lead_ids: Collection[int], moment: str) -> None:
    """Take the person out of one run, which nobody else works on meanwhile."""
    folder, rows = _folder_of(trace), trace.rows
    if trace.run.record is not None and ledger is not None and rows:
        trace.ledger_events = ledger.forget_leads(trace.run.run_id, lead_ids, moment)
    _forget_in_reports(folder, rows, trace.mention, moment)
    if rows:
        folder.first_request.unlink(missing_ok=True)  # a dry run makes it again
    if folder.rejects in trace.files:
        _drop_rejects(folder.rejects, rows, trace.mention)
    job = job_of(trace.run)
    sizes = {
        folder.leads: None if job is None else job.load.batch_size,
        folder.outcomes: PIECE_ROWS,
    }
    for file in _frames(folder):
        if file in trace.files:
            stays = _STAYS_OF_SOURCE if file == folder.extract else _STAYS
            _blank(file, rows, stays, _names_them(scan(file), file, folder, trace.mention), sizes.get(file))


def _forget_in_reports(folder: RunFolder, rows: Collection[int], mention: str | None, moment: str) -> None:
    if folder.read_back.exists():
        kept = without_rows(orjson.loads(folder.read_back.read_bytes()), rows, ())
        write_text(folder.read_back, orjson.dumps(kept).decode())
    if folder.report.exists():
        facts = orjson.loads(folder.report.read_bytes())
        named = {each["code"] for each in facts["reasons"] if mention and re.search(mention, each["detail"] or "")}
        facts = without_rows(facts, rows, _reasons_met(folder, rows) | named)
        facts |= {"forgotten_at": moment} if rows else {}
        write_report(folder.report, facts)
        write_text(folder.page, render_page(facts))


def _reasons_met(folder: RunFolder, rows: Collection[int]) -> set[str]:
    if not folder.outcomes.exists():
        return set()
    met = scan(folder.outcomes).filter(pl.col(SOURCE_ROW).is_in(list(rows))).select(pl.col("reason").drop_nulls())
    return set(met.collect().to_series().to_list())


def _blank(
    file: Path, rows: Collection[int], stays: Collection[str], is_named: pl.Expr, row_group_size: int | None
) -> None:
    """Write a file anew with nothing in the given rows but the columns that stay, and no detail that names them."""
    frame = scan(file)
    schema = frame.collect_schema()
    is_theirs = pl.col(SOURCE_ROW).is_in(list(rows))
    blanked = [
        pl.when(~(is_theirs | is_named) if name == _DETAIL else ~is_theirs).then(cs.by_name(name)).alias(name)
        for name in schema.names()
        if name not in stays
    ]
    write_frame(file, frame.with_columns(blanked), row_group_size=row_group_size)


def _read_rejects(path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield each row of a rejects.csv as it is and by column; raises ConfigurationError for what cannot be read."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            header.index(_ROW_IN_REJECTS)  # raises ValueError for a file that is no longer the run's
            for row in rows:
                yield row, dict(zip(header, row, strict=False))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigurationError(
            "FILE_UNREADABLE",
            f"{path} cannot be read as the file that the run wrote ({type(error).__name__}): who is in it cannot be "
            "told.",
            "If it was mended, load it; then delete it and try again.",
        ) from None


def _is_of(row: dict[str, str], rows: Collection[int]) -> bool:
    number = row.get(_ROW_IN_REJECTS, "").strip().removesuffix(".0")
    return number.isdecimal() and int(number) in rows


def _drop_rejects(path: Path, rows: Collection[int], mention: str | None) -> None:
    """Take the person's rows out of a rejects.csv, where a blank row would only be refused again, and their name."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row, named in _read_rejects(path):
            if not _is_of(named, rows):
                at = header.index(_DETAIL_IN_REJECTS) if _is_named(named, mention) else None
                writer.writerow(["" if place == at else cell for place, cell in enumerate(row)])


def tell_forgetting(facts: dict[str, Any]) -> str:
    """Return where the person was, or is, for people; who it is is not said."""
    if not facts["runs"]:
        return "nothing that is kept has this person in it"
    verb = "would be taken" if facts["dry_run"] else "taken"
    lines = []
    for run in facts["runs"]:
        lines.append(f"{run['run_id']}: {counted(run['rows'], 'row')}")
        lines += [f"  {each['rows']:>6,}  {each['file']}" for each in run["files"]]
        if run["ledger_events"]:
            lines.append(f"  {run['ledger_events']:>6,}  {'ledger, events of its batches'}")
    lines += [f"{run_id} may still be resumed: resume it first, or add --force" for run_id in facts["may_go_on"]]
    total, runs = counted(facts["rows"], "row"), counted(len(facts["runs"]), "run")
    lines += ["", f"{total} of {runs} {verb} out; outcomes and numbers stay. RingCX and the source are not touched."]
    return "\n".join(lines)

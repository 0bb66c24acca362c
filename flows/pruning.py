"""Deletes the lead data of old runs and keeps their numbers, so that nothing personal lies about for ever."""

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from connectors.ledger import Ledger
from connectors.report.files import write_report
from connectors.report.page import render_page
from connectors.staging import write_text
from flows.kept_runs import KeptRun, kept_runs
from flows.run_folder import RunFolder
from flows.wording import counted
from transforms.redaction import without_lead_data
from transforms.vocabulary.errors import ConfigurationError

_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def parse_age(text: str) -> dt.timedelta:
    """Return the time that a text such as `30d`, `12h` or `8w` means. Raises ValueError."""
    met = _AGE.fullmatch(text.strip().lower())
    if met is None:
        raise ValueError(text)
    return dt.timedelta(**{_UNITS[met[2]]: int(met[1])})


def prune_runs(
    ledger: Ledger | None, home: Path, *, ended_before: dt.datetime, now: dt.datetime, force: bool, dry_run: bool
) -> dict[str, Any]:
    """Delete the lead data of every run that ended before a time, and say what was deleted and what was not, and why.

    Runs at work are left alone, and those that may go on are too unless `force` is set. With `dry_run` nothing changes.
    """
    pruned, left = [], []
    for run in kept_runs(ledger, home):
        if dt.datetime.fromisoformat(run.ended_at) >= ended_before or not _has_data(run):
            continue
        why = None if force or not run.may_go_on else "it may go on: resume it, or add --force"
        if why is None:
            try:
                pruned.append(_prune(run, ledger, now, dry_run=dry_run))
            except ConfigurationError as error:
                if error.code not in {"RUN_BUSY", "FOLDER_UNUSABLE"}:
                    raise
                why = error.message
            except OSError as error:
                why = f"{error.filename or run.run_id} cannot be deleted or written: {error.strerror}; try again"
        if why is not None:
            left.append({"run_id": run.run_id, "why": why})
    return {
        "dry_run": dry_run,
        "ended_before": ended_before.isoformat(),
        "pruned": pruned,
        "left": left,
        "bytes": sum(each["bytes"] for each in pruned),
    }


def _has_data(run: KeptRun) -> bool:
    """Return whether there is something left to delete: a prune that was cut off is completed by the next."""
    if run.record is not None and run.record.pruned_at is None:
        return True
    return run.folder is not None and (bool(run.folder.lead_data()) or not _is_stripped(run.folder))


def _is_stripped(folder: RunFolder) -> bool:
    """Return whether the report has nothing of a lead any more; where there is none, there is nothing in it."""
    return not folder.report.exists() or "pruned_at" in orjson.loads(folder.report.read_bytes())


def _prune(run: KeptRun, ledger: Ledger | None, now: dt.datetime, *, dry_run: bool) -> dict[str, Any]:
    if dry_run:
        return _told(run)
    with run.taken(ledger):
        told = _told(run)
        if run.record is not None and ledger is not None:
            ledger.strip_run(run.run_id, now.isoformat())  # first: nobody works on a run that is noted as pruned
        if run.folder is not None:
            # The report is written anew, for which there may be room only after the others went.
            for file in run.folder.lead_data():
                shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink(missing_ok=True)
            _strip_report(run.folder, now)
    return told


def _told(run: KeptRun) -> dict[str, Any]:
    files = run.folder.lead_data() if run.folder is not None else []
    return {
        "run_id": run.run_id,
        "ended_at": run.ended_at,
        "files": [str(file) for file in files],
        "bytes": sum(_size_of(file) for file in files),
    }


def _size_of(path: Path) -> int:
    with suppress(OSError):
        return sum(each.lstat().st_size for each in _files_in(path))
    return 0


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        yield from (each for each in path.rglob("*") if each.is_file())
    else:
        yield path


def _strip_report(folder: RunFolder, now: dt.datetime) -> None:
    """Leave of the report what is no lead's; its page is drawn again from that."""
    if not folder.report.is_file():
        folder.page.unlink(missing_ok=True)
        return
    facts = without_lead_data(orjson.loads(folder.report.read_bytes()))
    facts["pruned_at"] = now.isoformat()
    facts["warnings"] = [*facts["warnings"], f"The lead data of this run was deleted on {now:%Y-%m-%d}."]
    write_report(folder.report, facts)
    write_text(folder.page, render_page(facts))


def tell_prune(facts: dict[str, Any]) -> str:
    """Return what was deleted, and what was not, for people."""
    verb = "would delete" if facts["dry_run"] else "deleted"
    lines = [
        f"{verb} the lead data of {run['run_id']} (ended {run['ended_at'][:10]}): "
        f"{counted(len(run['files']), 'file')}, {tell_bytes(run['bytes'])}"
        for run in facts["pruned"]
    ]
    lines += [f"left {run['run_id']} as it is: {run['why']}" for run in facts["left"]]
    runs = counted(len(facts["pruned"]), "run")
    lines.append(f"{verb} {tell_bytes(facts['bytes'])} of {runs} that ended before {facts['ended_before'][:16]} UTC")
    return "\n".join(lines)


def tell_bytes(number: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, size in {"GB": 10**9, "MB": 10**6, "KB": 10**3}.items():
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return counted(number, "byte")

"""Finds the rows of one person in what is kept of a run, whichever of its files they are still in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from connectors.staging import scan
from flows.job_file import Job, read_recorded_job
from flows.kept_runs import KeptRun
from flows.run_folder import RunFolder
from transforms.person import Person, is_person, read_person
from transforms.vocabulary.errors import ConfigurationError

_EXTERN_ID = "externId"
_AMERICAN = "US"

ByWhat = Literal["phone", "id"]


@dataclass(frozen=True)
class Asked:
    """What somebody typed: a number or an external id. It is never shown, logged or kept."""

    text: str = field(repr=False)
    by: ByWhat | None = None

    def check(self) -> None:
        """Raise ConfigurationError where no row could be known by it; the text itself is not told."""
        if self.read(_AMERICAN).is_nobody:
            what = "telephone number" if self.by == "phone" else "telephone number or external id"
            raise ConfigurationError(
                "PERSON_NOT_VALID", f"What was given is no {what}.", "Write a number with its country code, or an id."
            )

    def read(self, region: str) -> Person:
        """Return the person meant where numbers are those of `region`."""
        return read_person(self.text, region, by_number=self.by != "id", by_id=self.by != "phone")


def job_of(run: KeptRun) -> Job | None:
    """Return the job of a recorded run; a check's is not kept."""
    return None if run.record is None else read_recorded_job(run.record.job_json)


def person_of(run: KeptRun, asked: Asked) -> Person:
    """Return the person as the run's own numbers are written."""
    job = job_of(run)
    return asked.read(_AMERICAN if job is None else job.phone_region)


def find_rows(run: KeptRun, asked: Asked) -> set[int]:
    """Return the source rows of the person in a run, by every file that can tell. Raises ConfigurationError."""
    if run.folder is None:
        return set()
    job = job_of(run)
    person = person_of(run, asked)
    rows: set[int] = set()
    for file, ids in _files_that_tell(run.folder, job).items():
        if file.exists():
            rows |= _rows_in(file, person, ids)
    return rows


def _files_that_tell(folder: RunFolder, job: Job | None) -> dict[Path, list[str]]:
    """Return the files with a row for each lead or source row, and the columns in which each has external ids."""
    files = {file: [_EXTERN_ID] for file in (folder.leads, folder.unchanged, folder.verdicts, folder.outcomes)}
    return {folder.extract: [] if job is None else [job.columns.externId]} | files


def _rows_in(file: Path, person: Person, ids: list[str]) -> set[int]:
    try:
        rows = scan(file)
        found = rows.filter(is_person(rows.collect_schema(), person, ids)).select("source_row")
        return set(found.collect(engine="streaming").to_series().to_list())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigurationError(
            "FILE_UNREADABLE",
            f"{file} cannot be read ({type(error).__name__}): who is in it cannot be told.",
            "Put the file back, or delete it.",
        ) from None

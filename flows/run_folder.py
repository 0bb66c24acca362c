"""The folder of one run: which file is what."""

import fcntl
import glob
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from connectors.spool import SPOOL_PREFIX
from transforms.vocabulary.errors import ConfigurationError

FETCHED_PREFIX: Final = "fetched-"
"""Begins the name of the folder that holds a source's files while they are read."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files; lead data in them is readable by the owner alone."""

    path: Path

    @property
    def extract(self) -> Path:
        """The source as it was read: text columns and `source_row`."""
        return self.path / "extract.parquet"

    @property
    def source_notes(self) -> Path:
        """What a person should know of the source; there as soon as `extract` is."""
        return self.path / "source_notes.json"

    @property
    def decimal_ids(self) -> Path:
        """There if the ids of `extract` lose their `.0`; written before `extract` is whole."""
        return self.path / "decimal_ids"

    @property
    def verdicts(self) -> Path:
        """One row for each source row, as far as preparing settles its outcome."""
        return self.path / "verdicts.parquet"

    @property
    def prepared(self) -> Path:
        """What preparing came to; written last, so that it says the other files are there."""
        return self.path / "prepared.json"

    @property
    def leads(self) -> Path:
        """The leads as they are sent, one row group a batch."""
        return self.path / "leads.parquet"

    @property
    def unchanged(self) -> Path:
        """The leads that were loaded before and are not sent again; there if there are any."""
        return self.path / "unchanged.parquet"

    @property
    def sent(self) -> Path:
        """The outcome of each lead of `leads`."""
        return self.path / "sent.parquet"

    @property
    def read_back(self) -> Path:
        """What reading back came to beside `sent`: numbers, and examples with everything personal masked."""
        return self.path / "read_back.json"

    @property
    def outcomes(self) -> Path:
        """One row for each source row."""
        return self.path / "outcomes.parquet"

    @property
    def rejects(self) -> Path:
        """The rows that were not loaded."""
        return self.path / "rejects.csv"

    @property
    def report(self) -> Path:
        """The run in numbers."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """The run for people."""
        return self.path / "report.html"

    @property
    def first_request(self) -> Path:
        """The first request body of a dry run."""
        return self.path / "first_request.json"

    def make(self) -> None:
        """Create the folder, private to its owner as are folders made on the way to it.

        Raises ConfigurationError where that is impossible.
        """
        try:
            for missing in [each for each in reversed(self.path.parents) if not each.exists()]:
                missing.mkdir(mode=0o700, exist_ok=True)
            self.path.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                "FOLDER_UNUSABLE", f"{self.path} cannot be created: {error.strerror}.", "Choose another --out."
            ) from None

    def clear(self) -> None:
        """Remove the files of a run from the folder, and nothing else."""
        for file in (*self.working_files, self.report, self.page):
            file.unlink(missing_ok=True)
        self.clear_spools()

    @property
    def working_files(self) -> tuple[Path, ...]:
        """Every file but the report: what a run works with, and what holds whole lead data."""
        files = (self.prepared, self.extract, self.source_notes, self.verdicts, self.leads, self.sent, self.outcomes)
        return (*files, self.decimal_ids, self.unchanged, self.read_back, self.rejects, self.first_request)

    def lead_data(self) -> list[Path]:
        """Return the files that are there beside the report, and what a killed process left of its working files."""
        left = [self.path.glob(f"{prefix}*") for prefix in (SPOOL_PREFIX, FETCHED_PREFIX)]
        names = (*self.working_files, self.report, self.page)
        left += [self.path.glob(f".{glob.escape(file.name)}.*.tmp") for file in names]
        return [file for file in (*self.working_files, *chain.from_iterable(left)) if file.exists()]

    def clear_spools(self) -> None:
        """Remove what a killed process left of its working files."""
        for file in self.path.glob(f"{SPOOL_PREFIX}*"):
            file.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[str]:
        """Hold the run for this process; the system lets go of it when the process ends, however it ends.

        Yields a name of the lock that no other lock has: whoever can hold it knows that its last holder is gone.
        Raises ConfigurationError where another process holds it.
        """
        try:
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                "FOLDER_UNUSABLE",
                f"The run's folder {self.path} cannot be used: {error.strerror}.",
                "Put it back or make it writable; a run goes on where its folder is.",
            ) from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    "RUN_BUSY", f"Another process is at work on the run in {self.path}.", "Wait for it to end."
                ) from None
            file = os.fstat(handle)
            yield f"{_machine()}/{file.st_dev}/{file.st_ino}"
        finally:
            os.close(handle)


def _machine() -> str:
    """Return what tells this system, since it was started, from every other; names are often the same."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:  # not Linux
        return platform.node()

"""The folder of one run: which file is what."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.spool import SPOOL_PREFIX
from transforms.vocabulary.errors import ConfigurationError


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files; lead data in them is readable by the owner alone."""

    path: Path

    @property
    def extract(self) -> Path:
        """The source as it was read: text columns and `source_row`."""
        return self.path / "extract.parquet"

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
    def sent(self) -> Path:
        """The outcome of each lead of `leads`."""
        return self.path / "sent.parquet"

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
        """Create the folder, private to its owner. Raises ConfigurationError where that is impossible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                "FOLDER_UNUSABLE", f"{self.path} cannot be created: {error.strerror}.", "Choose another --out."
            ) from None

    def clear(self) -> None:
        """Remove the files of a run from the folder, and nothing else."""
        files = (self.prepared, self.extract, self.verdicts, self.leads, self.sent, self.outcomes)
        for file in (*files, self.rejects, self.report, self.page, self.first_request):
            file.unlink(missing_ok=True)
        self.clear_spools()

    def clear_spools(self) -> None:
        """Remove what a killed process left of its working files."""
        for file in self.path.glob(f"{SPOOL_PREFIX}*"):
            file.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for this process; the system lets go of it when the process ends, however it ends.

        Raises ConfigurationError where another process holds it.
        """
        handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    "RUN_BUSY", f"Another process is at work on the run in {self.path}.", "Wait for it to end."
                ) from None
            yield
        finally:
            os.close(handle)

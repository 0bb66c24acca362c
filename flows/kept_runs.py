"""What is kept of runs on this machine: those of the ledger, and the folders of checks, which no ledger knows."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from connectors.ledger import Ledger, RunRecord
from flows.history import read_numbers
from flows.run_folder import RunFolder
from flows.run_lease import lease_at_once
from transforms.vocabulary.errors import ConfigurationError
from transforms.vocabulary.outcomes import Outcome

_GOES_ON: Final = frozenset({"running", "interrupted", "unresolved"})


@dataclass(frozen=True)
class KeptRun:
    """A run with what is left of it; a check has no record, and a run whose folder was used again has no folder."""

    run_id: str
    record: RunRecord | None
    folder: RunFolder | None
    ended_at: str

    @property
    def may_go_on(self) -> bool:
        """Whether the run can be resumed, and has something left to do or to find out."""
        if self.record is None or self.record.pruned_at is not None or self.record.forgotten_at is not None:
            return False
        if self.record.status != "failed":
            return self.record.status in _GOES_ON
        numbers = read_numbers(self.record)
        counts: dict[str, int] = {} if numbers is None else numbers["counts"]
        return not counts or bool(counts[Outcome.UNRESOLVED] or counts[Outcome.NOT_SENT])

    @contextmanager
    def taken(self, ledger: Ledger | None) -> Iterator[None]:
        """Have the run to oneself; a check needs no ledger for that.

        Raises ConfigurationError (`RUN_BUSY`) where a process is at work on it.
        """
        if self.record is not None and ledger is not None:
            with lease_at_once(ledger, self.run_id, self.folder):
                yield
        elif self.folder is not None:
            with self.folder.held():
                yield
        else:
            raise TypeError("a run is in the ledger or has a folder")


def kept_runs(ledger: Ledger | None, home: Path) -> list[KeptRun]:
    """Return every run of the ledger, newest first, then the checks and plans that lie in the home folder."""
    records = [] if ledger is None else ledger.list_runs()
    taken: set[Path] = set()
    runs = []
    for record in records:
        folder = RunFolder(record.folder)
        is_own = record.folder not in taken and _owner_of(folder) in {None, record.run_id}
        taken.add(record.folder)
        runs.append(
            KeptRun(
                record.run_id, record, folder if is_own and record.folder.is_dir() else None,
                record.finished_at or record.started_at,
            )
        )  # fmt: skip
    return [*runs, *_checks(home, taken)]


def _checks(home: Path, taken: set[Path]) -> Iterator[KeptRun]:
    for path in sorted((home / "runs").glob("*")):
        folder = RunFolder(path)
        # A load that another ledger knows may be resumed from there.
        if path in taken or not path.is_dir() or path.is_symlink() or folder.extract.exists():
            continue
        report = _report_of(folder)
        if report is not None and isinstance(report.get("finished_at"), str):
            yield KeptRun(str(report["run_id"]), None, folder, report["finished_at"])


def _owner_of(folder: RunFolder) -> str | None:
    report = _report_of(folder)
    return None if report is None else str(report["run_id"])


def _report_of(folder: RunFolder) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        facts = orjson.loads(folder.report.read_bytes())
        if isinstance(facts, dict) and "run_id" in facts:
            return facts
    return None


def refuse_stripped(record: RunRecord) -> None:
    """Raise ConfigurationError for a run whose lead data is gone: it can be listed, but not worked on any more."""
    if record.pruned_at is not None:
        raise ConfigurationError(
            "RUN_PRUNED",
            f"The lead data of the run {record.run_id} was deleted on {record.pruned_at[:10]}; its numbers are kept.",
            f"`leadferry runs {record.run_id}` shows them.",
        )
    if record.forgotten_at is not None:
        raise ConfigurationError(
            "RUN_FORGOT_SOMEBODY",
            f"Somebody was taken out of the run {record.run_id} on {record.forgotten_at[:10]}: it cannot be gone on "
            "with, for RingCX can no longer be asked about all its leads.",
            f"`leadferry runs {record.run_id}` shows what came of it.",
        )

"""Where a run's files go, and that no run ever writes over another that may still be resumed."""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows import settings
from flows.run_folder import RunFolder
from transforms.vocabulary.errors import ConfigurationError

if TYPE_CHECKING:  # the ledger's library is heavy, and a check needs none of it
    from connectors.ledger import Ledger, RunRecord

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")
MAY_GO_ON: Final = frozenset({"running", "interrupted", "unresolved", "failed"})
"""What the ledger says of a run that a resume may bring further."""


def require_home() -> Path:
    """Return the folder of ledger and runs, created if need be. Raises ConfigurationError where that is impossible."""
    home = settings.home()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            "HOME_UNUSABLE",
            f"{home} cannot be created: {error.strerror}.",
            "Set LEADFERRY_HOME to a folder you may write.",
        ) from None
    return home


@contextmanager
def ledger_if_kept() -> "Iterator[Ledger | None]":
    """Yield the environment's ledger, or None where there is none yet: who only looks makes none."""
    url = settings.ledger_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        yield None
        return
    from connectors.ledger import Ledger

    ledger = Ledger(url)
    try:
        yield ledger
    finally:
        ledger.close()


def new_run_id(job_name: str) -> str:
    """Return a fresh run id: the job, the second, and four characters against two runs in one second."""
    slug = re.sub(r"[^a-z0-9]+", "-", job_name.lower()).strip("-")
    return f"{slug}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def name_of_check(job_name: str, run_id: str | None, *, planned: bool) -> str:
    """Return the id of a check or a plan: `run_id` if somebody chose it, else a new one. Raises ConfigurationError."""
    return check_run_id(run_id) if run_id else f"{'plan' if planned else 'check'}-{new_run_id(job_name)}"


def check_run_id(run_id: str) -> str:
    """Return `run_id` if it can name a folder. Raises ConfigurationError."""
    if _RUN_ID.fullmatch(run_id):
        return run_id
    raise ConfigurationError(
        "RUN_ID", f"{run_id!r} cannot be a run id.", "Use letters, digits, dots, dashes and underscores, at most 150."
    )


def place_of(home: Path, run_id: str, out: Path | None) -> RunFolder:
    """Return the (created) folder of a run: `out`, else the run's own under the home folder."""
    folder = RunFolder((out or home / "runs" / run_id).resolve())
    folder.make()
    return folder


def clear_place(folder: RunFolder, runs: "Iterable[RunRecord]", *, taken: bool = False) -> None:
    """Remove an ended run's files from `folder`.

    Raises ConfigurationError while one of `runs` there may go on, and, with `taken`, if any of them is there at all.
    """
    there = [run for run in runs if run.folder == folder.path]
    if taken and there:
        raise ConfigurationError(
            "RUN_EXISTS", f"There is already a run {there[0].run_id}.", "Choose another --run-id, or none."
        )
    unfinished = [run.run_id for run in there if run.status in MAY_GO_ON and not (run.pruned_at or run.forgotten_at)]
    if unfinished:
        raise ConfigurationError(
            "FOLDER_IN_USE",
            f"{folder.path} belongs to the run {unfinished[0]}, which has not ended well.",
            f"Resume it (`leadferry resume {unfinished[0]}`), or choose another --out.",
        )
    folder.clear()

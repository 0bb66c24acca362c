"""How a new run enters the ledger, whoever starts it."""

from pathlib import Path

from connectors.ledger import Ledger
from flows import settings
from flows.job_file import read_job
from flows.run import start_run
from flows.run_place import check_run_id, clear_place, new_run_id, place_of
from transforms.vocabulary.errors import ConfigurationError


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


def record_run(path: Path, *, limit: int | None, out: Path | None, run_id: str | None) -> str:
    """Record a new run of the job file at `path` in the ledger and return its id. Raises ConfigurationError."""
    job = read_job(path)
    home = require_home()
    chosen = check_run_id(run_id) if run_id else new_run_id(job.name)
    ledger = Ledger(settings.ledger_url())
    try:
        folder = place_of(home, chosen, out)
        clear_place(folder, ledger.list_runs())
        start_run(ledger, job, run_id=chosen, folder=folder.path, limit=limit)
    finally:
        ledger.close()
    return chosen


def is_recorded(run_id: str) -> bool:
    """Return whether the ledger knows a run of this id."""
    require_home()
    ledger = Ledger(settings.ledger_url())
    try:
        return ledger.find_run(run_id) is not None
    finally:
        ledger.close()

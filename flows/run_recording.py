"""How a new run enters the ledger, whoever starts it."""

from pathlib import Path

from connectors.ledger import Ledger
from flows import settings
from flows.clock import now
from flows.job_file import read_job
from flows.other_source import with_source
from flows.run import start_run
from flows.run_place import check_run_id, clear_place, new_run_id, place_of, require_home
from flows.source_apart import refuse_source_in


def record_run(
    path: Path, *, limit: int | None, out: Path | None, run_id: str | None, source: str | None = None
) -> str:
    """Record a new run of the job file at `path` in the ledger and return its id.

    `source` is a file to read in place of the job's own. Raises ConfigurationError.
    """
    job = with_source(read_job(path), source)
    home = require_home()
    chosen = check_run_id(run_id) if run_id else new_run_id(job.name)
    job = job.as_of(now(), chosen)
    ledger = Ledger(settings.ledger_url())
    try:
        folder = place_of(home, chosen, out)
        refuse_source_in(folder, job)
        clear_place(folder, ledger.list_runs())
        start_run(ledger, job, run_id=chosen, folder=folder.path, limit=limit, other_source=source)
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

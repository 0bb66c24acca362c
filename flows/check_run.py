"""`check` and `load --dry-run`: everything up to sending, without credentials and without the ledger."""

from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson

from flows import settings
from flows.clock import now
from flows.gates import check_gates
from flows.job_file import Job
from flows.preparation import prepared_check
from flows.progress import Progress
from flows.reporting import STATUS_CHECKED, STATUS_GATE, STATUS_PLANNED, write_run_report
from flows.run_folder import RunFolder
from flows.run_place import check_run_id, clear_place, new_run_id, place_of
from transforms.vocabulary.errors import QualityGateError

if TYPE_CHECKING:  # what sends is heavy to import, and most checks send nothing and know no ledger
    from connectors.ledger import RunRecord
    from flows.preparation import Prepared


def check_job(
    job: Job, *, home: Path, out: Path | None, run_id: str | None, limit: int | None, planned: bool, progress: Progress
) -> dict[str, Any]:
    """Prepare a job and report on its data; with `planned`, show too what would be sent first. Raises SourceError."""
    started = now()
    chosen = check_run_id(run_id) if run_id else f"{'plan' if planned else 'check'}-{new_run_id(job.name)}"
    folder = place_of(home, chosen, out)
    # A new name under the home folder cannot belong to a run, and a check then needs no ledger.
    clear_place(folder, _recorded_runs() if out or run_id else [], taken=not out)
    # The page's library takes as long to import as a hundred thousand rows to judge; that goes on meanwhile.
    Thread(target=import_module, args=("connectors.report.page",), daemon=True).start()
    status = STATUS_PLANNED if planned else STATUS_CHECKED
    with prepared_check(job, folder, as_of=started.date(), limit=limit, progress=progress) as (prepared, rows):
        try:
            check_gates(job, prepared)
        except QualityGateError:
            status = STATUS_GATE
        plan, body = _plan(job, folder, prepared) if planned and prepared.batches else (None, None)
        facts = write_run_report(
            job,
            folder,
            run_id=chosen,
            status=status,
            started_at=started.isoformat(),
            finished_at=now(),
            prepared=prepared,
            rows=rows,
            more={"row_limit": limit} | ({} if plan is None else {"plan": plan}),
        )
    return facts if body is None else facts | {"first_request_body": orjson.loads(body)}


def _recorded_runs() -> "list[RunRecord]":
    """Return the runs of the ledger, if there is one yet: a check makes none."""
    url = settings.ledger_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return []
    from connectors.ledger import Ledger

    ledger = Ledger(url)
    try:
        return ledger.list_runs()
    finally:
        ledger.close()


def _plan(job: Job, folder: RunFolder, prepared: "Prepared") -> tuple[dict[str, Any], bytes]:
    from flows.load_plan import plan_load

    return plan_load(job, folder, prepared)

"""`check` and `load --dry-run`: everything up to sending, without credentials and without the ledger."""

from pathlib import Path
from typing import Any

import orjson

from connectors.ledger import Ledger, RunRecord
from connectors.ringcx.throttle import LIMITS, Call
from connectors.ringcx.wire import load_request
from connectors.staging import read_batch, write_text
from flows import settings
from flows.delivery import wire_rows
from flows.job_file import Job
from flows.preparation import Prepared, prepare_run
from flows.progress import Progress
from flows.reporting import STATUS_CHECKED, STATUS_GATE, STATUS_PLANNED, write_run_report
from flows.run import check_gates, load_options, now
from flows.run_folder import RunFolder
from flows.run_place import check_run_id, clear_place, new_run_id, place_of
from transforms.vocabulary.errors import QualityGateError


def check_job(
    job: Job, *, home: Path, out: Path | None, run_id: str | None, limit: int | None, planned: bool, progress: Progress
) -> dict[str, Any]:
    """Prepare a job and report on its data; with `planned`, show too what would be sent first. Raises SourceError."""
    started = now()
    chosen = check_run_id(run_id) if run_id else f"{'plan' if planned else 'check'}-{new_run_id(job.name)}"
    folder = place_of(home, chosen, out)
    # A new name under the home folder cannot belong to a run, and a check then needs no ledger.
    clear_place(folder, _recorded_runs() if out or run_id else [], taken=not out)
    prepared = prepare_run(job, folder, as_of=started.date(), limit=limit, progress=progress)
    status = STATUS_PLANNED if planned else STATUS_CHECKED
    try:
        check_gates(job, prepared)
    except QualityGateError:
        status = STATUS_GATE
    body = _first_body(job, folder, prepared) if planned and prepared.batches else None
    facts = write_run_report(
        job,
        folder,
        run_id=chosen,
        status=status,
        started_at=started.isoformat(),
        finished_at=now(),
        batches=len(prepared.batches),
        more={"row_limit": limit} | ({"plan": _plan(folder, prepared, body)} if body is not None else {}),
    )
    return facts if body is None else facts | {"first_request_body": orjson.loads(body)}


def _recorded_runs() -> list[RunRecord]:
    """Return the runs of the ledger, if there is one yet: a check makes none."""
    url = settings.ledger_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return []
    ledger = Ledger(url)
    try:
        return ledger.list_runs()
    finally:
        ledger.close()


def _first_body(job: Job, folder: RunFolder, prepared: Prepared) -> bytes:
    """Return the body of the first request, and leave it in the folder: it has whole numbers in it."""
    body = load_request(load_options(job), wire_rows(read_batch(folder.leads, prepared.batches[0])))
    write_text(folder.first_request, body.decode())
    return body


def _plan(folder: RunFolder, prepared: Prepared, first: bytes) -> dict[str, Any]:
    """Return what would be sent: requests, and how long the throttle makes them take."""
    return {
        "leads": prepared.leads,
        "batches": len(prepared.batches),
        "batch_ids": [batch.batch_id for batch in prepared.batches],
        "shortest_seconds": shortest_seconds(len(prepared.batches)),
        "first_request_bytes": len(first),
        "first_request_file": str(folder.first_request),
    }


def shortest_seconds(requests: int) -> int:
    """Return the seconds that RingCX's throttle of direct loads makes `requests` take at least."""
    return max((requests - 1) // limit * seconds for limit, seconds in LIMITS[Call.DIRECT])

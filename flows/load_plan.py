"""What a load would send, and how long it would take: the plan of a dry run."""

from typing import Any

from connectors.ringcx.throttle import LIMITS, Call
from connectors.ringcx.wire import load_request
from connectors.staging import read_batch, write_text
from flows.job_file import Job
from flows.preparation import Prepared
from flows.request_body import load_options, wire_rows
from flows.run_folder import RunFolder


def plan_load(job: Job, folder: RunFolder, prepared: Prepared) -> tuple[dict[str, Any], bytes]:
    """Return the plan of a load with at least one batch, and the body of its first request."""
    body = _first_body(job, folder, prepared)
    return _plan(folder, prepared, body), body


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


def shortest_seconds(requests: int, call: Call = Call.DIRECT) -> int:
    """Return the seconds that RingCX's throttle of `call` makes `requests` take at least, answers left out."""
    sent_at: list[int] = []
    for number in range(requests):
        # Each window holds so many requests: one more may go when the first of them is out of it.
        free = [sent_at[-limit] + seconds for limit, seconds in LIMITS[call] if number >= limit]
        sent_at.append(max(free, default=0))
    return sent_at[-1] if sent_at else 0

"""Quality gates: what the data must keep before anything is sent."""

from typing import TYPE_CHECKING

from flows.job_file import Job
from flows.preparation import Prepared
from transforms.vocabulary.errors import QualityGateError

if TYPE_CHECKING:  # a check has gates and no ledger
    from connectors.ledger import RunRecord


def check_seen_before(job: Job, earlier: "RunRecord | None") -> str | None:
    """Return what to say of an `earlier` run that loaded the same rows. Raises QualityGateError where the job stops."""
    if earlier is None or job.quality.seen_before == "ignore":
        return None
    told = f"The same rows were loaded before, by the run {earlier.run_id} of {earlier.started_at[:16]}"
    if job.quality.seen_before == "stop":
        raise QualityGateError(
            "SEEN_BEFORE",
            f"Nothing was sent: {told[0].lower()}{told[1:]}.",
            'Wait for a new export, or set quality.seen_before = "warn" to load them again.',
        )
    return f"{told}; what RingCX does with numbers it has is load.duplicate_handling."


def check_gates(job: Job, prepared: Prepared) -> None:
    """Raise QualityGateError where the data is worse than the job allows."""
    if prepared.reject_rate > job.quality.max_reject_rate:
        raise QualityGateError(
            "TOO_MANY_REJECTED",
            f"{prepared.rejected:,} of {prepared.rows_read:,} rows were refused "
            f"({prepared.reject_rate:.1%}; the job allows {job.quality.max_reject_rate:.1%}). Nothing was sent.",
            "See rejects.csv for the reasons; mend the source, or raise quality.max_reject_rate.",
        )
    if job.quality.damage == "stop" and prepared.damaged:
        told = " ".join(verdict["sentence"] for verdict in prepared.damaged)
        raise QualityGateError(
            "COLUMN_DAMAGED",
            f"{told} Nothing was sent.",
            'Export these columns again, or set quality.damage = "warn".',
        )

"""Quality gates: what the data must keep before anything is sent."""

from flows.job_file import Job
from flows.preparation import Prepared
from transforms.vocabulary.errors import QualityGateError


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

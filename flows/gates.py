"""Quality gates: what the data must keep before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.job_file import Job
from flows.preparation import Prepared
from transforms.history import PastRun, is_unusual, judged_runs, usual_rows
from transforms.vocabulary.errors import QualityGateError

if TYPE_CHECKING:  # a check has gates and no ledger
    from connectors.ledger import RunRecord


@dataclass(frozen=True)
class GateFinding:
    """One gate that the data did not pass: what is wrong, what to do, and whether the job stops for it."""

    code: str
    message: str
    next_step: str
    stops: bool


@dataclass(frozen=True)
class Judgement:
    """What all gates together say of a run: warnings, and the error that stops it, if any does."""

    warnings: tuple[str, ...]
    error: QualityGateError | None


def check_seen_before(job: Job, earlier: "RunRecord | None") -> str | None:
    """Return what to say of an `earlier` run that loaded the same rows. Raises QualityGateError where the job stops."""
    if earlier is None or job.quality.seen_before == "ignore":
        return None
    if job.quality.seen_before == "warn" and job.load.already_loaded == "skip":
        return None  # what was loaded is not sent again, and the report counts it
    told = f"The same rows were loaded before, by the run {earlier.run_id} of {earlier.started_at[:16]}"
    if job.quality.seen_before == "stop":
        raise QualityGateError(
            "SEEN_BEFORE",
            f"Nothing was sent: {told[0].lower()}{told[1:]}.",
            'Wait for a new export, or set quality.seen_before = "warn" to load them again.',
        )
    return f"{told}; what RingCX does with numbers it has is load.duplicate_handling."


def judge_gates(job: Job, prepared: Prepared, history: Sequence[PastRun] = (), *, whole: bool = True) -> Judgement:
    """Hold the data against every gate of the job; `history` are its earlier runs, oldest first.

    Unless `whole`, some rows of the source were read, or another source, and how many there are says nothing.
    """
    found = [
        *_rejects(job, prepared),
        *_damage(job, prepared),
        *(_row_count(job, prepared, history) if whole else []),
        *_empty_cells(job, prepared),
        *_duplicates(job, prepared),
        *_zone_conflicts(job, prepared),
    ]
    warnings = tuple(finding.message for finding in found if not finding.stops)
    stops = [finding for finding in found if finding.stops]
    if not stops:
        return Judgement(warnings, None)
    told = " ".join(finding.message for finding in stops)
    steps = " ".join(finding.next_step for finding in stops)
    return Judgement(warnings, QualityGateError(stops[0].code, f"{told} Nothing was sent.", steps))


def _rejects(job: Job, prepared: Prepared) -> Iterator[GateFinding]:
    quality = job.quality
    if prepared.reject_rate > quality.max_reject_rate:
        yield GateFinding(
            "TOO_MANY_REJECTED",
            f"{prepared.rejected:,} of {prepared.rows_read:,} rows were refused "
            f"({prepared.reject_rate:.1%}; the job allows {quality.max_reject_rate:.1%}).",
            "See rejects.csv for the reasons; mend the source, or raise quality.max_reject_rate.",
            quality.reject_gate == "stop",
        )


def _damage(job: Job, prepared: Prepared) -> Iterator[GateFinding]:
    if job.quality.damage == "stop" and prepared.damaged:  # a warning stands in the report's own part on damage
        yield GateFinding(
            "COLUMN_DAMAGED",
            " ".join(verdict["sentence"] for verdict in prepared.damaged),
            'Export these columns again, or set quality.damage = "warn".',
            stops=True,
        )


def _row_count(job: Job, prepared: Prepared, history: Sequence[PastRun]) -> Iterator[GateFinding]:
    change, usual = job.quality.row_count_change, usual_rows(history)
    if change is None or usual is None or not is_unusual(prepared.rows_read, usual, change):
        return
    few = prepared.rows_read < usual
    yield GateFinding(
        "TOO_FEW_ROWS" if few else "TOO_MANY_ROWS",
        f"{prepared.rows_read:,} rows were read, far {'fewer' if few else 'more'} than the usual {usual:,.0f} (median "
        f"of the last {len(judged_runs(history))} runs that ended well; the job allows a change of {change:.0%}).",
        'See whether the export is whole and no other one; if it is right, set quality.rows_gate = "warn" '
        "and load it again.",
        job.quality.rows_gate != "warn",
    )


def _empty_cells(job: Job, prepared: Prepared) -> Iterator[GateFinding]:
    for field, allowed in job.quality.max_null_rate.items():
        share = prepared.empty.get(field, 0) / prepared.rows_read if prepared.rows_read else 0.0
        if share > allowed:
            columns = ", ".join(job.columns.columns_of_fields()[field])
            yield GateFinding(
                "TOO_MANY_EMPTY",
                f"{field} (column {columns}) is empty in {prepared.empty[field]:,} of {prepared.rows_read:,} rows "
                f"({share:.1%}; the job allows {allowed:.1%}).",
                f"Export the column again, or raise quality.max_null_rate for {field}.",
                job.quality.null_gate != "warn",
            )


def _duplicates(job: Job, prepared: Prepared) -> Iterator[GateFinding]:
    yield from _too_large_share(
        prepared.duplicates,
        prepared.rows_read,
        allowed=job.quality.max_duplicate_rate,
        code="TOO_MANY_DUPLICATES",
        what="rows repeat another",
        next_step="See whether rows were exported twice, or raise quality.max_duplicate_rate.",
        stops=job.quality.duplicate_gate != "warn",
    )


def _zone_conflicts(job: Job, prepared: Prepared) -> Iterator[GateFinding]:
    yield from _too_large_share(
        prepared.zone_conflicts,
        prepared.rows_read,
        allowed=job.quality.max_zone_conflict_rate,
        code="TOO_MANY_ZONE_CONFLICTS",
        what="rows have evidence of two time zones",
        next_step="See whether numbers, ZIP codes and states are in the right columns, or raise "
        "quality.max_zone_conflict_rate.",
        stops=job.quality.zone_conflict_gate != "warn",
    )


def _too_large_share(
    rows: int, of: int, *, allowed: float | None, code: str, what: str, next_step: str, stops: bool
) -> Iterator[GateFinding]:
    share = rows / of if of else 0.0
    if allowed is not None and share > allowed:
        told = f"{rows:,} of {of:,} {what} ({share:.1%}; the job allows {allowed:.1%})."
        yield GateFinding(code, told, next_step, stops)

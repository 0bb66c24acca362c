"""Compares a run with the earlier ones of its job, so that a sudden change stands out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

LEAST_RUNS: Final = 3
"""Runs that ended well before anything is called usual."""

_JUDGED_RUNS: Final = 10
"""The last so many of them say what is usual: a job that changes for good is soon measured by what it is now."""

SUDDEN_CHANGE: Final = 0.5
"""How far a number of rows may be from the usual one before it stands out, where the job says nothing else."""

_SUDDEN_POINTS: Final = 0.05
"""The same for shares of rows, in parts of all rows."""

_LEAST_ROWS: Final = 10
"""A difference of fewer rows is chance, however large a share it is."""

_ENDED_WELL: Final = "succeeded"


@dataclass(frozen=True)
class PastRun:
    """A run of the job in numbers; `time_zone_conflicts` are rows whose evidence names zones of different clocks."""

    run_id: str
    started_at: str
    status: str
    rows_read: int
    loaded: int
    rejected: int
    duplicates: int
    time_zone_conflicts: int
    unchanged: int = 0

    @property
    def reject_rate(self) -> float:
        """The share of rows that our rules refused."""
        return self._share(self.rejected)

    @property
    def duplicate_rate(self) -> float:
        """The share of rows that repeat another."""
        return self._share(self.duplicates)

    @property
    def conflict_rate(self) -> float:
        """The share of rows with evidence of two time zones."""
        return self._share(self.time_zone_conflicts)

    @property
    def loaded_rate(self) -> float:
        """The share of rows that were seen in RingCX, in this load or an earlier one."""
        return self._share(self.loaded + self.unchanged)

    def _share(self, rows: int) -> float:
        return rows / self.rows_read if self.rows_read else 0.0

    def tell(self) -> dict[str, Any]:
        """Return everything as the report has it."""
        return asdict(self) | {
            "reject_rate": self.reject_rate,
            "duplicate_rate": self.duplicate_rate,
            "conflict_rate": self.conflict_rate,
        }


def judged_runs(history: Sequence[PastRun]) -> list[PastRun]:
    """Return the runs of `history` (oldest first) that say what is usual; none where they are too few."""
    good = [run for run in history if run.status == _ENDED_WELL][-_JUDGED_RUNS:]
    return good if len(good) >= LEAST_RUNS else []


def usual_rows(history: Sequence[PastRun]) -> float | None:
    """Return the median of the rows that the judged runs read; None where they are too few."""
    judged = judged_runs(history)
    return float(median(run.rows_read for run in judged)) if judged else None


def is_unusual(rows: int, usual: float, change: float) -> bool:
    """Return whether `rows` differ from the usual number by more than `change` of it, and by more than chance."""
    difference = abs(rows - usual)
    return difference > change * usual and difference >= _LEAST_ROWS


def compare_runs(now: PastRun, history: Sequence[PastRun], *, change: float | None, sent: bool) -> list[dict[str, Any]]:
    """Return how `now` differs from the usual numbers of `history`, one dictionary for each number; none without those.

    Each has `what`, `now`, `usual`, `sudden` and a `sentence`; shares of rows are numbers from 0 to 1. `sent` says that
    leads were sent, so that what was loaded can be compared.
    """
    judged = judged_runs(history)
    if not judged:
        return []
    usual = float(median(run.rows_read for run in judged))
    told = [
        {
            "what": "rows read",
            "now": now.rows_read,
            "usual": usual,
            "sudden": is_unusual(now.rows_read, usual, SUDDEN_CHANGE if change is None else change),
            "sentence": (
                f"{now.rows_read:,} rows were read; the usual number is {usual:,.0f} "
                f"(median of the last {len(judged)} runs that ended well)."
            ),
        }
    ]
    shares = {"rejected": "reject_rate", "duplicates": "duplicate_rate", "time zone conflicts": "conflict_rate"}
    shares |= {"loaded": "loaded_rate"} if sent else {}
    for what, name in shares.items():
        share, before = float(getattr(now, name)), float(median(getattr(run, name) for run in judged))
        difference = abs(share - before)
        told.append(
            {
                "what": what,
                "now": share,
                "usual": before,
                "sudden": difference >= _SUDDEN_POINTS and difference * now.rows_read >= _LEAST_ROWS,
                "sentence": f"{what.capitalize()}: {share:.1%} of the rows; usually it is {before:.1%}.",
            }
        )
    return told

"""The earlier runs of a job in numbers, from the ledger alone: it keeps them when a run's files are gone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flows.preparation import Prepared
from flows.run_folder import RunFolder
from flows.run_place import ledger_if_kept
from transforms.history import PastRun
from transforms.vocabulary.outcomes import Outcome

if TYPE_CHECKING:  # the ledger's library is heavy, and most checks need none of it
    from connectors.ledger import Ledger, RunRecord

_MOST_RUNS: Final = 20
_LOOKED_AT: Final = 60
"""Runs of the job that are looked at for so many that read data."""

_KEPT: Final = ("counts", "balanced", "batches", "requests", "leads_staged", "reject_rate", "headline")


def numbers_of(facts: Mapping[str, Any], prepared: Prepared) -> str:
    """Return what the ledger keeps of a report, as JSON: numbers and nothing of any lead."""
    return json.dumps({name: facts[name] for name in _KEPT} | {"time_zone_conflicts": prepared.zone_conflicts})


def read_numbers(record: "RunRecord") -> dict[str, Any] | None:
    """Return a run's numbers, or None where it never came to a report.

    Runs of older versions have theirs in their report alone.
    """
    if record.numbers is not None:
        numbers: dict[str, Any] = json.loads(record.numbers)
        return numbers
    return read_report(record.folder, record.run_id)


def read_report(folder: Path, run_id: str) -> dict[str, Any] | None:
    """Return the report in `folder` if it is there and of this run."""
    try:
        facts: dict[str, Any] = json.loads(RunFolder(folder).report.read_bytes())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("run_id") == run_id else None


def earlier_runs(ledger: "Ledger", job_name: str, before: str) -> list[PastRun]:
    """Return the runs of the job that began before the time `before` and read data, oldest first, at most 20.

    Runs of a part of the rows (`--limit`) or of another source (`--source`) take no part.
    """
    found = (_past_run(record) for record in ledger.runs_before(job_name, before, _LOOKED_AT))
    return [run for run in found if run is not None and run.rows_read][:_MOST_RUNS][::-1]


def earlier_runs_if_kept(job_name: str, before: str) -> list[PastRun]:
    """Return the same from the environment's ledger, and none where there is no ledger yet: a check makes none."""
    with ledger_if_kept() as ledger:
        return [] if ledger is None else earlier_runs(ledger, job_name, before)


def this_run(facts: Mapping[str, Any], prepared: Prepared) -> PastRun:
    """Return the run that is being reported on, as later ones will see it."""
    return _from_counts(facts, facts["counts"], prepared.zone_conflicts)


def _past_run(record: "RunRecord") -> PastRun | None:
    numbers = read_numbers(record)
    if numbers is None:
        return None
    named = {"run_id": record.run_id, "started_at": record.started_at, "status": record.status}
    return _from_counts(named, numbers["counts"], numbers.get("time_zone_conflicts", 0))


def _from_counts(named: Mapping[str, Any], counts: Mapping[str, int], conflicts: int) -> PastRun:
    return PastRun(
        run_id=named["run_id"],
        started_at=named["started_at"],
        status=named["status"],
        rows_read=counts["rows_read"],
        loaded=counts[Outcome.LOADED],
        rejected=counts[Outcome.REJECTED],
        duplicates=counts[Outcome.DUPLICATE],
        time_zone_conflicts=conflicts,
        unchanged=counts.get(Outcome.UNCHANGED, 0),
    )

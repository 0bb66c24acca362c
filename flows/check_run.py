"""`check` and `load --dry-run`: everything up to sending, without credentials and without the ledger."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import orjson

from connectors.report.page_process import PageProcess
from flows import settings
from flows.awaiting import await_source
from flows.clock import now
from flows.earlier_loads import earlier_loads_if_kept
from flows.fetching import fetched
from flows.gates import judge_gates
from flows.history import earlier_runs_if_kept
from flows.job_file import Job
from flows.preparation import prepared_check
from flows.progress import Progress
from flows.reading_ahead import ReadAhead
from flows.reporting import STATUS_CHECKED, STATUS_GATE, STATUS_PLANNED, tallying, tell_trouble, write_run_report
from flows.run_folder import RunFolder
from flows.run_place import clear_place, ledger_if_kept, place_of
from flows.source_apart import refuse_source_in

if TYPE_CHECKING:  # what sends is heavy to import, and most checks send nothing and know no ledger
    from connectors.ledger import RunRecord
    from flows.preparation import Prepared


def check_job(
    job: Job,
    *,
    home: Path,
    out: Path | None,
    run_id: str,
    is_new: bool,
    limit: int | None,
    planned: bool,
    progress: Progress,
    ahead: ReadAhead | None = None,
    page: PageProcess | None = None,
    other_source: bool = False,
) -> dict[str, Any]:
    """Prepare a job and report on its data; with `planned`, show too what would be sent first.

    `is_new` says that nobody chose `run_id`, so that nothing of that name can be there. `ahead` is the job's
    source, of which reading has begun under the same limit. `page` renders the report's page. `other_source` says that
    it is not the job's own, so that its rows are not compared with those of earlier runs. Raises SourceError.
    """
    started = now()
    folder = place_of(home, run_id, out)
    refuse_source_in(folder, job)
    # A new name under the home folder cannot belong to a run, and a check then needs no ledger.
    clear_place(folder, _recorded_runs() if out or not is_new else [], taken=not out)
    status = STATUS_PLANNED if planned else STATUS_CHECKED
    await_source(job, Event(), progress.warn)
    # Nobody asks a plain check for its batches' ids, and they are digests of all leads.
    with (
        _cleared_after_failure(folder),
        fetched(job, folder.path) as at_hand,
        tallying(folder) as tally,
        ExitStack() as writing,
        prepared_check(
            at_hand,
            folder,
            as_of=job.day_of(started),
            limit=limit,
            progress=progress,
            named_batches=planned,
            every_row=False,
            ahead=ahead,
            earlier=earlier_loads_if_kept(job, settings.account().account_id),
            tally=tally,
            writing=writing,
        ) as (prepared, rows),
    ):
        for note in prepared.notes:
            progress.warn(note)
        # To open a ledger takes as long as a hundred thousand rows: only a job that is judged by its history pays.
        whole = limit is None and not other_source
        judged_by_history = whole and job.quality.row_count_change is not None
        earlier = earlier_runs_if_kept(job.name, started.isoformat()) if judged_by_history else []
        judgement = judge_gates(job, prepared, earlier, whole=whole)
        for warning in judgement.warnings:
            progress.warn(warning)
        if judgement.error is not None:
            status = STATUS_GATE
        if planned:
            writing.close()
        plan, body = _plan(job, folder, prepared) if planned and prepared.batches else (None, None)
        facts = write_run_report(
            job,
            folder,
            run_id=run_id,
            status=status,
            started_at=started.isoformat(),
            finished_at=now(),
            prepared=prepared,
            rows=rows,
            tally=tally,
            earlier=earlier if whole else (),
            more={
                "row_limit": limit,
                "warnings": [*prepared.notes, *judgement.warnings],
                "trouble": tell_trouble(judgement.error),
            }
            | ({} if plan is None else {"plan": plan}),
            page=page,
            finish=writing.close,
        )
    return facts if body is None else facts | {"first_request_body": orjson.loads(body)}


@contextmanager
def _cleared_after_failure(folder: RunFolder) -> Iterator[None]:
    """Leave no file of a check that failed: nobody goes on with it, and one alone would pass for what it came to."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first error says more
            folder.clear()
        raise


def _recorded_runs() -> "list[RunRecord]":
    """Return the runs of the ledger, if there is one yet."""
    with ledger_if_kept() as ledger:
        return [] if ledger is None else ledger.list_runs()


def _plan(job: Job, folder: RunFolder, prepared: "Prepared") -> tuple[dict[str, Any], bytes]:
    from flows.load_plan import plan_load

    return plan_load(job, folder, prepared)

"""The report stage: balances the books and writes every file a run leaves."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import polars as pl
import polars.selectors as cs

from connectors.report.files import write_report
from connectors.report.page_process import PageProcess
from connectors.spool import Spool
from connectors.staging import scan, write_chunks, write_text
from flows.history import this_run
from flows.job_file import Job
from flows.preparation import Prepared
from flows.rejected_rows import write_rejected_rows
from flows.run_folder import RunFolder
from flows.settings import VERSION
from flows.settled_outcomes import LOST_KEEPERS, PIECE_ROWS, settled_outcomes
from flows.wording import counted
from transforms.callable_hours import count_zones, tell_callable
from transforms.history import PastRun, compare_runs
from transforms.tally import (
    Tally,
    count_conflicts,
    count_lead_states,
    count_notes,
    count_outcomes,
    count_values,
    reasons_with_examples,
)
from transforms.vocabulary.errors import LeadferryError
from transforms.vocabulary.outcomes import Outcome

STATUS_CHECKED: Final = "checked"
STATUS_PLANNED: Final = "planned"
STATUS_SUCCEEDED: Final = "succeeded"
STATUS_UNRESOLVED: Final = "unresolved"
STATUS_FAILED: Final = "failed"
STATUS_GATE: Final = "gate"
STATUS_INTERRUPTED: Final = "interrupted"
STATUS_RUNNING: Final = "running"

_REASON_BYTES: Final = 100_000_000
"""Memory for what is told of rows with a reason; more of it goes to disk. Two million rows stay in memory."""


def _nothing_under_way() -> None:
    """Return at once: everything is on disk."""


def write_run_report(
    job: Job,
    folder: RunFolder,
    *,
    run_id: str,
    status: str,
    started_at: str,
    finished_at: dt.datetime,
    prepared: Prepared,
    rows: pl.LazyFrame,
    tally: Tally | None = None,
    earlier: Sequence[PastRun] = (),
    more: Mapping[str, Any] | None = None,
    page: PageProcess | None = None,
    finish: Callable[[], object] = _nothing_under_way,
) -> dict[str, Any]:
    """Write outcomes, rejects, report.json and report.html from the run's staged files; return the report.

    `status` is what the run came to so far; with rows unresolved or books that do not balance it becomes worse. `rows`
    are the source's own. `tally` has counted the outcomes where they are written already; a load's are written here.
    `earlier` are runs of the job to compare with, oldest first.
    `more` is what only the caller knows: campaign, requests, plan, warnings, trouble. `page` renders report.html.
    `finish` returns when the outcomes that `tally` has counted are on disk; it is called in another thread.
    """
    rows_read = prepared.rows_read
    day = job.day_of(dt.datetime.fromisoformat(started_at))
    settling: Counter[str] = Counter()
    with (
        _settled(folder, settling) if tally is None else nullcontext(tally) as tallied,
        ThreadPoolExecutor(3) as aside,
    ):
        finished = aside.submit(finish)

        def outcomes() -> pl.LazyFrame:
            finished.result()
            return scan(folder.outcomes)

        # The report is counted and rendered meanwhile.
        rejects = aside.submit(write_rejected_rows, folder, tallied, outcomes, rows, job, as_of=day)
        kinds = tallied.kinds
        counts = count_outcomes(kinds)

        def tell(*, are_written: bool) -> dict[str, Any]:
            balanced = are_written and tallied.is_balanced(rows_read)
            facts: dict[str, Any] = {
                "run_id": run_id,
                "job": job.name,
                "started_at": started_at,
                "finished_at": finished_at.isoformat(),
                "status": _final_status(status, counts, balanced=balanced),
                "counts": {"rows_read": rows_read, **counts},
                "balanced": balanced,
                "batches": len(prepared.batches),
                "requests": 0,
                "row_limit": None,
                "leads_staged": prepared.leads,
                "source": job.source.place,
                "load": job.load.model_dump(mode="json", exclude_none=True),
                "max_reject_rate": job.quality.max_reject_rate,
                "reject_rate": counts[Outcome.REJECTED] / rows_read if rows_read else 0.0,
                "reasons": reasons_with_examples(tallied.reasons, _raw_phones(rows, job)),
                "repairs": count_notes(tallied.notes),
                "damage": list(prepared.damage),
                "time_zones": count_values(kinds, "time_zone"),
                "time_zone_conflicts": count_conflicts(kinds),
                "states": count_values(kinds, "state"),
                "callable": tell_callable(count_zones(kinds), day, job.time_zones.calling_hours),
                "lead_states": count_lead_states(kinds),
                "ringcx": None,
                "arrived_differently": [],
                "reading_back": None,
                "campaign": None,
                "warnings": [],
                "leadferry_version": VERSION,
                "folder": str(folder.path),
            } | dict(more or {})
            facts["warnings"] = [*facts["warnings"], *_warn_of_lost_keepers(settling[LOST_KEEPERS])]
            facts["status"] = _status_by_books(facts)
            facts["history"] = [run.tell() for run in earlier]
            facts["comparison"] = compare_runs(
                this_run(facts, prepared),
                earlier,
                change=job.quality.row_count_change,
                sent=facts["status"] not in {STATUS_CHECKED, STATUS_PLANNED, STATUS_GATE},
            )
            facts["headline"] = _headline(facts)
            return facts

        facts = tell(are_written=True)
        rendered = aside.submit(_render, facts, page)
        # Rendered before it is seen that every outcome is in the file, which is the last to be there.
        if int(outcomes().select(pl.len()).collect().item()) != tallied.rows:
            facts = tell(are_written=False)
            rendered.result()
            rendered = aside.submit(_render, facts, None)
        rejects.result()
    write_report(folder.report, facts)
    write_text(folder.page, rendered.result())
    return facts


def _render(facts: Mapping[str, Any], page: PageProcess | None) -> str:
    """Return the page as `page` renders it, or, where that comes to nothing, as this process does."""
    rendered = None if page is None else page.render(facts)
    if rendered is not None:
        return rendered
    from connectors.report.page import render_page

    return render_page(facts)


def tell_trouble(trouble: LeadferryError | None) -> dict[str, str] | None:
    """Return what ended a run before its time as the report has it."""
    if trouble is None:
        return None
    return {"code": trouble.code, "message": trouble.message, "next_step": trouble.next_step}


@contextmanager
def tallying(folder: RunFolder) -> Iterator[Tally]:
    """Yield a tally; beyond a budget of memory, rows with a reason wait in `folder` until the end of the block."""
    with Spool(folder.path, "reasons", _REASON_BYTES) as with_reason:
        yield Tally(with_reason)


@contextmanager
def _settled(folder: RunFolder, settling: Counter[str]) -> Iterator[Tally]:
    """Write the outcomes of a load, and yield them counted; what comes to light in settling them is in `settling`."""
    with tallying(folder) as tally:
        outcomes = settled_outcomes(folder, counts=settling)
        write_chunks(folder.outcomes, _counted(outcomes, tally), row_group_size=PIECE_ROWS)
        yield tally


def _warn_of_lost_keepers(rows: int) -> Iterator[str]:
    """Say what became of rows that were set aside for one that RingCX did not take."""
    if rows:
        yield (
            f"{counted(rows, 'row')} {'was' if rows == 1 else 'were'} set aside as repeating a row that RingCX then "
            "rejected or removed, so their numbers may be nowhere in RingCX. In rejects.csv, mend the rows that were "
            "kept (detail names them) or take them out, and load that file."
        )


def _counted(outcomes: Iterator[pl.DataFrame], tally: Tally) -> Iterator[pl.DataFrame]:
    """Yield `outcomes`, each counted."""
    for piece in outcomes:
        tally.add(piece)
        yield piece


def _final_status(status: str, counts: Mapping[str, int], *, balanced: bool) -> str:
    if not balanced:
        return STATUS_FAILED
    if status == STATUS_SUCCEEDED and counts[Outcome.UNRESOLVED]:
        return STATUS_UNRESOLVED
    if status == STATUS_SUCCEEDED and counts[Outcome.NOT_SENT]:
        return STATUS_FAILED
    return status


def _status_by_books(facts: Mapping[str, Any]) -> str:
    """Return the status after RingCX's own numbers: a difference is never green, whatever the rows say.

    Leads that it inserted and no search shows may show later; any other difference will not go away.
    """
    status: str = facts["status"]
    differences = (facts["ringcx"] or {}).get("differences", ())
    if status not in {STATUS_SUCCEEDED, STATUS_UNRESOLVED} or not differences:
        return status
    return STATUS_UNRESOLVED if all(each["settles_later"] for each in differences) else STATUS_FAILED


_UNBALANCED: Final = "The run failed: its outcomes are not one for each row that was read. Run it again."


def _headline(facts: Mapping[str, Any]) -> str:
    """Say in one sentence what became of the rows."""
    counts = facts["counts"]
    read, before, staged = counts["rows_read"], counts[Outcome.UNCHANGED], facts["leads_staged"]
    loaded = counts[Outcome.LOADED] + before
    of_rows = f"of {counted(read, 'row')}"
    one, ready = 1 in {loaded, read}, 1 in {staged, read}
    in_ringcx = f"{loaded:,} {of_rows} {'is' if one else 'are'} in RingCX"
    known = f"{before:,} {'was' if before == 1 else 'were'} loaded before"
    if before:
        in_ringcx += f" ({known})"
    not_new = f", {known}" if before else ""
    unsettled = counts[Outcome.UNRESOLVED]
    open_end = f"{unsettled:,} cannot be settled yet" if unsettled else "RingCX's own numbers differ from that"
    sentences = {
        STATUS_CHECKED: f"{staged:,} {of_rows} {'is' if ready else 'are'} ready to load{not_new}; nothing was sent.",
        STATUS_PLANNED: f"{staged:,} {of_rows} would be sent in {counted(facts['batches'], 'request')}.",
        STATUS_SUCCEEDED: f"{in_ringcx}; every other row has its reason." if loaded < read else f"{in_ringcx}.",
        STATUS_UNRESOLVED: f"{in_ringcx}; {open_end}.",
        STATUS_GATE: _gate_sentence(facts),
        STATUS_FAILED: f"The run failed: {in_ringcx}." if facts["balanced"] else _UNBALANCED,
    }
    return sentences.get(facts["status"], f"{in_ringcx}.")


def _gate_sentence(facts: Mapping[str, Any]) -> str:
    """Say which gate stopped the run."""
    trouble = facts.get("trouble")
    if trouble and trouble["code"] == "SEEN_BEFORE":
        return str(trouble["message"])
    if trouble and trouble["code"] not in {"TOO_MANY_REJECTED", "COLUMN_DAMAGED"}:
        return f"Nothing was sent: {str(trouble['message']).removesuffix(' Nothing was sent.')}"
    rejected, read = facts["counts"][Outcome.REJECTED], facts["counts"]["rows_read"]
    if facts["reject_rate"] > facts["max_reject_rate"]:
        return f"Nothing was sent: {rejected:,} of {counted(read, 'row')} refused, more than the job allows."
    columns = dict.fromkeys(verdict["column"] for verdict in facts["damage"] if verdict["damaged"])
    return f"Nothing was sent: {counted(len(columns), 'column')} damaged ({', '.join(columns)})."


def _raw_phones(rows: pl.LazyFrame, job: Job) -> pl.LazyFrame:
    columns = [*(job.columns.leadPhone or ()), *([job.columns.leadPhoneE164] if job.columns.leadPhoneE164 else [])]
    phone = pl.concat_str(cs.by_name(list(dict.fromkeys(columns))), separator=" | ", ignore_nulls=True)
    return rows.select("source_row", phone.alias("phone"))

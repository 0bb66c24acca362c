"""Runs and reports in words, for the terminal."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from flows.history import read_numbers, read_report
from flows.wording import counted
from transforms.vocabulary.outcomes import Outcome

if TYPE_CHECKING:
    from connectors.ledger import RunRecord

_SHOWN_REASONS = 8
_WIDTH: Final = 12
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "rows": ("rows_read",),
    "loaded": (Outcome.LOADED, Outcome.UNCHANGED),
    "rejected": (Outcome.REJECTED,),
    "duplicate": (Outcome.DUPLICATE,),
    "by RingCX": (Outcome.REJECTED_BY_API, Outcome.REMOVED_BY_API),
    "open": (Outcome.UNRESOLVED, Outcome.NOT_SENT),
}
"""Columns of the list of runs, and the counts that each adds up."""


def describe_run(record: "RunRecord") -> dict[str, Any]:
    """Return a run as the ledger and its report tell it; `counts` and `report` where it came that far."""
    shown: dict[str, Any] = {
        "run_id": record.run_id,
        "job": record.job,
        "status": record.status,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "duration_seconds": _duration(record),
        "campaign": record.campaign_name,
        "folder": str(record.folder),
        "pruned_at": record.pruned_at,
        "forgotten_at": record.forgotten_at,
    }
    numbers = read_numbers(record)
    if numbers is not None:
        shown["counts"] = numbers["counts"]
    report = read_report(record.folder, record.run_id)
    return shown if report is None else shown | {"report": report}


def _duration(record: "RunRecord") -> float | None:
    """Return the seconds from a run's first start to its last end; None while it has none."""
    if record.finished_at is None:
        return None
    started, finished = (dt.datetime.fromisoformat(moment) for moment in (record.started_at, record.finished_at))
    return (finished - started).total_seconds()


def tell_runs(listed: list[dict[str, Any]]) -> str:
    """Return a table of runs, newest first."""
    if not listed:
        return "no runs yet; `leadferry load JOB` starts one"
    width = max(len(run["run_id"]) for run in listed)
    heads = "".join(f"{name:>{_WIDTH}}" for name in _COLUMNS)
    lines = [f"{'run':<{width}}  {'verdict':<12}{'started (UTC)':<21}{'took':>8}{heads}"]
    lines += [_tell_line(run, width) for run in listed]
    return "\n".join(lines)


def _tell_line(run: dict[str, Any], width: int) -> str:
    counts = run.get("counts")
    numbers = [f"{sum(counts[name] for name in names):,}" if counts else "-" for names in _COLUMNS.values()]
    seconds = run["duration_seconds"]
    return (
        f"{run['run_id']:<{width}}  {run['status']:<12}{run['started_at'][:19].replace('T', ' '):<21}"
        f"{'-' if seconds is None else tell_duration(seconds):>8}{''.join(f'{number:>{_WIDTH}}' for number in numbers)}"
        f"{'  pruned' if run['pruned_at'] else ''}"
    )


def tell_duration(seconds: float) -> str:
    """Return a span of time in its two largest units, such as `3m 05s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def tell_run(shown: dict[str, Any]) -> str:
    """Return one run: its report if it has one, else where it stands; and first, what was taken out of it since."""
    told = []
    if shown["pruned_at"]:
        told.append(f"The lead data of this run was deleted on {shown['pruned_at'][:10]}; its numbers are kept.")
    elif shown["forgotten_at"]:
        told.append(f"Somebody was taken out of this run on {shown['forgotten_at'][:10]}; its numbers are kept.")
    if "report" in shown:
        told.append(tell_report(shown["report"] | {"status": shown["status"]}))
    elif "counts" in shown:
        told += [f"{shown['run_id']}  {shown['status']}; its report is no longer there"]
        told += [f"  {name:<16}{number:>12,}" for name, number in shown["counts"].items() if number]
    else:
        told.append(f"{shown['run_id']}  {shown['status']}, no report yet{_how_to_go_on(shown)}")
    return "\n".join(told)


def _how_to_go_on(shown: dict[str, Any]) -> str:
    return "" if shown["pruned_at"] or shown["forgotten_at"] else f"; go on with: leadferry resume {shown['run_id']}"


def tell_report(facts: dict[str, Any]) -> str:
    """Return a report in a screenful."""
    counts = facts["counts"]
    lines = [facts["headline"], "", f"  {'rows read':<16}{counts['rows_read']:>12,}"]
    lines += [f"  {name:<16}{counts[name]:>12,}" for name in Outcome if counts[name]]
    balance = "balanced" if facts["balanced"] else "NOT BALANCED"
    batches, requests = counted(facts["batches"], "batch", "batches"), counted(facts["requests"], "request")
    lines += ["", f"  {balance}, {batches}, {requests}, status {facts['status']}"]
    lines += [
        f"  {reason['rows']:>8,}  {reason['code']}: {reason['advice']}" for reason in facts["reasons"][:_SHOWN_REASONS]
    ]
    more = len(facts["reasons"]) - _SHOWN_REASONS
    lines += [f"  {'...':>8}  and {counted(more, 'reason')} more in the report"] if more > 0 else []
    lines += [
        f"  {'damage' if verdict['damaged'] else 'warning'}: {verdict['sentence']}" for verdict in facts["damage"]
    ]
    if facts["time_zone_conflicts"]:
        lines.append(f"  {facts['time_zone_conflicts']:>8,}  rows with evidence of two time zones")
    lines += [f"  unusual: {each['sentence']}" for each in facts.get("comparison", []) if each["sudden"]]
    if "plan" in facts and "first_request_body" in facts:
        lines += _tell_plan(facts)
    lines += ["", f"  report   {facts['folder']}/report.html", f"  rejects  {facts['folder']}/rejects.csv"]
    return "\n".join(lines)


def _tell_plan(facts: dict[str, Any]) -> list[str]:
    """Return the plan of a dry run with the first request, cut to two leads."""
    plan, body = facts["plan"], facts["first_request_body"]
    leads = body["uploadLeads"]
    shown = json.dumps(body | {"uploadLeads": leads[:2]}, indent=2, ensure_ascii=False)
    return [
        "",
        (
            f"  plan     {counted(plan['leads'], 'lead')} in {counted(plan['batches'], 'request')}; "
            f"RingCX's throttle makes that {counted(plan['shortest_seconds'], 'second')} at least"
        ),
        (
            f"  first request ({plan['first_request_bytes']:,} bytes, {counted(len(leads), 'lead')}; whole in "
            f"{plan['first_request_file']}), its first leads:"
        ),
        shown,
    ]

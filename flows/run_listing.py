"""Runs and reports in words, for the terminal."""

import json
from typing import TYPE_CHECKING, Any

from flows.run_folder import RunFolder
from flows.wording import counted
from transforms.vocabulary.outcomes import Outcome

if TYPE_CHECKING:
    from connectors.ledger import RunRecord

_SHOWN_REASONS = 8


def describe_run(record: "RunRecord") -> dict[str, Any]:
    """Return a run as the ledger and its report tell it."""
    shown: dict[str, Any] = {
        "run_id": record.run_id,
        "job": record.job,
        "status": record.status,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "campaign": record.campaign_name,
        "folder": str(record.folder),
    }
    report = RunFolder(record.folder).report
    if report.is_file():
        facts = json.loads(report.read_text(encoding="utf-8"))
        if facts.get("run_id") == record.run_id:
            shown["report"] = facts
    return shown


def tell_runs(listed: list[dict[str, Any]]) -> str:
    """Return a table of runs, newest first."""
    if not listed:
        return "no runs yet; `leadferry load JOB` starts one"
    width = max(len(run["run_id"]) for run in listed)
    lines = [f"{'run':<{width}}  {'status':<12}{'started (UTC)':<21}{'loaded':>10} of rows"]
    for run in listed:
        counts = run.get("report", {}).get("counts", {})
        rows = f"{counts[Outcome.LOADED]:>10,} of {counts['rows_read']:,}" if counts else f"{'-':>10}"
        lines.append(
            f"{run['run_id']:<{width}}  {run['status']:<12}{run['started_at'][:19].replace('T', ' '):<21}{rows}"
        )
    return "\n".join(lines)


def tell_run(shown: dict[str, Any]) -> str:
    """Return one run: its report if it has one, else where it stands."""
    if "report" in shown:
        return tell_report(shown["report"] | {"status": shown["status"]})
    return f"{shown['run_id']}  {shown['status']}, no report yet; go on with: leadferry resume {shown['run_id']}"


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
        lines.append(f"  {facts['time_zone_conflicts']:>8,}  leads with evidence of two time zones")
    if "plan" in facts:
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

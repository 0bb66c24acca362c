"""Tells the whole story of one lead over all runs that are kept: what was read, what was sent, what RingCX said."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, Final

import polars as pl

from connectors.ledger import BatchEvent, EventState, Ledger
from connectors.ringcx.client import RingCx
from connectors.ringcx.settings import Account
from connectors.ringcx.throttle import Throttle
from connectors.sources.extract import ROW_FAULT, SOURCE_ROW
from connectors.staging import scan
from flows import settings
from flows.job_file import read_recorded_job
from flows.kept_runs import KeptRun, kept_runs, refuse_stripped
from flows.looking_up import Asked, find_rows
from flows.masked_rows import mask_fields, mask_source
from flows.plain_text import plain
from transforms.batching import Batch
from transforms.lead_rules import REASONS
from transforms.vocabulary.errors import ConfigurationError, DeliveryError
from transforms.vocabulary.masking import mask_numbers

PATIENCE_SECONDS: Final = 10.0
"""Seconds for which RingCX is asked again while it is out of reach: somebody waits at a terminal."""

_READ_BACK: Final = ("leadId", "listId", "leadState")
_WIDEST: Final = 400

_MEANINGS: Final = {
    EventState.SENDING: "the process ended while the request was under way, or it still is",
    EventState.ACCEPTED: "RingCX processed the request",
    EventState.REFUSED: "RingCX did not take the request",
    EventState.NOT_SENT: "nothing was done; it may go out again",
    EventState.UNKNOWN: "no clear answer; asked about by search",
}


def trace_person(
    ledger: Ledger, home: Path, asked: Asked, run_id: str | None, *, account: Account | None, show_numbers: bool
) -> dict[str, Any]:
    """Return the story of every row that is the person's, in one run or in all: `matches`, and runs `not_kept`.

    Numbers are masked unless `show_numbers`. Without an `account` RingCX is not asked what the state is now. Raises
    ConfigurationError for a run that is unknown, or whose files are gone.
    """
    asked.check()
    recorded = [run for run in kept_runs(ledger, home) if run.record is not None]
    if run_id is not None:
        recorded = [_require(recorded, run_id)]
    matches, not_kept = [], []
    for run in reversed(recorded):
        why = _why_not_kept(run)
        if why is not None:
            not_kept.append({"run_id": run.run_id, "why": why})
            continue
        matches += [_Story(run, row, ledger).tell() for row in sorted(find_rows(run, asked))]
    if account is not None:
        _ask_ringcx(matches, account, ledger)
    shown = matches if show_numbers else [_masked(match) for match in matches]
    return {"matches": [_without_job(match) for match in shown], "not_kept": not_kept}


def _require(recorded: Sequence[KeptRun], run_id: str) -> KeptRun:
    run = next((run for run in recorded if run.run_id == run_id), None)
    if run is None or run.record is None:
        raise ConfigurationError("RUN_UNKNOWN", f"There is no run {run_id}.", "`leadferry runs` lists them.")
    if run.record.pruned_at is not None:
        refuse_stripped(run.record)
    if run.folder is None:
        raise ConfigurationError(
            "RUN_FILES_GONE",
            f"The files of the run {run_id} are not in {run.record.folder} any more.",
            "Put them back, or ask another run, or --all.",
        )
    return run


def _why_not_kept(run: KeptRun) -> str | None:
    if run.record is not None and run.record.pruned_at is not None:
        return f"its lead data was deleted on {run.record.pruned_at[:10]}"
    return "its files are not there any more" if run.folder is None else None


class _Story:
    """One row of one run."""

    def __init__(self, run: KeptRun, row: int, ledger: Ledger) -> None:
        if run.record is None or run.folder is None:
            raise TypeError("a story is of a recorded run whose files are there")
        self._record, self._folder, self._row, self._ledger = run.record, run.folder, row, ledger
        self._job = read_recorded_job(run.record.job_json)

    def tell(self) -> dict[str, Any]:
        """Return everything that is kept about the row."""
        source = _one_row(self._folder.extract, self._row) or {}
        source.pop(SOURCE_ROW, None)
        fault = source.pop(ROW_FAULT, None)
        # A run that was stopped has verdicts and no outcomes yet.
        verdict = _one_row(self._folder.outcomes, self._row) or _one_row(self._folder.verdicts, self._row) or {}
        lead, batch, place = self._find_lead()
        reason = verdict.get("reason")
        return {
            "run_id": self._record.run_id,
            "job": self._record.job,
            "started_at": self._record.started_at,
            "status": self._record.status,
            "campaign": {"id": self._record.campaign_id, "name": self._record.campaign_name},
            "source_row": self._row,
            "outcome": verdict.get("outcome"),
            "reason": reason,
            "advice": REASONS[reason].advice if isinstance(reason, str) and reason in REASONS else None,
            "detail": verdict.get("detail"),
            "fault": fault,
            "repairs": verdict["note"].split("; ") if verdict.get("note") else [],
            "source": source,
            "sent": lead,
            "batch": None if batch is None else {"number": batch.number, "batch_id": batch.batch_id, "place": place},
            "attempts": [] if batch is None or place is None else list(self._attempts(batch, place)),
            "read_back": {name: verdict.get(name) for name in _READ_BACK} if verdict.get("leadId") else None,
            "now": None,
            "_job": self._job,
            "_account_id": self._record.account_id,
            "_extern_id": (lead or verdict).get("externId"),
        }

    def _find_lead(self) -> tuple[dict[str, Any] | None, Batch | None, int | None]:
        """Return the lead as it was staged, its batch, and its place in that, counted from 0."""
        if not self._folder.leads.exists():
            return None, None, None
        numbered = scan(self._folder.leads).with_row_index("place_of_all").filter(pl.col(SOURCE_ROW) == self._row)
        found = numbered.collect(engine="streaming").to_dicts()
        if not found:
            return None, None, None
        lead = found[0]
        at = lead.pop("place_of_all")
        lead = {name: value for name, value in lead.items() if name not in {SOURCE_ROW, "batch_id"}}
        batches = self._ledger.batches(self._record.run_id)
        batch = next((batch for batch in batches if batch.first <= at < batch.first + batch.size), None)
        return lead, batch, None if batch is None else at - batch.first

    def _attempts(self, batch: Batch, place: int) -> Iterator[dict[str, Any]]:
        """Yield what was tried and proved of the lead, oldest first."""
        for event in self._ledger.events(self._record.run_id, batch.number):
            if event.places is None or place in event.places:
                yield _tell_event(event, batch, place)


def _one_row(file: Path, row: int) -> dict[str, Any] | None:
    if not file.exists():
        return None
    found = scan(file).filter(pl.col(SOURCE_ROW) == row).collect(engine="streaming").to_dicts()
    return found[0] if found else None


def _tell_event(event: BatchEvent, batch: Batch, place: int) -> dict[str, Any]:
    """Return one event: when, what it proved, and the server's words, about this lead alone where they are."""
    answer = event.answer or {}
    words = [row["message"] for row in answer.get("rejected", ()) if place in row.get("fits", ()) and row["message"]]
    if event.state.is_search:
        is_here = event.state is EventState.LANDED or place in answer.get("landed", ())
        meaning = f"a search proved that the lead is {'' if is_here else 'not '}in RingCX"
    else:
        meaning = _MEANINGS[event.state]
    return {
        "started_at": event.started_at,
        "finished_at": event.finished_at,
        "state": event.state.value,
        "meaning": meaning,
        "leads": batch.size if event.places is None else len(event.places),
        "code": event.code,
        "message": event.message,
        "said_of_lead": words,
        "counts": {name: count for name, count in answer.get("counts", {}).items() if count is not None},
    }


def _ask_ringcx(matches: list[dict[str, Any]], account: Account, ledger: Ledger) -> None:
    """Fill in each match what a search shows now of its external id in its campaign, or why nobody can say."""
    answers: dict[tuple[Any, ...], dict[str, Any]] = {}
    for match in matches:
        if not match["_extern_id"] or not (match["attempts"] or match["read_back"]):
            continue  # it never was in RingCX through this run
        key = (match["_account_id"], match["campaign"]["id"], match["_extern_id"])
        if key not in answers:
            answers[key] = _search(match, account, ledger)
        match["now"] = answers[key]


def _search(match: dict[str, Any], account: Account, ledger: Ledger) -> dict[str, Any]:
    campaign_id, account_id = match["campaign"]["id"], match["_account_id"]
    if campaign_id is None:
        return _unasked("the run never came to a campaign")
    ringcx: RingCx | None = None
    try:
        ringcx = RingCx(
            account,
            Throttle(ledger.windows(), Event(), limited=match["_job"].delivery.keep_throttles),
            version=settings.VERSION,
            timeout_seconds=min(match["_job"].delivery.timeout_seconds, PATIENCE_SECONDS),
            patience_seconds=PATIENCE_SECONDS,
            connections=2,
        )
        signed_in = ringcx.sign_in()
        if account_id not in {None, signed_in}:
            return _unasked("the credentials are another account's than the run's")
        found = ringcx.find_leads(campaign_id, [match["_extern_id"]])
    except (ConfigurationError, DeliveryError) as error:
        return _unasked(f"{error.code}: {error.message}")
    finally:
        if ringcx is not None:
            ringcx.close()
    leads = [
        {"leadId": lead.lead_id, "listId": lead.list_id, "leadState": lead.state, "time_zone": lead.time_zone}
        for lead in found.leads
    ]
    return {"asked": True, "complete": found.complete, "leads": leads}


def _unasked(why: str) -> dict[str, Any]:
    return {"asked": False, "why": why, "leads": []}


def _masked(match: dict[str, Any]) -> dict[str, Any]:
    attempts = [
        attempt
        | {
            "message": None if attempt["message"] is None else mask_numbers(attempt["message"]),
            "said_of_lead": [mask_numbers(words) for words in attempt["said_of_lead"]],
        }
        for attempt in match["attempts"]
    ]
    return match | {
        "source": mask_source(match["source"], match["_job"].columns),
        "sent": None if match["sent"] is None else mask_fields(match["sent"]),
        "detail": None if match["detail"] is None else mask_numbers(match["detail"]),
        "fault": None if match["fault"] is None else mask_numbers(match["fault"]),
        "repairs": [mask_numbers(note) for note in match["repairs"]],
        "attempts": attempts,
    }


def _without_job(match: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in match.items() if not name.startswith("_")}


def tell_trace(facts: dict[str, Any]) -> str:
    """Return the stories for people, oldest run first."""
    lines: list[str] = []
    for match in facts["matches"]:
        lines += [*_tell_match(match), ""]
    if not facts["matches"]:
        lines.append("no run that is kept has this lead in it")
    lines += [f"cannot tell of {run['run_id']}: {run['why']}" for run in facts["not_kept"]]
    return "\n".join(lines).rstrip()


def _tell_match(match: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{match['run_id']} ({match['job']}, {match['started_at'][:16].replace('T', ' ')} UTC, {match['status']}), "
        f"source_row {match['source_row']}: {match['outcome'] or 'not judged yet'}"
    )
    for name in ("reason", "advice", "detail", "fault"):
        if match[name]:
            yield _line(name, match[name])
    yield from _tell_values("as read", match["source"])
    for note in match["repairs"]:
        yield _line("repair", note)
    yield from _tell_values("as sent" if match["attempts"] else "made", match["sent"] or {})
    batch = match["batch"]
    if batch:
        yield _line("batch", f"{batch['number']} ({batch['batch_id']}), lead {batch['place'] + 1} of it")
    for attempt in match["attempts"]:
        yield from _tell_attempt(attempt)
    if match["read_back"]:
        yield _line("read back", _tell_lead(match["read_back"]))
    yield from _tell_now(match["now"], (match["read_back"] or {}).get("leadId"))


def _tell_attempt(attempt: dict[str, Any]) -> Iterator[str]:
    end = attempt["finished_at"]
    when = f"{attempt['started_at'][:19].replace('T', ' ')} to {end[11:19] if end else '?'}"
    code = f" {attempt['code']}" if attempt["code"] else ""
    yield _line("attempt", f"{when}: {attempt['state']}{code}: {attempt['meaning']} ({attempt['leads']:,} leads)")
    for words in ([attempt["message"]] if attempt["message"] else []) + attempt["said_of_lead"]:
        yield _line("", f"RingCX: {words}")
    if attempt["counts"]:
        yield _line("", ", ".join(f"{name} {count:,}" for name, count in attempt["counts"].items()))


def _tell_now(now: dict[str, Any] | None, own: int | None) -> Iterator[str]:
    if now is None:
        return
    if not now["asked"]:
        yield _line("now", f"not known ({now['why']})")
    elif not now["leads"]:
        yield _line("now", "no lead of the campaign has this external id")
    for lead in now["leads"]:
        other = "" if own in {None, lead["leadId"]} else " (of another load, under the same external id)"
        yield _line("now", f"{_tell_lead(lead)}{other}")


def _tell_lead(lead: dict[str, Any]) -> str:
    return f"leadId {lead['leadId']}, listId {lead['listId']}, state {lead['leadState']}"


def _tell_values(name: str, values: dict[str, Any]) -> Iterator[str]:
    for field, value in values.items():
        if value is not None:
            yield _line(name, f"{field} = {value}")
            name = ""


def _line(name: str, text: str) -> str:
    return f"  {name:<10} {plain(text, widest=_WIDEST)}"

"""What to do next, which run it was, and under which rules it ran."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.report.page_wording import tell_count, tell_duration, tell_moment, tell_percent
from transforms.vocabulary.options import DuplicateHandling, TimeZoneOption
from transforms.vocabulary.outcomes import Outcome

_NOTHING_SENT: Final = frozenset({"checked", "planned", "gate"})

_GLOSSES: Final[Mapping[str, str]] = {
    DuplicateHandling.RETAIN_ALL: "every lead is kept",
    DuplicateHandling.REMOVE_FROM_LIST: "repeats within one upload are dropped; earlier loads are not looked at",
    DuplicateHandling.REMOVE_ALL_EXISTING: "a new lead is dropped when the campaign has its number already",
    TimeZoneOption.NPA_NXX: "from area code and exchange",
    TimeZoneOption.ZIPCODE: "from the ZIP code",
    TimeZoneOption.EXPLICIT: "each lead carries its own",
    TimeZoneOption.COUNTRY: "from the country",
    TimeZoneOption.NOT_APPLICABLE: "none",
}


@dataclass(frozen=True)
class Step:
    """What a person does next, and the command for it."""

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Fact:
    """One line of the particulars; `moment` is the time as machines read it."""

    name: str
    value: str
    gloss: str = ""
    moment: str | None = None


def next_steps(facts: Mapping[str, Any]) -> list[Step]:
    """Return what is left to do, most pressing first; nothing where the run's lead data was deleted."""
    if facts.get("pruned_at"):
        return []
    counts, status = facts["counts"], facts["status"]
    if not facts["balanced"]:
        return [
            Step("Do not rely on these numbers: keep the folder of this run and report this as a defect of Leadferry.")
        ]
    if status == "gate":
        return [_mend_gate(facts)]
    steps: list[Step] = []
    if status in _NOTHING_SENT:
        if counts[Outcome.NOT_SENT]:
            steps.append(Step("When the account below looks right, load with the same job file.", "leadferry load JOB"))
    elif facts.get("forgotten_at"):
        pass  # it cannot be gone on with
    elif counts[Outcome.UNRESOLVED] or counts[Outcome.NOT_SENT] or status in {"interrupted", "running"}:
        text = "Go on with this run; no lead is sent twice, whatever happened before."
        steps.append(Step(text, f"leadferry resume {facts['run_id']}"))
    elif differences := (facts.get("ringcx") or {}).get("differences"):
        steps.append(_settle(differences, facts["run_id"]))
    mendable = sum(counts[outcome] for outcome in (Outcome.REJECTED, Outcome.REJECTED_BY_API))
    if mendable:
        what = "the row that was refused" if mendable == 1 else f"the {mendable:,} rows that were refused"
        steps.append(Step(f"Mend {what}: `rejects.csv` has each with its reason, and can be loaded again."))
    return steps


def _settle(differences: Sequence[Mapping[str, Any]], run_id: str) -> Step:
    """Say what to do about books that differ from RingCX's."""
    if all(difference.get("settles_later") for difference in differences):
        text = "Read the load back once more: RingCX says it has leads that it does not show yet."
    else:
        text = "RingCX's numbers differ from ours, as told below: read the load back, and ask RingCX about what stays."
    return Step(text, f"leadferry reconcile {run_id}")


def _mend_gate(facts: Mapping[str, Any]) -> Step:
    trouble = facts.get("trouble")
    if trouble and trouble["code"] not in {"TOO_MANY_REJECTED", "COLUMN_DAMAGED"}:
        return Step(f"{trouble['next_step']} Then start again.")
    damaged = dict.fromkeys(verdict["column"] for verdict in facts["damage"] if verdict["damaged"])
    if facts["reject_rate"] <= facts["max_reject_rate"] and damaged:
        return Step(
            f"Export {tell_count(len(damaged), 'column')} again ({', '.join(damaged)}): what is wrong stands below. "
            'Or set `quality.damage = "warn"` in the job file, then start again.'
        )
    rate, allowed = tell_percent(facts["reject_rate"]), tell_percent(facts["max_reject_rate"])
    return Step(
        f"{rate} of the rows were rejected; the job allows {allowed}. Mend the source (`rejects.csv` has each row with "
        "its reason) or raise `quality.max_reject_rate` in the job file, then start again."
    )


def tell_identity(facts: Mapping[str, Any]) -> list[Fact]:
    """Return which run it was, and where its leads went."""
    started, finished = (dt.datetime.fromisoformat(facts[key]) for key in ("started_at", "finished_at"))
    return [
        Fact("Job", facts["job"]),
        Fact("Run", facts["run_id"]),
        _tell_campaign(facts),
        Fact("Finished", tell_moment(finished), _tell_span(started, finished), moment=facts["finished_at"]),
    ]


def tell_particulars(facts: Mapping[str, Any]) -> list[Fact]:
    """Return what the run read, and under which rules."""
    load = facts["load"]
    gate = f"up to {tell_percent(facts['max_reject_rate'])} of the rows may be rejected"
    return [
        Fact("Source", str(facts["source"])),
        Fact("List", load["description"], f"list state {load['list_state']}" if "list_state" in load else ""),
        Fact("Dial priority", load["dial_priority"]),
        Fact("Duplicate handling", load["duplicate_handling"], _GLOSSES.get(load["duplicate_handling"], "")),
        Fact("Time zone option", load["time_zone_option"], _GLOSSES.get(load["time_zone_option"], "")),
        Fact("Quality gate", f"{tell_percent(facts['reject_rate'])} rejected", gate),
        Fact("Started", tell_moment(dt.datetime.fromisoformat(facts["started_at"])), moment=facts["started_at"]),
    ]


def _tell_span(started: dt.datetime, finished: dt.datetime) -> str:
    return f"after {tell_duration((finished - started).total_seconds())}"


def _tell_campaign(facts: Mapping[str, Any]) -> Fact:
    """Name the campaign as RingCX does, else as the job does."""
    met, load = facts["campaign"], facts["load"]
    if met:
        return Fact("Campaign", met["name"] or f"id {met['id']}", f"id {met['id']}" if met["name"] else "")
    return Fact("Campaign", load.get("campaign") or f"id {load['campaign_id']}", "as the job names it; not looked up")


def tell_plan(facts: Mapping[str, Any]) -> str | None:
    """Say how long the throttle makes a planned delivery take, where the facts tell."""
    plan = facts.get("plan")
    if not plan:
        return None
    return (
        f"The first request would have {plan['first_request_bytes']:,} bytes. The throttle of RingCX lets these "
        f"requests take no less than {tell_duration(plan['shortest_seconds'])}."
    )

"""Renders the run for people: one HTML file that opens from disk without a network.

What is said and drawn is decided here, as values; the template only sets it. All text is escaped there, so that
nothing from a source row or from a server can become markup.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from connectors.staging import write_text
from transforms.vocabulary.options import DuplicateHandling, TimeZoneOption
from transforms.vocabulary.outcomes import Outcome

_SHOWN_VALUES, _MOST_VALUES = 8, 80
"""How many time zones or states stand open, and how many are listed at all."""

_NOTHING_SENT: Final = frozenset({"checked", "planned", "gate"})


@dataclass(frozen=True)
class Verdict:
    """A run's status for people: its name, its tone (good, quiet, warn, bad) and what it means."""

    name: str
    tone: str
    meaning: str


VERDICTS: Final = {
    "checked": Verdict("Checked", "quiet", "A check reads the data and sends nothing."),
    "planned": Verdict("Planned", "quiet", "A dry run shows what would be sent and sends nothing."),
    "succeeded": Verdict("Succeeded", "good", "Every row is accounted for."),
    "unresolved": Verdict("Unresolved", "warn", "Nobody can say yet whether RingCX has some of these leads."),
    "failed": Verdict(
        "Failed", "bad", "RingCX did not take all that was to be sent, or the run stopped before its end."
    ),
    "gate": Verdict("Stopped at the gate", "bad", "A quality gate stopped the run before anything was sent."),
    "interrupted": Verdict("Interrupted", "warn", "Somebody stopped the run; it can go on."),
    "running": Verdict("Running", "quiet", "The run had not ended when this page was written."),
}


@dataclass(frozen=True)
class Wording:
    """An outcome for people: its name and what it means."""

    name: str
    meaning: str


WORDINGS: Final = {
    Outcome.LOADED: Wording("Loaded", "seen in RingCX by search"),
    Outcome.UNCHANGED: Wording("Unchanged", "loaded before, not sent again"),
    Outcome.REJECTED_BY_API: Wording("Rejected by RingCX", "lead or request refused"),
    Outcome.REMOVED_BY_API: Wording("Removed by RingCX", "duplicate, do-not-call or quota"),
    Outcome.UNRESOLVED: Wording("Unresolved", "nobody can say yet"),
    Outcome.NOT_SENT: Wording("Not sent", "the run stopped first"),
    Outcome.REJECTED: Wording("Rejected", "by our rules, before sending"),
    Outcome.DUPLICATE: Wording("Duplicate", "of another row of this load"),
}
"""In the order of the page: first what becomes of leads that were staged, then what was set aside before."""

_SET_ASIDE: Final = frozenset({Outcome.UNCHANGED, Outcome.REJECTED, Outcome.DUPLICATE})

_READY: Final = Wording("Ready to load", "sound, staged, nothing sent")
_HELD_BACK: Final = Wording("Held back", "sound, but the gate stopped the run")

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

_ANSWERS: Final[Mapping[str, Wording]] = {
    "sending": Wording("No answer on record", "the process ended while the request was under way"),
    "accepted": Wording("Accepted", "RingCX processed the request"),
    "refused": Wording("Refused", "RingCX did not take the request"),
    "not_sent": Wording("Turned away", "nothing was done; sent again later"),
    "unknown": Wording("No clear answer", "asked about by search before anything is sent again"),
    "landed": Wording("Found by search", "every lead of the request had landed"),
    "absent": Wording("Not found by search", "no lead of the request had landed; sent again"),
    "partly_landed": Wording("Partly found by search", "some leads had landed; only the others are sent again"),
}

_FILES: Final = (
    Wording("rejects.csv", "the rows not loaded, all their columns, and what to do; load it again after mending"),
    Wording("outcomes.parquet", "one line for each source row: outcome, reason, batch and lead id"),
    Wording("leads.parquet", "the leads as they are sent"),
    Wording("report.json", "this page in numbers"),
)
_FIRST_REQUEST: Final = Wording("first_request.json", "the body of the first request")


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


@dataclass(frozen=True)
class OutcomeLine:
    """One outcome in the account; `style` names its colour."""

    code: str
    style: str
    wording: Wording
    rows: int
    share: str
    percent: float
    is_set_aside: bool


@dataclass(frozen=True)
class ReasonGroup:
    """The reasons of one outcome."""

    line: OutcomeLine
    reasons: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class ValueLine:
    """One time zone or state: `percent` of the largest, and how much of that is loaded."""

    value: str | None
    leads: int
    loaded: int
    percent: float
    loaded_percent: float


@dataclass(frozen=True)
class ValueTable:
    """Time zones or states: those that stand open, those folded away, and what is not listed."""

    name: str
    names: str
    shown: tuple[ValueLine, ...]
    folded: tuple[ValueLine, ...]
    unlisted: int
    unlisted_leads: int


@dataclass(frozen=True)
class Layout:
    """Where the columns of the picture stand, in user units."""

    name: str
    width: int
    middle: int
    right: int


_LAYOUTS: Final = (Layout("wide", 760, 270, 600), Layout("narrow", 340, 100, 192))
_TOP, _BODY, _THINNEST, _THIN, _SLOT, _GAP, _BAR = 52.0, 190.0, 3.0, 12.0, 38.0, 10.0, 8


@dataclass(frozen=True)
class Band:
    """Rows on their way from one column to the next."""

    style: str
    path: str
    is_thin: bool


@dataclass(frozen=True)
class Bar:
    """Rows at one place."""

    style: str
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Label:
    """Two lines of text beside a bar, or above one."""

    x: int
    y: float
    first: str
    second: str


@dataclass(frozen=True)
class Picture:
    """The way from rows to leads, drawn for one width of page."""

    layout: Layout
    height: float
    bands: tuple[Band, ...]
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    heads: tuple[Label, ...]


def write_page(path: Path, facts: dict[str, Any]) -> None:
    """Render `facts` (the content of report.json) to one self-contained HTML file; all text is escaped."""
    write_text(path, render_page(facts))


def render_page(facts: Mapping[str, Any]) -> str:
    """Return the page; `facts` may hold `plan` and `trouble` (code, message, next_step) beside what it always has."""
    lines = tell_outcomes(facts)
    return page_template().render(
        facts=facts,
        verdict=judge(facts),
        trouble=facts.get("trouble"),
        written=tell_moment(dt.datetime.fromisoformat(facts["finished_at"])),
        steps=next_steps(facts),
        particulars=tell_particulars(facts),
        lines=lines,
        sum_of_outcomes=sum(line.rows for line in lines),
        story=tell_way(facts["counts"]["rows_read"], lines),
        pictures=[draw_way(facts["counts"]["rows_read"], lines, layout) for layout in _LAYOUTS],
        groups=group_reasons(facts["reasons"], lines),
        places=(
            tell_values("time zone", "time zones", facts["time_zones"]),
            tell_values("state", "states", facts["states"]),
        ),
        was_sent=facts["requests"] > 0,
        answers=[(_ANSWERS.get(told["state"], Wording(told["state"], "")), told) for told in facts.get("delivery", ())],
        plan=tell_plan(facts),
        files=(*_FILES, _FIRST_REQUEST) if facts["status"] == "planned" and facts["batches"] else _FILES,
    )


@cache
def page_template() -> Template:
    """Return the page's template; compiling it takes longer than using it."""
    environment = Environment(
        loader=PackageLoader("connectors.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": tell_number, "counted": tell_count}
    return environment.get_template("report.html.j2")


def judge(facts: Mapping[str, Any]) -> Verdict:
    """Return the verdict on the run; books that do not balance outweigh everything else."""
    status = str(facts["status"])
    verdict = VERDICTS.get(status, Verdict(status.capitalize(), "quiet", ""))
    if facts["balanced"]:
        return verdict
    return Verdict(verdict.name, "bad", "The books do not balance: some row has no outcome, or more than one.")


def tell_number(number: int) -> str:
    """Write a number with thousands separators."""
    return f"{number:,}"


def tell_count(number: int, one: str, several: str | None = None) -> str:
    """Write a number with its noun: `1 row`, `2 rows`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def tell_share(part: int, whole: int) -> str:
    """Write a share so that only nothing reads as 0% and only everything as 100%."""
    if part in {0, whole} or not whole:
        return "100%" if part else "0%"
    share = 100 * part / whole
    if share < 0.1:  # noqa: PLR2004 - what the last digit shown can still tell from nothing
        return "<0.1%"
    return ">99.9%" if share > 99.9 else f"{share:.1f}%"  # noqa: PLR2004 - the same from above


def tell_percent(share: float) -> str:
    """Write a share of one as percent with the digits it needs beside a limit: `25.04%`, `0.075%`."""
    return f"{100 * share:.4g}%" if share >= 0.01 else f"{100 * share:.2g}%"  # noqa: PLR2004 - one percent


def tell_moment(moment: dt.datetime) -> str:
    """Write an aware time in UTC: `21 November 2026, 02:16:22 UTC`."""
    utc = moment.astimezone(dt.UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M:%S} UTC"


def tell_duration(seconds: float) -> str:
    """Write a duration in the two largest units that matter."""
    if seconds < 10:  # noqa: PLR2004 - below, tenths are worth saying
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def next_steps(facts: Mapping[str, Any]) -> list[Step]:
    """Return what is left to do, most pressing first."""
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
    elif counts[Outcome.UNRESOLVED] or counts[Outcome.NOT_SENT] or status in {"interrupted", "running"}:
        text = "Go on with this run; no lead is sent twice, whatever happened before."
        steps.append(Step(text, f"leadferry resume {facts['run_id']}"))
    mendable = sum(counts[outcome] for outcome in (Outcome.REJECTED, Outcome.REJECTED_BY_API))
    if mendable:
        what = "the row that was refused" if mendable == 1 else f"the {mendable:,} rows that were refused"
        steps.append(Step(f"Mend {what}: `rejects.csv` has each with its reason, and can be loaded again."))
    return steps


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


def tell_particulars(facts: Mapping[str, Any]) -> list[Fact]:
    """Return who, when, where to and how."""
    load = facts["load"]
    started, finished = (dt.datetime.fromisoformat(facts[key]) for key in ("started_at", "finished_at"))
    gate = f"up to {tell_percent(facts['max_reject_rate'])} of the rows may be rejected"
    return [
        Fact("Job", facts["job"]),
        Fact("Run", facts["run_id"]),
        Fact("Source", str(facts["source"])),
        _tell_campaign(facts),
        Fact("List", load["description"], f"list state {load['list_state']}" if "list_state" in load else ""),
        Fact("Dial priority", load["dial_priority"]),
        Fact("Duplicate handling", load["duplicate_handling"], _GLOSSES.get(load["duplicate_handling"], "")),
        Fact("Time zone option", load["time_zone_option"], _GLOSSES.get(load["time_zone_option"], "")),
        Fact("Quality gate", f"{tell_percent(facts['reject_rate'])} rejected", gate),
        Fact("Started", tell_moment(started), moment=facts["started_at"]),
        Fact("Finished", tell_moment(finished), _tell_span(started, finished), moment=facts["finished_at"]),
    ]


def _tell_span(started: dt.datetime, finished: dt.datetime) -> str:
    return f"after {tell_duration((finished - started).total_seconds())}"


def _tell_campaign(facts: Mapping[str, Any]) -> Fact:
    """Name the campaign as RingCX does, else as the job does."""
    met, load = facts["campaign"], facts["load"]
    if met:
        return Fact("Campaign", met["name"] or f"id {met['id']}", f"id {met['id']}" if met["name"] else "")
    return Fact("Campaign", load.get("campaign") or f"id {load['campaign_id']}", "as the job names it; not looked up")


def tell_outcomes(facts: Mapping[str, Any]) -> list[OutcomeLine]:
    """Return every outcome in the order of the page, zeros too."""
    counts, read = facts["counts"], facts["counts"]["rows_read"]
    own = {"checked": _READY, "planned": _READY, "gate": _HELD_BACK}.get(facts["status"])
    lines = []
    for outcome, wording in WORDINGS.items():
        is_ready = own is _READY and outcome is Outcome.NOT_SENT
        lines.append(
            OutcomeLine(
                code=outcome.value,
                style="ready" if is_ready else outcome.value.lower().replace("_", "-"),
                wording=own if own and outcome is Outcome.NOT_SENT else wording,
                rows=counts[outcome],
                share=tell_share(counts[outcome], read),
                percent=_percent(counts[outcome], read),
                is_set_aside=outcome in _SET_ASIDE,
            )
        )
    return lines


def _percent(part: int, whole: int) -> float:
    """Return a length in percent; what is not nothing stays visible."""
    return max(0.4, round(100 * part / whole, 2)) if part and whole else 0.0


def tell_way(read: int, lines: Sequence[OutcomeLine]) -> str:
    """Say in words what the picture shows."""
    aside, staged = _met(lines, is_set_aside=True), _met(lines, is_set_aside=False)
    parts = [f"Of {tell_count(read, 'row')} read, {_tell_total(staged)} staged"]
    parts += [f" ({_tell_each(staged)})"] if staged else []
    parts += [f" and {_tell_total(aside)} set aside before sending"]
    parts += [f" ({_tell_each(aside)})"] if aside else []
    return "".join([*parts, "."])


def _met(lines: Iterable[OutcomeLine], *, is_set_aside: bool) -> list[OutcomeLine]:
    return [line for line in lines if line.rows and line.is_set_aside is is_set_aside]


def _tell_total(lines: Iterable[OutcomeLine]) -> str:
    total = sum(line.rows for line in lines)
    return f"{total:,} {'was' if total == 1 else 'were'}"


def _tell_each(lines: Iterable[OutcomeLine]) -> str:
    return ", ".join(f"{line.wording.name.lower().replace('ringcx', 'RingCX')}: {line.rows:,}" for line in lines)


def draw_way(read: int, lines: Sequence[OutcomeLine], layout: Layout) -> Picture:
    """Draw rows read, rows staged and their outcomes as columns with bands between; thickness is the number of rows."""
    staged, aside = _met(lines, is_set_aside=False), _met(lines, is_set_aside=True)
    thickness = {line.code: max(_THINNEST, _BODY * line.rows / max(read, 1)) for line in (*staged, *aside)}
    bands: list[Band] = []
    bars = _draw_columns(staged, thickness, layout)
    labels: list[Label] = []
    left, slot_top = _TOP, _TOP
    for line in (*staged, *aside):
        thick = thickness[line.code]
        slot = max(thick, _SLOT)
        right = slot_top + (slot - thick) / 2
        begin = layout.middle if not line.is_set_aside else 0
        bands.append(Band(line.style, _band_path(begin + _BAR, left, layout.right, right, thick), thick < _THIN))
        bars.append(Bar(line.style, layout.right, round(right, 2), round(thick, 2)))
        labels.append(
            Label(
                layout.right + _BAR + 10,
                round(slot_top + slot / 2, 2),
                line.wording.name,
                f"{line.rows:,} · {line.share}",
            )
        )
        left += thick
        slot_top += slot + _GAP
    heads = [Label(0, 14, "Rows read", f"{read:,}")]
    heads += [Label(layout.middle, 14, "Staged", f"{sum(line.rows for line in staged):,}")] if staged else []
    return Picture(layout, max(left, slot_top), tuple(bands), tuple(bars), tuple(labels), tuple(heads))


def _draw_columns(staged: Sequence[OutcomeLine], thickness: Mapping[str, float], layout: Layout) -> list[Bar]:
    """Draw the column of rows read and that of rows staged, with what flows straight from one to the other."""
    middle = sum(thickness[line.code] for line in staged)
    bars = [Bar("read", 0, _TOP, round(sum(thickness.values()), 2))]
    if not staged:
        return bars
    return [*bars, Bar("flow", _BAR, _TOP, round(middle, 2)), Bar("staged", layout.middle, _TOP, round(middle, 2))]


def _band_path(x0: int, y0: float, x1: int, y1: float, thick: float) -> str:
    half = (x0 + x1) / 2
    over = f"M{x0} {y0:.2f}C{half:g} {y0:.2f} {half:g} {y1:.2f} {x1} {y1:.2f}"
    back = f"V{y1 + thick:.2f}C{half:g} {y1 + thick:.2f} {half:g} {y0 + thick:.2f} {x0} {y0 + thick:.2f}Z"
    return over + back


def group_reasons(reasons: Sequence[Mapping[str, Any]], lines: Sequence[OutcomeLine]) -> list[ReasonGroup]:
    """Put the reasons under their outcomes, both in the order they are given."""
    groups = []
    for line in lines:
        own = tuple(reason for reason in reasons if reason["outcome"] == line.code)
        groups += [ReasonGroup(line, own)] if own else []
    return groups


def tell_values(name: str, names: str, values: Sequence[Mapping[str, Any]]) -> ValueTable:
    """Make a table of `values` (value, leads, loaded; most leads first); the long tail is summed up."""
    largest = max((each["leads"] for each in values), default=0)
    lines = tuple(
        ValueLine(
            each["value"],
            each["leads"],
            each["loaded"],
            _percent(each["leads"], largest),
            _percent(each["loaded"], largest),
        )
        for each in values[:_MOST_VALUES]
    )
    # Folding one or two lines away would save nothing.
    shown = _SHOWN_VALUES if len(values) > _SHOWN_VALUES + 2 else len(lines)
    rest = values[_MOST_VALUES:]
    return ValueTable(name, names, lines[:shown], lines[shown:], len(rest), sum(each["leads"] for each in rest))


def tell_plan(facts: Mapping[str, Any]) -> str | None:
    """Say how long the throttle makes a planned delivery take, where the facts tell."""
    plan = facts.get("plan")
    if not plan:
        return None
    return (
        f"The first request would have {plan['first_request_bytes']:,} bytes. The throttle of RingCX lets these "
        f"requests take no less than {tell_duration(plan['shortest_seconds'])}."
    )

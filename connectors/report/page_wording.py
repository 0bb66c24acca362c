"""How the page says things: names and meanings of outcomes and states, numbers, shares, times."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from transforms.vocabulary.outcomes import Outcome


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


@dataclass(frozen=True)
class Drawn:
    """Something that charts show: its name, and the style that names its colour."""

    name: str
    style: str


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


def judge(facts: Mapping[str, Any]) -> Verdict:
    """Return the verdict on the run; books that do not balance outweigh everything else."""
    status = str(facts["status"])
    verdict = VERDICTS.get(status, Verdict(status.capitalize(), "quiet", ""))
    if not facts["balanced"]:
        return Verdict(verdict.name, "bad", "The books do not balance: some row has no outcome, or more than one.")
    if (facts.get("ringcx") or {}).get("differences"):
        tone = "bad" if verdict.tone == "good" else verdict.tone
        return Verdict(verdict.name, tone, "RingCX's books and ours differ: each difference stands below.")
    return verdict


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


def tell_rate(share: float) -> str:
    """Write a share of one as percent, short enough to be compared at a glance: `4.9%`, and `<0.1%` for very little."""
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%".replace(".0%", "%")  # noqa: PLR2004 - rounds to none


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


def tell_date(day: dt.date) -> str:
    """Write a day: `21 November 2026`."""
    return f"{day.day} {day:%B %Y}"


def tell_day(moment: dt.datetime) -> str:
    """Write the day of an aware time in UTC: `21 Nov 2026`."""
    utc = moment.astimezone(dt.UTC)
    return f"{utc.day} {utc:%b %Y}"


def tell_clock(moment: dt.datetime) -> str:
    """Write the time of day of an aware time in UTC: `02:16:22`."""
    return f"{moment.astimezone(dt.UTC):%H:%M:%S}"


def bar_length(part: int, whole: int) -> float:
    """Return a length in percent; what is not nothing stays visible."""
    return max(0.4, round(100 * part / whole, 2)) if part and whole else 0.0

"""The account: what became of the rows, as lines of a table and in words, and the reasons of each outcome."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.report.page_wording import WORDINGS, Wording, bar_length, tell_count, tell_share
from transforms.vocabulary.outcomes import Outcome

_SET_ASIDE: Final = frozenset({Outcome.UNCHANGED, Outcome.REJECTED, Outcome.DUPLICATE})

_READY: Final = Wording("Ready to load", "sound, staged, nothing sent")
_HELD_BACK: Final = Wording("Held back", "sound, but the gate stopped the run")


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
                percent=bar_length(counts[outcome], read),
                is_set_aside=outcome in _SET_ASIDE,
            )
        )
    return lines


def tell_way(read: int, lines: Sequence[OutcomeLine]) -> str:
    """Say in words what the picture shows."""
    aside, staged = lines_met(lines, is_set_aside=True), lines_met(lines, is_set_aside=False)
    parts = [f"Of {tell_count(read, 'row')} read, {_tell_total(staged)} staged"]
    parts += [f" ({_tell_each(staged)})"] if staged else []
    parts += [f" and {_tell_total(aside)} set aside before sending"]
    parts += [f" ({_tell_each(aside)})"] if aside else []
    return "".join([*parts, "."])


def lines_met(lines: Iterable[OutcomeLine], *, is_set_aside: bool) -> list[OutcomeLine]:
    """Return the lines that have rows, of those set aside before sending or of those staged."""
    return [line for line in lines if line.rows and line.is_set_aside is is_set_aside]


def _tell_total(lines: Iterable[OutcomeLine]) -> str:
    total = sum(line.rows for line in lines)
    return f"{total:,} {'was' if total == 1 else 'were'}"


def _tell_each(lines: Iterable[OutcomeLine]) -> str:
    return ", ".join(f"{line.wording.name.lower().replace('ringcx', 'RingCX')}: {line.rows:,}" for line in lines)


def group_reasons(reasons: Sequence[Mapping[str, Any]], lines: Sequence[OutcomeLine]) -> list[ReasonGroup]:
    """Put the reasons under their outcomes, both in the order they are given."""
    groups = []
    for line in lines:
        own = tuple(reason for reason in reasons if reason["outcome"] == line.code)
        groups += [ReasonGroup(line, own)] if own else []
    return groups

"""RingCX's side of the books: what it says it took and removed, what its searches show, and where that differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.report.page_wording import Wording

_SENT: Final = Wording("Sent", "leads of this run, however often")
_UNANSWERED: Final = Wording(
    "Without an answer", "leads of requests for which RingCX told no numbers; searches settled them"
)
_COUNTERS: Final = {
    "supplied": Wording("Supplied", "leads in the requests that RingCX answered"),
    "accepted": Wording("Accepted", "leads it took over for processing"),
    "inserted": Wording("Inserted", "leads it says it made"),
}
_REMOVALS: Final = {
    "duplicates": Wording("Removed as duplicates", "by the campaign's duplicate handling"),
    "do_not_call": Wording("Removed by do-not-call scrubbing", "their numbers are on a list"),
    "quota": Wording("Removed for a quota", "the account's or the campaign's"),
    "whitelist": Wording("Removed by the whitelist", "their numbers are on none"),
}
_REFUSED: Final = Wording("Rejected rows", "leads refused one by one")
_FOUND: Final = Wording("Found by search", "leads of this run that RingCX shows now")

_LEAD_STATES_SHOWN: Final = 40


@dataclass(frozen=True)
class BookLine:
    """One number of RingCX's books; None where its answers did not tell."""

    wording: Wording
    leads: int | None


@dataclass(frozen=True)
class Books:
    """RingCX's numbers, each difference between what they should be and are, and leads it removed as duplicates."""

    lines: tuple[BookLine, ...]
    differences: tuple[str, ...]
    duplicates: int


def tell_books(ringcx: Mapping[str, Any] | None) -> Books | None:
    """Return RingCX's side of the books; None where nothing was sent, or the facts are of before it was kept."""
    if not ringcx:
        return None
    removed = ringcx.get("removed") or {}
    lines = [BookLine(_SENT, ringcx["sent"])] if "sent" in ringcx else []
    lines += [BookLine(_UNANSWERED, ringcx["unanswered"])] if ringcx.get("unanswered") else []
    lines += [BookLine(wording, ringcx.get(key)) for key, wording in _COUNTERS.items()]
    # What never happens in most accounts is no line in their reports.
    lines += [BookLine(wording, removed.get(key)) for key, wording in _REMOVALS.items() if removed.get(key)]
    lines += [BookLine(_REFUSED, ringcx["rejected_rows"])] if ringcx.get("rejected_rows") else []
    lines += [BookLine(_FOUND, ringcx.get("found"))]
    return Books(
        tuple(lines), tuple(map(_tell_difference, ringcx.get("differences") or ())), removed.get("duplicates") or 0
    )


def _tell_difference(difference: Mapping[str, Any]) -> str:
    what, expected, found, size = (difference[key] for key in ("what", "expected", "found", "size"))
    later = " A later look may settle it." if difference.get("settles_later") else ""
    return f"{what[:1].upper()}{what[1:]}: expected {expected:,}, found {found:,}; {size:,} in all.{later}"


def tell_lead_states(states: Sequence[Mapping[str, Any]] | None) -> tuple[Mapping[str, Any], ...]:
    """Return the states in which RingCX has the loaded leads, most first, and no more than a table can show."""
    return tuple(states or ())[:_LEAD_STATES_SHOWN]

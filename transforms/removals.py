"""Explains the leads that RingCX's own rules took out of a load.

RingCX counts how many it removed and why, not which. What tells them apart is where a number was before: a lead was
removed as a duplicate only if the campaign has its number. Where counters and numbers leave room for two reasons,
neither is claimed.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from transforms.arrivals import plain_numbers
from transforms.vocabulary.masking import mask_numbers
from transforms.vocabulary.reasons import Reason

EVIDENCE_FIELDS: Final = ("loadedDts", "listDesc")
"""What a search by number must show beside the lead, to say since when and on which list it is."""

_REMOVED_AS: Final = {
    "duplicates": Reason.API_DUPLICATE,
    "do_not_call": Reason.API_DO_NOT_CALL,
    "quota": Reason.API_QUOTA,
    "whitelist": Reason.API_WHITELIST,
}
"""Counter of a load result, and what it says about the leads it counts."""

_CLOCKS_DIFFER: Final = dt.timedelta(minutes=10)
"""How much RingCX's clock may be ahead of ours."""

_LONGEST_NAME: Final = 60
_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})")

Explanation = tuple[Reason, str | None]


def removed_counts(counts: Mapping[str, int | None]) -> dict[str, int]:
    """Return the counters of removals that counted anything."""
    return {name: number for name in _REMOVED_AS if (number := counts.get(name) or 0) > 0}


def explain_removed(
    counts: Mapping[str, int | None], places: Sequence[int], known_numbers: Mapping[int, str], *, is_certain: bool
) -> dict[int, Explanation]:
    """Explain the leads at `places`, which were accepted, are not rejected by name and are not in RingCX.

    `is_certain` says that RingCX's own counters leave all of them out of what it inserted. `known_numbers` tells in
    words where the number of a lead was before.
    """
    removed = removed_counts(counts)
    counted = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in removed.items())
    words = f"RingCX counted: {counted}"
    if sum(removed.values()) >= len(places):
        return _tell_apart(removed, places, known_numbers, words)
    if not is_certain:
        return dict.fromkeys(places, (Reason.NOT_SEEN, None))
    if not removed:
        unexplained = "RingCX did not insert this lead and gave no reason"
        return dict.fromkeys(places, (Reason.API_REJECTED_ROW, unexplained))
    words += "; it did not insert this lead"
    return {place: (Reason.API_REMOVED, _with_evidence(place, known_numbers, words)) for place in places}


def _tell_apart(
    removed: Mapping[str, int], places: Sequence[int], known_numbers: Mapping[int, str], words: str
) -> dict[int, Explanation]:
    """Explain leads that counters of removals cover."""
    if len(removed) == 1:
        (counter,) = removed
        return {place: (_REMOVED_AS[counter], _told(counter, place, known_numbers, words)) for place in places}
    others = [name for name in removed if name != "duplicates"]
    known = [place for place in places if place in known_numbers]
    duplicates = removed.get("duplicates", 0)
    as_other = (
        (_REMOVED_AS[others[0]], _told(others[0], -1, {}, words)) if len(others) == 1 else (Reason.API_REMOVED, words)
    )
    # As many leads have their number in the campaign as RingCX counted duplicates, or more: those without are none.
    without = (
        as_other if duplicates and known and duplicates <= len(known) < len(places) else (Reason.API_REMOVED, words)
    )
    with_number = Reason.API_DUPLICATE if known and len(known) <= duplicates else Reason.API_REMOVED
    return {
        place: (with_number, _with_evidence(place, known_numbers, words)) if place in known_numbers else without
        for place in places
    }


def _told(counter: str, place: int, known_numbers: Mapping[int, str], words: str) -> str:
    if counter == "do_not_call":
        return f"it came back from do-not-call scrubbing ({words})"
    return _with_evidence(place, known_numbers, words) if counter == "duplicates" else words


def _with_evidence(place: int, known_numbers: Mapping[int, str], words: str) -> str:
    return f"{known_numbers[place]} ({words})" if place in known_numbers else words


def lead_numbers(leads: pl.DataFrame) -> list[list[str]]:
    """Return the numbers of each lead, digits alone."""
    forms = [name for name in ("leadPhone", "leadPhoneE164") if name in leads.columns]
    return leads.select(plain_numbers(pl.coalesce(forms)).fill_null([])).to_series().to_list()


def tell_known_numbers(
    wanted: Mapping[int, Iterable[str]],
    own_ids: Mapping[int, str],
    found: pl.DataFrame,
    answered_at: Mapping[int, dt.datetime],
) -> dict[int, str]:
    """Say of each lead where its number was when RingCX answered for it, by the oldest lead that has the number.

    `wanted` has the numbers of each lead, `own_ids` its external id; `found` is what a search by number showed, with
    `EVIDENCE_FIELDS`. A lead whose number was nowhere is left out.
    """
    holders: dict[str, dict[str, Any]] = {}
    numbered = found.sort("leadId").with_columns(plain_numbers(pl.col("leadPhone")).alias("numbers"))
    for row in numbered.iter_rows(named=True):
        row["since"] = _moment(row["loadedDts"])
        for number in row["numbers"]:
            holders.setdefault(number, row)
    told = {}
    for place, numbers in wanted.items():
        latest = answered_at[place] + _CLOCKS_DIFFER
        known = (holders[number] for number in numbers if number in holders)
        holder = next((each for each in known if each["since"] is None or each["since"] <= latest), None)
        if holder is not None:
            told[place] = _tell_holder(holder, own_ids[place])
    return told


def _tell_holder(holder: Mapping[str, Any], own_id: str) -> str:
    """Say on which list a number is, since when, and under which external id."""
    name = _printable(holder["listDesc"] or "")
    where = f"list {holder['listId']}" if holder["listId"] is not None else "a list"
    where += f' "{name}"' if name else ""
    when = f" since {holder['since'].astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if holder["since"] else ""
    other = _printable(holder["externId"])
    under = "this same externId" if holder["externId"] == own_id else f"externId {other}" if other else "no externId"
    return f"its number is on {where}{when} under {under}"


def _printable(text: str) -> str:
    """Return a server's text as one short line without a whole telephone number."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return mask_numbers(line[:_LONGEST_NAME].strip())


def _moment(text: str | None) -> dt.datetime | None:
    """Read RingCX's way of writing a time (`2020-05-26T07:00:00.000+0000`); None for any other."""
    met = _DATE.fullmatch(text or "")
    if met is None:
        return None
    try:
        return dt.datetime.fromisoformat(f"{met[1]}{met[2]}")
    except ValueError:
        return None

"""The peer of `leadferry check`: the same rules, one row after another, as a script with `phonenumbers` does it.

It prints how many rows a second it judges. A test holds its outcomes and Leadferry's equal. It writes no files, reads
no file that is not well-formed, and knows only the fields of the benchmark's job, so that the comparison flatters it.
"""

import csv
import datetime as dt
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from transforms.calling_hours import LAST_MINUTE, latest_safe_minute
from transforms.lead_rules import EXTERN_ID_LENGTH
from transforms.mojibake import MOJIBAKE
from transforms.phone_kinds import PhoneChoices
from transforms.phone_library import read_cell
from transforms.postal import REGION_NAMES, zip_table
from transforms.vocabulary.reasons import Reason
from transforms.zone_clocks import ZoneNaming, Zones, clock_of, ringcx_name, stretches_of
from transforms.zone_tables import area_code_zones, exchange_zones, state_zones

Row = dict[str, str]
Lead = dict[str, Any]

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\ufeff]+")
_ID_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_WORD: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL: Final = r"[^\W_]+(?:-+[^\W_]+)*"
_EMAIL: Final = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+[^\W\d_]{_LABEL}")
_AROUND_EMAIL: Final = re.compile(r"(?i)(?:<?mailto:|<)\s*([^<>]*[^<>\s])\s*>?")
_TEXTS: Final = ("first", "last", "street", "city", "a", "b")
_CODES: Final = REGION_NAMES | {code: code for code in REGION_NAMES.values()}

_PLAIN_ZIP: Final = re.compile(r"[0-9]{5}(-[0-9]{4})?|[A-Z][0-9][A-Z] [0-9][A-Z][0-9]")
_ZIP_PLUS_4: Final = re.compile(r"[0-9]{5}[- ]?[0-9]{4}")
_CANADIAN: Final = re.compile(
    "[A-CEGHJ-NPRSTVXY][0-9][A-CEGHJ-NPRSTV-Z][- ]?[0-9][A-CEGHJ-NPRSTV-Z][0-9]", re.ASCII | re.IGNORECASE
)
_DECIMAL_ZIP: Final = re.compile(r"[0-9]+\.0")
_SHORT_ZIP: Final = re.compile(r"([0-9]{3,4})(?:[- ]?([0-9]{4}))?")

_TAKEN: Final = {"zip": "the ZIP's", "number": "the number's", "state": "the state's"}

_POWER: Final = r"(?:[eE]|[xX\u00d7*]10\^)"
_SCIENTIFIC: Final = re.compile(
    rf"\s*\+?(?:[0-9]+(?:[.,][0-9]*)?{_POWER}\+[0-9]{{1,3}}|[0-9][.,][0-9]*{_POWER}[0-9]{{1,3}})\s*"
)
_DECIMAL: Final = re.compile(r"\s*[0-9]+\.0\s*")
_ROUNDED_PHONE: Final = re.compile(r"\s*\+?1?[2-9][0-9]{5}0000(?:\.0)?\s*")
_ROUNDED_LONG: Final = re.compile(r"\s*(?:[1-9][0-9]{5}0{6,}|[1-9][0-9]{14}0+)(?:\.0)?\s*")
_PHONE_SHAPE: Final = re.compile(r"\s*\+?1?[ .(-]*[2-9][0-9]{2}[ .)-]*[2-9][0-9]{2}[ .-]*[0-9]{4}\s*")
_ZIP_SHAPE: Final = re.compile(r"\s*[0-9]{5}(?:-[0-9]{4})?\s*")
_MOJIBAKE: Final = re.compile(MOJIBAKE)

_NUMBERS: Final = ("id", "phone", "zip", "a", "b")

_LOOKS: Final[dict[str, Callable[[str], object]]] = {
    "email": lambda cell: "@" in cell,
    "state": lambda cell: cell.strip().upper() in _CODES,
    "zip": _ZIP_SHAPE.fullmatch,
    "phone": _PHONE_SHAPE.fullmatch,
}
_STRANGERS: Final = {
    "zip": ("email", "state", "phone"),
    "state": ("email", "zip", "phone"),
    "email": ("zip", "phone"),
    "phone": ("email", "state"),
    **dict.fromkeys(("first", "last", "city"), ("email", "phone")),
}
"""Columns whose cells are known by their looks, and those in which such a cell does not belong."""


@dataclass
class Tables:
    """What the rules look up: places by ZIP code, zones by exchange, area code and state."""

    as_of: dt.date
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    exchanges: dict[str, Zones] = field(default_factory=dict)
    areas: dict[str, Zones] = field(default_factory=dict)
    states: dict[str, Zones] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the tables."""
        year = self.as_of.year
        rows = zip_table().select("zip", "zip_state", "zip_zone").iter_rows()
        self.places = {code: (state, zone) for code, state, zone in rows}
        self.exchanges = exchange_zones(year)
        self.areas = area_code_zones(year)
        self.states = state_zones(year)


@dataclass
class Judged:
    """One outcome for each row, and what shows in whole columns: cells by column and kind of damage."""

    outcomes: list[Lead] = field(default_factory=list)
    damage: Counter[tuple[str, str]] = field(default_factory=Counter)


def judge_rows(path: Path, rows: int, tables: Tables) -> Judged:
    """Judge the first `rows` rows of the benchmark's source."""
    judged = Judged()
    ids: dict[str, int] = {}
    numbers: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for place, row in enumerate(islice(csv.DictReader(file), rows)):
            judged.damage.update(find_damage(row, tables))
            lead = judge_row(row, tables)
            lead["source_row"] = place
            lead["outcome"] = "NOT_SENT" if lead["reason"] is None else "REJECTED"
            lead["detail"] = lead["note"]
            if lead["reason"] is None:
                _set_aside(lead, ids, numbers)
            judged.outcomes.append(lead)
    return judged


def _set_aside(lead: Lead, ids: dict[str, int], numbers: dict[str, int]) -> None:
    """Settle whether a row before this one has its id or one of its numbers; if none has, they are its own."""
    mine = lead["leadPhone"].split("|")
    if lead["externId"] in ids:
        reason, kept = Reason.EXTERN_ID_REPEATED, ids[lead["externId"]]
    elif any(number in numbers for number in mine):
        reason, kept = Reason.PHONE_REPEATED, min(numbers[number] for number in mine if number in numbers)
    else:
        ids[lead["externId"]] = lead["source_row"]
        numbers.update(dict.fromkeys(mine, lead["source_row"]))
        return
    lead |= {"outcome": "DUPLICATE", "reason": reason.value, "detail": f"source_row {kept} is kept"}


def judge_row(row: Row, tables: Tables) -> Lead:
    """Return the lead of a row, with the reason why it is refused or None, and a note on what was mended."""
    lead: Lead = {name: clean(row[name]) for name in _TEXTS}
    finding = read_cell(row["phone"].strip(" \t\r\n'\"`\u2018\u2019"), PhoneChoices())
    notes = list(finding.notes)
    lead["externId"] = row["id"].strip() or None
    lead["leadPhone"] = finding.phone
    lead["email"] = clean(row["email"])
    if lead["email"] is not None and not _EMAIL.fullmatch(lead["email"]):
        inside = _AROUND_EMAIL.fullmatch(lead["email"])
        lead["email"] = inside[1] if inside and _EMAIL.fullmatch(inside[1]) else None
        mended = "email: what stood around the address left out"
        notes.append(mended if lead["email"] else "email left out: not an address")
    state = clean(row["state"])
    lead["state"] = _CODES.get(state.upper(), state) if state else None
    lead["zip"], told = clean_zip(clean(row["zip"]), lead["state"], tables)
    notes += told
    settled, told = settle_zone(
        tables.places.get((lead["zip"] or "")[:5], ("", None))[1] if _is_american(lead["zip"]) else None,
        tuple(
            tables.exchanges[number[:6]] if number[:6] in tables.exchanges else tables.areas.get(number[:3], ())
            for number in (finding.phone or "").split("|")
        ),
        tables.states.get(lead["state"] or "", ()),
        tables.as_of,
    )
    lead |= settled
    notes += told
    lead["note"] = "; ".join(notes) or None
    lead["reason"] = _find_fault(lead, finding.reason)
    return lead


def _is_american(code: str | None) -> bool:
    return code is not None and (len(code) == 5 or len(code) == 10)  # noqa: PLR2004 - a ZIP or a ZIP+4


def _find_fault(lead: Lead, phone_reason: str | None) -> str | None:
    """Return the first rule that the lead breaks."""
    rules = (
        (lead["externId"] is not None, Reason.EXTERN_ID_MISSING),
        (len(lead["externId"] or "") <= EXTERN_ID_LENGTH, Reason.EXTERN_ID_TOO_LONG),
        (not _ID_CONTROL.search(lead["externId"] or ""), Reason.EXTERN_ID_CONTROL_CHARACTERS),
        (phone_reason is None, phone_reason),
        (lead["time_zone"] is not None or not lead["time_zone_conflict"], Reason.TIME_ZONE_CONFLICT),
        (lead["time_zone"] is None or lead["leadTimezone"] is not None, Reason.TIME_ZONE_NOT_NAMED),
        (lead["leadTimezone"] is not None, Reason.TIME_ZONE_UNKNOWN),
    )
    return next((str(reason) for holds, reason in rules if not holds), None)


def clean(cell: str) -> str | None:
    """Return text in one normal form, without controls, trimmed; None for nothing."""
    return _CONTROLS.sub(" ", unicodedata.normalize("NFC", cell)).strip() or None


def clean_zip(code: str | None, state: str | None, tables: Tables) -> tuple[str | None, list[str]]:
    """Return a postal code in its usual form, a lost zero put back where the state proves it, and notes."""
    if code is None or _PLAIN_ZIP.fullmatch(code):
        return code, []
    if _DECIMAL_ZIP.fullmatch(code):
        code = code.removesuffix(".0")
    if _ZIP_PLUS_4.fullmatch(code):
        code = f"{code[:5]}-{code[-4:]}"
    elif _CANADIAN.fullmatch(code):
        code = f"{code[:3]} {code[-3:]}".upper()
    elif (short := _SHORT_ZIP.fullmatch(code)) and state is not None and _state_of(short, tables) == state:
        mended = short[1].zfill(5) + (f"-{short[2]}" if short[2] else "")
        return mended, ["ZIP: leading zero put back, proved by the state"]
    known = _PLAIN_ZIP.fullmatch(code) is not None
    return code, [] if known else ["ZIP: not a 5-digit, ZIP+4 or Canadian code, sent as it is"]


def _state_of(short_zip: re.Match[str], tables: Tables) -> str:
    return tables.places.get(short_zip[1].zfill(5), ("",))[0]


@cache
def settle_zone(
    zip_zone: str | None, numbers: tuple[Zones, ...], state: Zones, as_of: dt.date
) -> tuple[Lead, list[str]]:
    """Return what each source says, the zone of a lead, whose word it is, which others disagree and RingCX's name for
    it, and notes.

    Where clocks differ, the zone is taken in which calls from 8:00 on are too early nowhere else.
    """
    year = as_of.year
    said = [("zip", (zip_zone,) if zip_zone else ()), *(("number", zones) for zones in numbers), ("state", state)]
    evidence = [(source, zones[0]) for source, zones in said if len(zones) == 1]
    lead = {f"{source}_zone": next((zone for name, zone in evidence if name == source), None) for source in _TAKEN}
    lead |= dict.fromkeys(("time_zone", "time_zone_source", "other_zones", "leadTimezone"))
    if not evidence:
        return lead | {"time_zone_conflict": False}, []
    clocks = {clock_of(zone, year) for _, zone in evidence}
    for source, zones in said:
        if len(zones) > 1 and clocks.isdisjoint(clock_of(zone, year) for zone in zones):
            evidence += [(source, zone) for zone in zones]
    (source, zone), notes = evidence[0], []
    lead["time_zone_conflict"] = len({clock_of(zone, year) for _, zone in evidence}) > 1
    if lead["time_zone_conflict"]:
        every = [stretches_of(zone, year) for _, zone in evidence]
        limits = [latest_safe_minute(clock, every) or 0 for clock in every]
        latest = max(limits)
        if not latest:
            return lead | {"other_zones": "|".join(dict.fromkeys(zone for _, zone in evidence))}, []
        source, zone = evidence[limits.index(latest)]
        others = dict.fromkeys(other for _, other in evidence if clock_of(other, year) != clock_of(zone, year))
        lead["other_zones"] = "|".join(others)
        late = f" (calls after {latest // 60}:{latest % 60:02} there are past 21:00 elsewhere)"
        why = "as 8:00 there is too early nowhere else" + (late if latest < LAST_MINUTE else "")
        notes = [f"time zone in dispute: {_TAKEN[source]} is taken, {why}"]
    lead |= {"time_zone": zone, "time_zone_source": source, "leadTimezone": ringcx_name(zone, ZoneNaming(as_of))}
    return lead, notes


def find_damage(row: Row, tables: Tables) -> list[tuple[str, str]]:
    """Return what a row shows of damage to whole columns: column and kind; and that a column has a value."""
    found = [(name, "value") for name, cell in row.items() if cell.strip()]
    for name in _NUMBERS:
        if _SCIENTIFIC.fullmatch(row[name]):
            found.append((name, "scientific notation"))
        if _DECIMAL.fullmatch(row[name]):
            found.append((name, "decimal point"))
    if _ROUNDED_PHONE.fullmatch(row["phone"]):
        found.append(("phone", "rounded digits"))
    found += [(name, "rounded digits") for name in ("id", "a", "b") if _ROUNDED_LONG.fullmatch(row[name])]
    short = _SHORT_ZIP.fullmatch(row["zip"].strip().removesuffix(".0"))
    if short and _state_of(short, tables) == row["state"].strip().upper():
        found.append(("zip", "lost zeros"))
    found += [(name, "mojibake") for name in (*_TEXTS, "state", "email") if _is_mojibake(row[name])]
    return found + _find_shifted(row)


def _is_mojibake(cell: str) -> bool:
    return not cell.isascii() and _MOJIBAKE.search(cell) is not None


def _find_shifted(row: Row) -> list[tuple[str, str]]:
    """Return the columns whose cell looks like that of a column which lacks it in this row."""
    missing = {name for name, fits in _LOOKS.items() if not fits(row[name])}
    if not missing:
        return []
    return [
        (name, "shifted")
        for name, homes in _STRANGERS.items()
        if any(home in missing and _LOOKS[home](row[name]) for home in homes)
    ]


if __name__ == "__main__":
    wanted, chosen = int(sys.argv[2]), Tables(dt.date(2026, 1, 15))
    begun = time.perf_counter()
    judge_rows(Path(sys.argv[1]), wanted, chosen)
    print(wanted / (time.perf_counter() - begun))

"""The peer of `leadferry check`: the same rules, one row after another, as a script with `phonenumbers` does it.

It prints how many rows a second it judges. It is less careful than Leadferry (no notes, no damage, a simpler split),
so that the comparison flatters it.
"""

import csv
import datetime as dt
import re
import sys
import time
import unicodedata
from itertools import islice
from pathlib import Path
from typing import Any, Final

import phonenumbers
from phonenumbers import NumberParseException
from phonenumbers import timezone as number_zones

from transforms.postal import REGION_NAMES, zip_table
from transforms.time_zones import zone_info

_SEPARATORS: Final = re.compile(r"[/;,|\n]| or ")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\ufeff]+")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
_ZIP: Final = re.compile(r"[0-9]{5}(-[0-9]{4})?")
_AS_OF, _NOON = dt.date(2026, 1, 15), dt.time(12)
_TEXTS: Final = ("first", "last", "street", "city", "email", "a", "b")


def judge_rows(path: Path, rows: int) -> float:
    """Judge the first `rows` rows of the benchmark's source and return the seconds that took."""
    places = {row[0]: (row[1], row[2]) for row in zip_table().select("zip", "zip_state", "zip_zone").iter_rows()}
    begun = time.perf_counter()
    seen_ids: set[str] = set()
    seen_numbers: set[str] = set()
    leads, refused = [], []
    with path.open(newline="", encoding="utf-8") as file:
        for row in islice(csv.DictReader(file), rows):
            lead = _judge(row, places)
            fault = lead.get("fault")
            if fault is None and lead["id"] in seen_ids:
                fault = "EXTERN_ID_REPEATED"
            if fault is None and lead["phone"] in seen_numbers:
                fault = "PHONE_REPEATED"
            if fault is not None:
                refused.append((row, fault))
                continue
            seen_ids.add(lead["id"])
            seen_numbers.add(lead["phone"])
            leads.append(lead)
    return time.perf_counter() - begun


def _judge(row: dict[str, str], places: dict[str, tuple[str, str]]) -> dict[str, Any]:
    lead: dict[str, Any] = {name: _clean(row[name]) for name in _TEXTS}
    lead["id"] = _clean(row["id"])
    if not lead["id"]:
        return {"fault": "EXTERN_ID_MISSING"}
    numbers = [number for cell in _SEPARATORS.split(row["phone"]) if (number := _read_number(cell)) is not None]
    if not numbers:
        return {"fault": "PHONE_NOT_VALID"}
    lead["phone"] = "|".join(dict.fromkeys(phonenumbers.national_significant_number(number) for number in numbers))
    lead["toll_free"] = phonenumbers.number_type(numbers[0]) == phonenumbers.PhoneNumberType.TOLL_FREE
    state = _clean(row["state"]).upper()
    lead["state"] = REGION_NAMES.get(state, state)
    zip_code = _clean(row["zip"])
    padded = zip_code.zfill(5)
    if not _ZIP.fullmatch(zip_code) and padded in places and places[padded][0] == lead["state"]:
        zip_code = padded
    lead["zip"] = zip_code
    zones = number_zones.time_zones_for_number(numbers[0])
    by_zip = places.get(zip_code[:5], ("", ""))[1]
    lead["time_zone"] = by_zip or (zones[0] if len(zones) == 1 else "")
    if not lead["time_zone"]:
        return {"fault": "TIME_ZONE_UNKNOWN"}
    lead["conflict"] = bool(by_zip) and by_zip not in zones
    lead["leadTimezone"] = dt.datetime.combine(_AS_OF, _NOON, zone_info(lead["time_zone"])).tzname()
    if not _EMAIL.fullmatch(lead["email"]):
        lead["email"] = ""
    return lead


def _read_number(cell: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(cell, "US")
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _clean(cell: str) -> str:
    return _CONTROLS.sub(" ", unicodedata.normalize("NFC", cell)).strip()


if __name__ == "__main__":
    wanted = int(sys.argv[2])
    print(wanted / judge_rows(Path(sys.argv[1]), wanted))

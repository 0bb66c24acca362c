"""The time zone names the dialer knows, and a coarse guess of a lead's zone.

The guess is a stand-in for RingCX's own tables: enough that leads loaded by phone or zip carry some zone
and can be searched by it. Nothing should be concluded from which one.
"""

from typing import Final

TIMEZONE_NAMES: Final = frozenset(
    [
        "ADT", "AKDT", "AKST", "AST", "CDT", "CST", "EDT", "EST", "HADT", "HAST",
        "MDT", "MST", "NDT", "NST", "PDT", "PMDT", "PMST", "PST", "WSDT", "WSST",
    ]
)  # fmt: skip

_BY_FIRST_DIGIT_OF_ZIP: Final = {
    "0": "EST", "1": "EST", "2": "EST", "3": "EST", "4": "EST",
    "5": "CST", "6": "CST", "7": "CST", "8": "MST", "9": "PST",
}  # fmt: skip
_BY_AREA_CODE: Final = {
    "205": "CST", "214": "CST", "312": "CST", "713": "CST",
    "303": "MST", "505": "MST", "602": "MST", "801": "MST",
    "206": "PST", "213": "PST", "415": "PST", "503": "PST", "702": "PST",
    "808": "HAST", "907": "AKST",
}  # fmt: skip


def guess_by_zip(zip_code: str) -> str:
    """Guess the zone of a US zip code from its first digit."""
    return _BY_FIRST_DIGIT_OF_ZIP[zip_code[0]]


def guess_by_phone(phone: str) -> str:
    """Guess the zone of a ten-digit US number from its area code; the unlisted ones are eastern."""
    return _BY_AREA_CODE.get(phone[:3], "EST")

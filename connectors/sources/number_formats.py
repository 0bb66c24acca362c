"""What a spreadsheet shows for a stored number: dates are numbers there, and so is a ZIP code that shows its zeros.

Only what changes which value a person reads is followed: dates, times, and masks of digits such as `00000` or
`(000) 000-0000`. Thousands, decimals, currencies and percentages are ways to show a value: it is told plain, as 0.25
for 25%.
"""

import datetime as dt
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Final

BUILT_IN: Final[dict[int, str]] = {
    14: "yyyy-mm-dd",
    **dict.fromkeys((15, 16, 17), "d-mmm-yy"),
    **dict.fromkeys((18, 19, 20, 21), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35), "h:mm:ss"),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
}
"""Formats that a file names by number alone and that show dates or times; those of other numbers show plain values."""

_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED: Final = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_CONDITION: Final = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
_MASK: Final = re.compile(r'(?:"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|[0#()+ /:-])*')
_MASK_PART: Final = re.compile(r'"([^"]*)"|\\(.)|[_*].|\[[^\]]*\]|(.)')
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}

_LAST_DAY: Final = 2_958_466
"""The serial number after 9999-12-31."""

_LEAP_DAY_THAT_WAS_NONE: Final = 60
_SECONDS: Final = 86_400
_DIGITS_SHOWN: Final = 15
"""Significant digits that spreadsheets keep: what stands behind them is an artefact of binary fractions."""


def show_number(stored: str, code: str, *, since_1904: bool = False) -> str:
    """Return the text of the number `stored` (as the file has it) under the format `code`.

    `since_1904`: the workbook counts its days from 1904. Raises ValueError where `stored` is no number.
    """
    kind = _kind_of(code) if code else None
    if kind is not None:
        shown = kind.show(float(stored), since_1904=since_1904)
        if shown is not None:
            return shown
    plain = _plain(stored)
    return _masked(plain, code) if code and plain.isdigit() else plain


def _plain(stored: str) -> str:
    """Return a number without exponent, and whole ones without a point."""
    if stored.isdigit():
        return stored
    shown = f"{Decimal(f'{float(stored):.{_DIGITS_SHOWN}g}'):f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) if shown != "-0" else "0"


class _Moment:
    """A format that shows a date, a time of day, both, or the time that has passed."""

    def __init__(self, *, date: bool, time: bool, elapsed: bool, fractions: bool) -> None:
        self._date, self._time, self._elapsed, self._fractions = date, time, elapsed, fractions

    def show(self, serial: float, *, since_1904: bool) -> str | None:
        """Return the text in ISO 8601, with a blank for the T; None for what is no date."""
        if self._elapsed:
            return _clock(serial, fractions=self._fractions)
        if not 0 <= serial < _LAST_DAY:
            return None
        days, clock = divmod(serial, 1)
        if self._time:  # close to midnight, the seconds shown may be those of the next day
            unit = 1000 if self._fractions else 1
            whole = round(clock * _SECONDS * unit) / unit
            days, clock = (days + 1, 0.0) if whole >= _SECONDS else (days, whole / _SECONDS)
        shown = _clock(clock, fractions=self._fractions)
        if not self._date:
            return shown
        date = _date(int(days), since_1904=since_1904)
        return f"{date} {shown}" if self._time else date


def _date(days: int, *, since_1904: bool) -> str:
    if since_1904:
        return (dt.date(1904, 1, 1) + dt.timedelta(days=days)).isoformat()
    if days == _LEAP_DAY_THAT_WAS_NONE:
        return "1900-02-29"  # it never was, but spreadsheets show it
    start = dt.date(1899, 12, 31) if days < _LEAP_DAY_THAT_WAS_NONE else dt.date(1899, 12, 30)
    return (start + dt.timedelta(days=days)).isoformat()


def _clock(days: float, *, fractions: bool) -> str:
    thousandths = round(abs(days) * _SECONDS * 1000)
    seconds, rest = divmod(thousandths, 1000)
    if not fractions:
        seconds, rest = round(thousandths / 1000), 0
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if days < 0 else ""
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}" + (f".{rest:03}" if rest else "")


@lru_cache(maxsize=1024)
def _kind_of(code: str) -> _Moment | None:
    """Return how `code` shows moments; None for a format of plain numbers."""
    first = _LITERAL.sub("", code).split(";")[0]
    elapsed = _ELAPSED.search(first) is not None
    letters = _BRACKETS.sub("", first).lower()
    if letters.strip() == "general" and not elapsed:
        return None
    letters = letters.replace("am/pm", "h").replace("a/p", "h")
    date = any(letter in letters for letter in "yd")
    time = any(letter in letters for letter in "hs")
    if not (date or time or elapsed or "m" in letters):
        return None
    return _Moment(date=date or not time, time=time, elapsed=elapsed, fractions=".0" in letters)


def _masked(digits: str, code: str) -> str:
    """Return whole digits in the mask that `code` has for them; as they are where it has none."""
    section = _section_for(int(digits), code)
    if not _MASK.fullmatch(section):
        return digits
    parts = [(quoted or escaped or "", char or "") for quoted, escaped, char in _MASK_PART.findall(section)]
    places = sum(char in {"0", "#"} for _, char in parts)
    if places < 2:  # noqa: PLR2004 - one place is a plain number
        return digits
    return "".join(_fill(parts, digits, places))


def _fill(parts: list[tuple[str, str]], digits: str, places: int) -> list[str]:
    """Put digits into their places from the right; what is too long stands in the first place."""
    padded = digits.rjust(places)
    surplus = len(padded) - places
    place = count(surplus)
    shown = []
    for literal, char in parts:
        if char not in {"0", "#"}:
            shown.append(literal or char)
            continue
        at = next(place)
        digit = padded[: at + 1] if at == surplus else padded[at]
        shown.append(digit if digit != " " else "0" * (char == "0"))
    return shown


def _section_for(number: int, code: str) -> str:
    """Return the section of a format that shows `number`, which is not negative."""
    sections = code.split(";")
    for section in sections:
        condition = _CONDITION.search(section)
        if condition and _COMPARE[condition[1]](number, float(condition[2])):
            return section
    plain = [section for section in sections if not _CONDITION.search(section)]
    if not plain:
        return ""
    zero = 2
    if number == 0 and len(sections) > zero and plain == sections:
        return sections[zero]
    return plain[0]

"""Asks `phonenumbers` itself what a cell of a telephone column holds: slow, and the measure of every expression.

The verdict on a text is the library's (`parse` with region US, then `is_valid_number`), but for these:
punctuation that the library doesn't know counts as a space; a float's `.0` goes; `00` counts as `+`; scientific
notation is written out where it lost no digit and refused otherwise; seven digits are refused even where the
library knows them (310-xxxx in Canada); and several numbers in a cell are judged one by one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber

from transforms.phone_kinds import PhoneChoices, judge_kind
from transforms.phone_plans import NATIONAL_LENGTH, is_nanp
from transforms.vocabulary.reasons import Reason

LOCAL_LENGTH: Final = 7

FLOAT: Final = r"^(\+?[0-9]{7,})[.,]0+$"
"""A whole number written as a float; with six digits before it, `.0000` is the end of the number itself."""

REFUSALS: Final = (
    (r"^$", Reason.PHONE_MISSING),
    (r"^1?[0-9]{7}$", Reason.PHONE_NO_AREA_CODE),
    (r"^[0-9]{1,9}$", Reason.PHONE_TOO_SHORT),
    (r"^1?[0-9]{10}$", Reason.PHONE_NOT_VALID),
    (r"^[0-9]+$", Reason.PHONE_TOO_LONG),
)
"""The first pattern that the digits of a refused number match names the reason, here and in the library's lane."""

NEAREST: Final = (
    Reason.PHONE_TOLL_FREE,
    Reason.PHONE_PERSONAL_NUMBER,
    Reason.PHONE_PREMIUM_RATE,
    Reason.PHONE_NOT_US,
    Reason.PHONE_NOT_NANP,
    Reason.PHONE_NOT_VALID,
    Reason.PHONE_NO_AREA_CODE,
    Reason.PHONE_ROUNDED,
    Reason.PHONE_TOO_LONG,
    Reason.PHONE_TOO_SHORT,
    Reason.PHONE_MISSING,
)
"""Of several numbers that all fail, the reason of the one nearest to a number speaks for the cell."""

NOTE_DECIMALS: Final = "decimal zeros left out"
NOTE_WRITTEN_OUT: Final = "scientific notation written out, no digit was lost"
NOTE_LETTERS: Final = "letters read as telephone keys"
NOTE_JOINED: Final = "separated groups of digits read as one number"
NOTE_EXTENSION: Final = "extension set aside"

_SEPARATORS: Final = re.compile(
    r"\s*(?:[\r\n\v\f|&]+|[/;,]+(?!\s*(?:e?xt|x|#))|\b(?:or|and)\b|(?<=\d)\W*(?=\+))\s*", re.IGNORECASE
)
"""What parts numbers; a `/`, `;` or `,` that leads to an extension doesn't."""

_FOREIGN_PUNCTUATION: Final = re.compile(r"(?<!;ext)=|[^\w+#~=/;,|&\r\n\v\f]|_", re.IGNORECASE)
"""What can't matter in a number whether the library knows it or not; what parts numbers stays."""

_SECOND_NUMBER: Final = re.compile(r"[,;][\s:.,;-]*[0-9]{7,}#?\W*$")
"""Seven digits and more after a bare `,` or `;`: to the library an extension, to us a number of its own."""

_SCIENTIFIC: Final = re.compile(
    r"\+?(?:(?P<whole>[0-9])[.,]|(?P<units>[0-9]+)(?=[^+]*\+)[.,]?)"
    r"(?P<fraction>[0-9]*)(?:e|[x\u00d7*]10\^)\+?(?P<exponent>[0-9]{1,3})",
    re.IGNORECASE,
)
"""`4.15E+09`, `4.15e9`, `415E+07`, `4.15x10^9`; but not `4155552E671`, where the E is a telephone key."""


@dataclass(frozen=True)
class Finding:
    """What one number, or one cell, came to: a phone or a reason."""

    phone: str | None = None
    reason: Reason | None = None
    extension: str | None = None
    notes: tuple[str, ...] = ()


def read_cell(text: str, choices: PhoneChoices) -> Finding:
    """Return what a tidy text holds, one number or several, after the job's choices."""
    return _combine([_choose(finding, choices) for finding in _read_numbers(text)])


def read_e164(text: str, region: str) -> tuple[str | None, str | None]:
    """Return the number of a tidy text in E.164 form, or the reason why there is none; neither for empty text."""
    if not text:
        return None, None
    mended, _ = _mend(text, zeros_abroad=is_nanp(region))
    if mended is None:
        return None, Reason.PHONE_ROUNDED
    number = _parse(mended, region)
    if number is None or not phonenumbers.is_valid_number(number):
        return None, Reason.PHONE_E164_NOT_VALID
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None


def _read_numbers(text: str) -> list[Finding]:
    """Return the findings of the one number, or of the several, that a text holds."""
    whole = _read_number(text)
    settled = whole.phone is not None or whole.reason in {Reason.PHONE_NOT_NANP, Reason.PHONE_ROUNDED}
    if settled and not _SECOND_NUMBER.search(text):
        return [whole]
    parts = [part for part in _SEPARATORS.split(text) if _digits_of(part)]
    if len(parts) < 2:  # noqa: PLR2004 - one part is the whole
        return [whole]
    wordless = not re.search(r"[^\W\d_]", text)
    if wordless and all(len(_digits_of(part)) < LOCAL_LENGTH for part in parts):  # as in `501, 205, 0011`
        joined = _read_number(" ".join(parts))
        return [replace(joined, notes=(*joined.notes, NOTE_JOINED)) if joined.phone else joined]
    return [_read_number(part) for part in parts]


def _choose(finding: Finding, choices: PhoneChoices) -> Finding:
    """Return the finding of one number after the job's choices."""
    if finding.phone is None:
        return finding
    reason, note = judge_kind(finding.phone, choices)
    if reason is not None:
        return Finding(reason=reason)
    return replace(finding, notes=(*finding.notes, note)) if note else finding


def _combine(findings: Sequence[Finding]) -> Finding:
    """Return the finding of a cell from those of its numbers."""
    good = [finding for finding in findings if finding.phone is not None]
    refused = [finding.reason for finding in findings if finding.reason is not None]
    if not good:
        return Finding(reason=min(refused, key=NEAREST.index))
    extensions: dict[str, str] = {}
    for finding in good:
        phone = finding.phone or ""
        extensions[phone] = extensions.get(phone) or finding.extension or ""
    notes = [note for finding in good for note in finding.notes]
    if refused:
        notes.append(f"{len(refused)} of {len(findings)} numbers left out: {', '.join(dict.fromkeys(refused))}")
    if len(good) > len(extensions):
        notes.append(f"{len(good) - len(extensions)} of {len(findings)} numbers left out: a repeat")
    extension = "|".join(extensions.values()) if any(extensions.values()) else None
    return Finding("|".join(extensions), None, extension, tuple(dict.fromkeys(notes)))


def _read_number(text: str) -> Finding:
    """Return what the library makes of the text as one number, mended first."""
    mended, notes = _mend(text)
    if mended is None:
        return Finding(reason=Reason.PHONE_ROUNDED)
    number = _parse(mended)
    if number is None:
        return Finding(reason=_refuse(_digits_of(mended)))
    national = phonenumbers.national_significant_number(number)
    valid = phonenumbers.is_valid_number(number)
    if number.country_code != 1:
        return Finding(reason=Reason.PHONE_NOT_NANP if valid else Reason.PHONE_NOT_VALID)
    if not valid or len(national) != NATIONAL_LENGTH:
        return Finding(reason=_refuse(national))
    if national not in _digits_of(mended) and "phone-context" not in mended:
        notes = (*notes, NOTE_LETTERS)
    if number.extension:
        notes = (*notes, NOTE_EXTENSION)
    return Finding(national, None, number.extension or None, notes)


def _mend(text: str, *, zeros_abroad: bool = True) -> tuple[str | None, tuple[str, ...]]:
    """Return the text as the library can read it, with notes; None where digits are lost.

    `zeros_abroad` makes `00` a `+`: where numbers don't begin so, it is Europe's way to write one.
    """
    text = text.strip(" \t\r\n'\"`")
    scientific = _SCIENTIFIC.fullmatch(re.sub(r"\s", "", text))
    if scientific is not None:
        return _write_out(scientific), (NOTE_WRITTEN_OUT,)
    whole = re.sub(FLOAT, r"\1", text)
    if whole != text:
        return whole, (NOTE_DECIMALS,)
    if not zeros_abroad:
        return text, ()
    return re.sub(r"^[^0-9A-Za-z+]*0[^0-9A-Za-z+]*0(?=[^0-9A-Za-z+]*[1-9])", "+", text), ()


def _write_out(scientific: re.Match[str]) -> str | None:
    """Return all digits of a number in scientific notation; None where fewer were written than it has."""
    units = scientific["whole"] or scientific["units"]
    fraction, exponent = scientific["fraction"], int(scientific["exponent"])
    if exponent > len(fraction) or fraction[exponent:].strip("0"):
        return None
    return units + fraction[:exponent]


def _parse(text: str, region: str = "US") -> PhoneNumber | None:
    """Return the library's reading, without the punctuation it doesn't know where that is what stopped it."""
    for attempt in (text, _FOREIGN_PUNCTUATION.sub(" ", text)):
        try:
            return phonenumbers.parse(attempt, region)
        except NumberParseException:
            continue
    return None


def _refuse(digits: str) -> Reason:
    """Return why a number that isn't valid was refused."""
    return next(reason for pattern, reason in REFUSALS if re.match(pattern, digits))


def _digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)

"""Asks `phonenumbers` itself what a cell of a telephone column holds: slow, and the measure of every expression.

The verdict on a text is the library's (`parse` with region US, then `is_valid_number`), but for these:
punctuation that the library doesn't know counts as a space, and so does a `#` at the end; a float's `.0` goes; `00`
counts as `+`; scientific notation is written out where it lost no digit and refused otherwise; seven digits are
refused even where the library knows them (310-xxxx in Canada); several numbers in a cell are judged one by one; and an
extension belongs to the whole number before it, whatever separates them.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber

from transforms.phone_kinds import PhoneChoices, judge_kind
from transforms.phone_plans import NATIONAL_LENGTH, is_nanp
from transforms.vocabulary.reasons import Reason

LOCAL_LENGTH: Final = 7

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

_BREAK: Final = re.compile(
    r"[\r\n\v\f|&]+|[;,]+(?!\s*(?:e?xt|x|#))|(?<![^\W\d_])(?:or|and)(?![^\W\d_])|(?<=\d)\W*(?=\+)",
    re.IGNORECASE,
)
_SLASHES: Final = (
    re.compile(r"(?<=\s)/+(?=\s)(?!\s*(?:e?xt|x|#))", re.IGNORECASE),
    re.compile(r"/+(?!\s*(?:e?xt|x|#))", re.IGNORECASE),
)
"""What parts numbers; a `/`, `;` or `,` that leads to an extension doesn't. A slash may also stand within a number,
and does so the sooner the closer it stands: each of these parts only what isn't one number as it is."""

_LED_EXTENSION: Final = re.compile(
    r"(?<=[0-9])(?!;ext=)[\s)\]\"'.]{0,9}[/\\;,|&\r\n\v\f][\s/\\;,|&(\[\"']{0,9}"
    r"(?=(?:e?xt(?:ension|n)?|x|#)[ .:=#-]{0,3}[0-9]{1,9}(?!\w|[ .-]*[0-9]))",
    re.IGNORECASE,
)
_LONGEST_NUMBER: Final = 40
_WHOLE_NUMBER: Final = re.compile(r"(?:[0-9](?:[^\w#~;,|&\r\n]|_)*){10}\Z")
"""A separator between a whole number and its extension: to the library a `;` spoils the number, and what follows `/x`,
other numbers too, is nothing. Before `/x13` in `x12/x13` there is no number."""

_EXTENSION_END: Final = re.compile(r"(?:x|t|#)[ .:=#-]{0,3}[0-9]{1,9}\Z", re.IGNORECASE)

_AREA_SLASH: Final = re.compile(
    r"(?<![0-9])(?<![0-9][ .-])(\(?(?:\+[1-9][0-9]{0,2}[ -]?(?:\(0\))?[1-9]|0)[0-9]{1,4}\)?)/(?=[0-9])"
)
"""The beginning of a number as Germany and Austria write it: `0221/`, `+49 221/`."""

_FOREIGN_PUNCTUATION: Final = re.compile(r"(?<!;ext)=|[^\w+#~=/;,|&\r\n\v\f]|_", re.IGNORECASE)
"""What can't matter in a number whether the library knows it or not; what parts numbers stays."""

_SECOND_NUMBER: Final = re.compile(r"[,;](?:[^\w+#~,;]|_)*[0-9]{7,}#?(?:\W|_)*$")
"""Seven digits and more after a bare `,` or `;`: to the library an extension, to us a number of its own."""

_DROPPED: Final = re.compile(r"[/\\] *x")
_LOCAL_NUMBER: Final = re.compile(r"(?:[0-9][^0-9A-Za-z]*){7}")

_ENDINGS: Final = string.punctuation + string.whitespace

_TAIL: Final = r"[^0-9]*(?:(?:xt?n?|xtension|int|[#~])[^0-9A-Za-z]{0,9}[0-9]{1,20}[^0-9A-Za-z]*)?"
"""What may follow a number that a spreadsheet wrote: words, punctuation, an extension, but no second number."""

_FLOAT: Final = re.compile(rf"^([^0-9+]*(?:\+?1\W+)?\+?[0-9]{{7,}})[.,]0+(?={_TAIL}\Z)", re.IGNORECASE)
"""A whole number written as a float; with six digits before it, `.0000` is the end of the number itself."""

_GROUPED_FLOAT: Final = re.compile(r"[^0-9+]*(1?[2-9]([ ,.'])[0-9]{3}(?:\2[0-9]{3}){2})(?!\2)[.,]0{1,3}[^0-9A-Za-z]*")
"""Such a number with its thousands set apart, as `4,155,552,671.00`."""

_POWER: Final = r"(?:e|[x\u00d7*]10\^)"
_SCIENTIFIC: Final = re.compile(
    rf"[^0-9+]*\+?(?:(?P<whole>[0-9])[.,](?P<part>[0-9]*){_POWER}\+?|(?P<units>[0-9]+)(?:[.,](?P<rest>[0-9]*))?{_POWER}\+)"
    rf"(?P<exponent>[0-9]{{1,3}})(?P<tail>{_TAIL})",
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
    return _combine([_choose(finding, choices) for finding in _read_numbers(_lead_to_extensions(text))])


def read_e164(text: str, region: str, known: Mapping[str, str]) -> Finding:
    """Return the first valid number of a tidy text, in E.164 form, or a reason; neither where there is no digit.

    `known` has that form of some of the text's parts, as `part_numbers` returns them, for which nobody is asked again.
    """
    text = _lead_to_extensions(text)
    parts = part_numbers(text)
    if not parts:
        return Finding()
    findings = [_read_e164_number(part, region, known) for part in parts]
    if len(parts) == 1:
        return findings[0]
    findings = _refuse_pieces(parts, findings, region)
    # A country's numbers may be so long that two of them are valid as one.
    long = (each for part, each in zip(parts, findings, strict=True) if len(_digits_of(part)) >= LOCAL_LENGTH)
    if sum(each.phone is not None for each in long) < 2:  # noqa: PLR2004 - two are several
        whole = _read_e164_number(text, region, known)
        if whole.reason is Reason.PHONE_ROUNDED or (whole.phone is not None and not _SECOND_NUMBER.search(text)):
            return whole
    return _take_first(findings)


def part_numbers(text: str) -> list[str]:
    """Return what stands between the separators of a tidy text and has a digit; a slash after an area code is none."""
    *_, any_slash = _SLASHES
    text = _AREA_SLASH.sub(r"\1-", _lead_to_extensions(text))
    pieces = chain.from_iterable(map(any_slash.split, _BREAK.split(text)))
    return [piece.strip() for piece in pieces if _digits_of(piece)]


def _lead_to_extensions(text: str) -> str:
    """Return the text with a blank for what separates a whole number from its extension.

    A second extension, or one of what is no whole number, is parted where the library would refuse both.
    """

    def lead(found: re.Match[str]) -> str:
        begin, end = max(0, found.start() - _LONGEST_NUMBER), found.start()
        if _WHOLE_NUMBER.search(text, begin, end):
            return " "
        spoils = ";" in found[0] or ("," in found[0] and _EXTENSION_END.search(text, begin, end))
        return "|" if spoils else found[0]

    return _LED_EXTENSION.sub(lead, text)


def _read_e164_number(text: str, region: str, known: Mapping[str, str]) -> Finding:
    """Return what the library makes of the text as one number of any country, mended first."""
    if text in known:
        return Finding(known[text])
    mended, notes = _mend(text, zeros_abroad=is_nanp(region))
    if mended is None:
        return Finding(reason=Reason.PHONE_ROUNDED)
    number = _parse(mended, region)
    if number is None or not phonenumbers.is_valid_number(number):
        return Finding(reason=Reason.PHONE_E164_NOT_VALID)
    if number.extension:
        notes = (*notes, NOTE_EXTENSION)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Finding(e164, None, number.extension or None, notes)


def _refuse_pieces(parts: Sequence[str], findings: Sequence[Finding], region: str) -> list[Finding]:
    """Return the findings of a text's parts without those that may be the second piece of one number.

    Of `0221/9876543` the end alone is a number of another German town. In the NANP no piece is a number.
    """
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True)
    in_full = re.compile(rf"\W*(?:\+|00{'' if trunk is None else f'|{trunk}'})")
    believed = list(findings)
    for place, (before, part) in enumerate(pairwise(parts), start=1):
        is_end = len(_digits_of(before)) < LOCAL_LENGTH and not in_full.match(part)
        if is_end and believed[place].phone is not None and not is_nanp(region):
            believed[place] = Finding(reason=Reason.PHONE_E164_NOT_VALID)
    return believed


def _take_first(findings: Sequence[Finding]) -> Finding:
    """Return the first good finding of a text's numbers, which says what else there was."""
    good = [finding for finding in findings if finding.phone is not None]
    refused = [finding.reason for finding in findings if finding.reason is not None]
    if not good:
        rounded = Reason.PHONE_ROUNDED in refused
        return Finding(reason=Reason.PHONE_ROUNDED if rounded else Reason.PHONE_E164_NOT_VALID)
    same = [finding for finding in good if finding.phone == good[0].phone]
    extension = next((finding.extension for finding in same if finding.extension), None)
    left_out = {
        ", ".join(dict.fromkeys(refused)): len(refused),
        "a repeat": len(same) - 1,
        "only one is sent": len(good) - len(same),
    }
    notes = [note for finding in same for note in finding.notes]
    notes += [f"{count} of {len(findings)} numbers left out: {why}" for why, count in left_out.items() if count]
    return replace(good[0], extension=extension, notes=tuple(dict.fromkeys(notes)))


def _read_numbers(text: str) -> list[Finding]:
    """Return the findings of the one number, or of the several, that a text holds."""
    whole = _read_number(text)
    if _is_settled(whole) and not _SECOND_NUMBER.search(text) and not _drops_number(text):
        return [whole]
    parts = _part(text)
    if len(parts) == 1 and whole.phone is None:  # beside it are words only, as in `4155552671; none`
        return [_read_number(parts[0])]
    if len(parts) < 2:  # noqa: PLR2004 - one part is the whole
        return [whole]
    wordless = not re.search(r"[^\W\d_]", text)
    if wordless and all(len(_digits_of(part)) < LOCAL_LENGTH for part in parts):  # as in `501, 205, 0011`
        joined = _read_number(" ".join(parts))
        return [replace(joined, notes=(*joined.notes, NOTE_JOINED)) if joined.phone else joined]
    return [_read_number(part) for part in parts]


def _drops_number(text: str) -> bool:
    """Tell whether there may be another number in what the library drops: all that follows `/x`."""
    _, *dropped = _DROPPED.split(text, maxsplit=1)
    return any(_LOCAL_NUMBER.search(part) for part in dropped)


def _is_settled(finding: Finding) -> bool:
    """Tell whether a text that was read as one number is one."""
    return finding.phone is not None or finding.reason in {Reason.PHONE_NOT_NANP, Reason.PHONE_ROUNDED}


def _part(text: str) -> list[str]:
    """Return the texts of the several numbers of a text, as far as they hold digits."""
    parts = _BREAK.split(text)
    for slash in _SLASHES:
        split = [
            slash.split(part)
            if slash.search(part) and (_drops_number(part) or not _is_settled(_read_number(part)))
            else [part]
            for part in parts
        ]
        parts = list(chain.from_iterable(split))
    return [part.strip() for part in parts if _digits_of(part)]


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
    # To the library the last digits before a `#` are an extension, whatever is left for the number.
    unended = mended.rstrip(_ENDINGS)
    if "#" in mended[len(unended) :] and (number is None or len(_national(number)) < LOCAL_LENGTH):
        mended, number = unended, _parse(unended)
    if number is None:
        return Finding(reason=_refuse(_digits_of(mended)))
    national = _national(number)
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


def _national(number: PhoneNumber) -> str:
    return phonenumbers.national_significant_number(number)


def _mend(text: str, *, zeros_abroad: bool = True) -> tuple[str | None, tuple[str, ...]]:
    """Return the text as the library can read it, with notes; None where digits are lost.

    `zeros_abroad` makes `00` a `+`: where numbers don't begin so, it is Europe's way to write one.
    """
    text = text.strip(" \t\r\n'\"`")
    # A line break parts numbers.
    scientific = _SCIENTIFIC.fullmatch(re.sub(r"[ \t]", "", text))
    if scientific is not None:
        return _write_out(scientific), (NOTE_WRITTEN_OUT,)
    whole = _FLOAT.sub(r"\1", text)
    if whole != text:
        return whole, (NOTE_DECIMALS,)
    if not zeros_abroad:
        return text, ()
    grouped = _GROUPED_FLOAT.fullmatch(text)
    if grouped is not None:
        return _digits_of(grouped[1]), (NOTE_DECIMALS,)
    return re.sub(r"^[^0-9A-Za-z+]*0[^0-9A-Za-z+]*0(?=[^0-9A-Za-z+]*[1-9])", "+", text), ()


def _write_out(scientific: re.Match[str]) -> str | None:
    """Return all digits of a number in scientific notation, and its tail; None where fewer were written than it has."""
    units = scientific["whole"] or scientific["units"]
    fraction, exponent = scientific["part"] or scientific["rest"] or "", int(scientific["exponent"])
    if exponent > len(fraction) or fraction[exponent:].strip("0"):
        return None
    return units + fraction[:exponent] + scientific["tail"]


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

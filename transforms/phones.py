"""Finds the dialable numbers in a cell of a telephone column, or the reason why there is none.

`phonenumbers` (Google's libphonenumber) decides what is valid, but it reads some ten thousand texts a second.
So its knowledge of the North American Numbering Plan is compiled into one regular expression, and a column
passes three lanes: expressions accept the usual forms; expressions over the rest set foreign characters straight
and refuse what can't be a number; the library itself reads what remains, once for each different text.

The verdict on a text is the library's (`parse` with region US, then `is_valid_number`), but for these:
punctuation that the library doesn't know counts as a space; a float's `.0` goes; `00` counts as `+`; scientific
notation is written out where it lost no digit and refused otherwise; seven digits are refused even where the
library knows them (310-xxxx in Canada); and several numbers in a cell are judged one by one.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import phonenumbers
import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, PhoneNumber

from transforms.vocabulary.reasons import Reason

_VERDICT: Final = ("phone", "reason", "extension", "note")
_NATIONAL_LENGTH: Final = 10
_LOCAL_LENGTH: Final = 7

_KINDS: Final = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
"""What makes a number of known type, and so valid, in `phonenumberutil._number_type_helper`."""

_PUNCTUATION: Final = list(" \t!\"$%'()*-.:<=>?@[\\]_`{}")
"""ASCII punctuation that means nothing inside a number; the rest may part numbers, or begin an extension or power."""

_NANP_PREFIX: Final = r"(?:\+1{1,2}|(?:00|011)1{1,2}|1{0,3})"
"""What may stand before a national number; the library forgives a trunk `1` that is repeated."""

_ABROAD: Final = r"^(?:\+[02-9]|(?:00|011)[2-9])"
"""An international prefix without country code 1: only the library knows the other countries, and `+011`."""

_FLOAT: Final = r"^(\+?[0-9]{7,})[.,]0+$"
"""A whole number written as a float; with six digits before it, `.0000` is the end of the number itself."""

_LONGEST: Final = 250
"""The library reads no longer text."""

_REFUSALS: Final = (
    (r"^$", Reason.PHONE_MISSING),
    (r"^1?[0-9]{7}$", Reason.PHONE_NO_AREA_CODE),
    (r"^[0-9]{1,9}$", Reason.PHONE_TOO_SHORT),
    (r"^1?[0-9]{10}$", Reason.PHONE_NOT_VALID),
    (r"^[0-9]+$", Reason.PHONE_TOO_LONG),
)
"""The first pattern that the digits of a refused number match names the reason, here and in the library's lane."""

_NEAREST: Final = (
    Reason.PHONE_NOT_NANP,
    Reason.PHONE_NOT_VALID,
    Reason.PHONE_NO_AREA_CODE,
    Reason.PHONE_ROUNDED,
    Reason.PHONE_TOO_LONG,
    Reason.PHONE_TOO_SHORT,
    Reason.PHONE_MISSING,
)
"""Of several numbers that all fail, the reason of the one nearest to a number speaks for the cell."""

_NOTE_DECIMALS: Final = "decimal zeros left out"
_NOTE_WRITTEN_OUT: Final = "scientific notation written out, no digit was lost"
_NOTE_LETTERS: Final = "letters read as telephone keys"
_NOTE_JOINED: Final = "separated groups of digits read as one number"
_NOTE_EXTENSION: Final = "extension set aside"

_SEPARATORS: Final = re.compile(
    r"\s*(?:[\r\n\v\f|&]+|[/;,]+(?!\s*(?:e?xt|x|#))|\b(?:or|and)\b|(?<=\d)\W*(?=\+))\s*", re.IGNORECASE
)
"""What parts numbers; a `/`, `;` or `,` that leads to an extension doesn't."""

_PARTED: Final = r"[\r\n|/;,]+|(?i:\bor\b)"
"""The plainest of these separators, for the expressions, which accept only where every part is valid."""

_EXTENDED: Final = r"^([0-9 ().+-]+?) *(?i:,? *(?:ext(?:\.|ension)?|x)|#|;ext=)[ :.]*([0-9]{1,9})$"
"""A number and its extension in the commonest forms, a small part of what the library reads the same way."""

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
class _Finding:
    """What one number, or one cell, came to: a phone or a reason."""

    phone: str | None = None
    reason: Reason | None = None
    extension: str | None = None
    notes: tuple[str, ...] = ()


def judge_phones(texts: pl.Series) -> pl.DataFrame:
    """Return one row for each text, in order: `phone`, `reason`, `extension` and `note`, all text or null.

    `phone` holds the valid NANP national numbers, 10 digits each, joined with `|` in the order found and without
    repeats; `reason` a code where there is none; `extension` those of the phones, joined alike where there are
    several; `note` what was set aside or mended although a phone came of it, never a digit of a number.
    """
    left = texts.cast(pl.String).rename("text").to_frame().with_row_index("row")
    decided = []
    for lane in (_accept_usual, _accept_tidied, _accept_composed, _refuse_numberless, _ask_library):
        judged = lane(left)
        done = pl.any_horizontal(pl.col("phone", "reason").is_not_null())
        decided.append(judged.filter(done).drop("text"))
        left = judged.filter(~done)
        if left.is_empty():
            break
    frame = decided[0] if len(decided) == 1 else pl.concat(decided).sort("row")
    return frame.select(_VERDICT)


def judge_e164(texts: pl.Series, region: str = "US") -> pl.DataFrame:
    """Return one row for each text, in order: `e164` (`+`, country code, number) and `reason`, each text or null.

    Any country; `region` is that of numbers written without a country code. Blank text gives two nulls.
    """
    different = texts.cast(pl.String).rename("text").unique().drop_nulls()
    tidy = different.to_frame().select(_tidy(pl.col("text"))).to_series()
    found = [_read_e164(text, region) for text in tidy]
    table = pl.DataFrame(
        {"text": different, "e164": [e164 for e164, _ in found], "reason": [reason for _, reason in found]},
        schema={"text": pl.String, "e164": pl.String, "reason": pl.String},
    )
    cells = texts.cast(pl.String).rename("text").to_frame()
    return cells.join(table, on="text", how="left", maintain_order="left").drop("text")


def decide_phones(numbers: pl.Expr) -> pl.Expr:
    """Return the one valid number, 10 digits, of texts in the usual forms; null says nothing about a text."""
    usual = (numbers.str.len_bytes() <= _LONGEST) & ~numbers.str.contains(r"[0-9]{7}\.0+[^0-9]*$")
    return pl.when(usual).then(_accept(_drop_punctuation(numbers, [*_PUNCTUATION, "/"])))


@cache
def nanp_pattern() -> str:
    """Return the regular expression, without anchors, of every 10-digit number valid under country code 1.

    `is_valid_number` asks the regions one after another, each only for numbers under its own leading digits. The
    union of their patterns is the same set as long as no pattern reaches under another region's leading digits;
    the tests hold the two equal for the installed metadata.
    """
    regions = [PhoneMetadata.metadata_for_region(region) for region in COUNTRY_CODE_TO_REGION_CODE[1]]
    kinds = [getattr(region, kind) for region in regions for kind in _KINDS]
    patterns = [kind.national_number_pattern for kind in kinds if kind and _NATIONAL_LENGTH in kind.possible_length]
    # Rust's `\d` is every script's digits, which makes a far larger automaton.
    return "(?:" + "|".join(dict.fromkeys(patterns)).replace(r"\d", "[0-9]") + ")"


def _accept_usual(left: pl.DataFrame) -> pl.DataFrame:
    """Give the rows with column `text` a verdict: the phone of texts in the usual forms, else nulls."""
    nothing = [pl.lit(None, pl.String).alias(name) for name in _VERDICT[1:]]
    phone = decide_phones(pl.col("text")).alias("phone")
    return left.lazy().with_columns(phone, *nothing).collect(engine="streaming")


def _accept_tidied(left: pl.DataFrame) -> pl.DataFrame:
    """Do as `_accept_usual` for tidied and mended text; `text` becomes the tidy text."""
    mended = pl.col("text").str.replace(_FLOAT, "${1}")
    digits = _drop_punctuation(mended, [*_PUNCTUATION, "/"])
    phone = pl.when(pl.col("text").str.len_bytes() <= _LONGEST).then(_accept(digits))
    note = pl.when(pl.col("phone").is_not_null() & (mended != pl.col("text"))).then(pl.lit(_NOTE_DECIMALS))
    tidied = left.lazy().with_columns(_tidy(pl.col("text"))).with_columns(phone=phone)
    return tidied.with_columns(note=note).collect(engine="streaming")


def _accept_composed(left: pl.DataFrame) -> pl.DataFrame:
    """Do as `_accept_usual` for one number with an extension, and for several that are all valid and different."""
    text = pl.col("text")
    numbers = text.str.replace_all(_PARTED, "|").str.split("|").list.eval(decide_phones(pl.element()))
    different = (numbers.list.len() > 1) & (numbers.list.n_unique() == numbers.list.len())
    several = pl.when(different).then(numbers.list.join("|", ignore_nulls=False))
    extended = decide_phones(text.str.extract(_EXTENDED, 1))
    note = pl.when(extended.is_not_null()).then(pl.lit(_NOTE_EXTENSION))
    extension = pl.when(extended.is_not_null()).then(text.str.extract(_EXTENDED, 2))
    composed = [pl.coalesce(extended, several).alias("phone"), extension.alias("extension"), note.alias("note")]
    return left.lazy().with_columns(composed).collect(engine="streaming")


def _refuse_numberless(left: pl.DataFrame) -> pl.DataFrame:
    """Give the reason where nothing in the text could make it one valid number, or several."""
    digits = _drop_punctuation(pl.col("text").str.replace(_FLOAT, "${1}"), _PUNCTUATION)
    plain = digits.str.contains(r"^\+?[0-9]*$") & ~digits.str.contains(_ABROAD)
    bare = pl.when(plain).then(digits.str.replace(r"^(?:(?:\+|00|011)1|\+)", ""))
    refusals = [pl.when(bare.str.contains(pattern)).then(pl.lit(reason.value)) for pattern, reason in _REFUSALS]
    missing = pl.col("text").is_null() | ~pl.col("text").str.contains(r"[0-9]")
    reason = pl.when(missing).then(pl.lit(Reason.PHONE_MISSING.value)).otherwise(pl.coalesce(refusals))
    return left.lazy().with_columns(reason=reason).collect(engine="streaming")


def _ask_library(left: pl.DataFrame) -> pl.DataFrame:
    """Give every row the library's verdict, asked for once for each different text."""
    texts = left["text"].unique()
    findings = [_read_cell(text) for text in texts]
    table = pl.DataFrame(
        {
            "text": texts,
            "phone": [finding.phone for finding in findings],
            "reason": [finding.reason for finding in findings],
            "extension": [finding.extension for finding in findings],
            "note": ["; ".join(finding.notes) or None for finding in findings],
        },
        schema=dict.fromkeys(["text", *_VERDICT], pl.String),
    )
    return left.select("row", "text").join(table, on="text", how="left")


def _drop_punctuation(text: pl.Expr, characters: Sequence[str]) -> pl.Expr:
    return text.str.replace_many(characters, [""] * len(characters))


def _accept(digits: pl.Expr) -> pl.Expr:
    """Return the national number where the digits, `+` before them or not, are exactly one valid number."""
    valid = digits.str.contains(f"^{_NANP_PREFIX}{nanp_pattern()}$")
    national = digits.str.tail(_NATIONAL_LENGTH)
    return pl.when(valid).then(national)


@cache
def _straight_characters() -> dict[str, str]:
    """Return what stands for each character beyond ASCII that a keyboard could have written as ASCII."""
    straight = {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()}
    kinds = {"Cf": "", "Me": "", "Zs": " ", "Pd": "-", "Zl": "\n", "Zp": "\n"}
    for code in range(0x80, 0x20000):
        character = chr(code)
        kind = unicodedata.category(character)
        if kind == "Nd":
            straight[character] = str(unicodedata.decimal(character))
        elif kind in kinds:
            straight[character] = kinds[kind]
    # The library's own punctuation: unseen characters, minus, the katakana long mark and two tildes.
    known = dict.fromkeys("\xad\u200b\u2060\u2053\u223c", " ") | dict.fromkeys("\u2212\u30fc", "-")
    # U+FE0F only styles a digit; U+0085 ends a line.
    return straight | known | {"\ufe0f": "", "\x85": "\n", "\u3001": ","}


def _tidy(text: pl.Expr) -> pl.Expr:
    """Return the text with plain digits and punctuation, without the unseen, trimmed."""
    table = _straight_characters()
    beyond_ascii = text.str.len_bytes() != text.str.len_chars()
    straight = pl.when(beyond_ascii).then(text).str.replace_many(list(table), list(table.values()))
    return pl.coalesce(straight, text).str.strip_chars(" \t\r\n'\"`\u2018\u2019")


def _read_cell(text: str) -> _Finding:
    """Return what a cell holds that the expressions left undecided: one number, or several."""
    whole = _read_number(text)
    settled = whole.phone is not None or whole.reason in {Reason.PHONE_NOT_NANP, Reason.PHONE_ROUNDED}
    if settled and not _SECOND_NUMBER.search(text):
        return whole
    parts = [part for part in _SEPARATORS.split(text) if _digits_of(part)]
    if len(parts) < 2:  # noqa: PLR2004 - one part is the whole
        return whole
    wordless = not re.search(r"[^\W\d_]", text)
    if wordless and all(len(_digits_of(part)) < _LOCAL_LENGTH for part in parts):  # as in `501, 205, 0011`
        joined = _read_number(" ".join(parts))
        return replace(joined, notes=(*joined.notes, _NOTE_JOINED)) if joined.phone else joined
    return _combine([_read_number(part) for part in parts])


def _combine(findings: Sequence[_Finding]) -> _Finding:
    """Return the finding of a cell from those of its numbers."""
    good = [finding for finding in findings if finding.phone is not None]
    refused = [finding.reason for finding in findings if finding.reason is not None]
    if not good:
        return _Finding(reason=min(refused, key=_NEAREST.index))
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
    return _Finding("|".join(extensions), None, extension, tuple(dict.fromkeys(notes)))


def _read_number(text: str) -> _Finding:
    """Return what the library makes of the text as one number, mended first."""
    mended, notes = _mend(text)
    if mended is None:
        return _Finding(reason=Reason.PHONE_ROUNDED)
    number = _parse(mended)
    if number is None:
        return _Finding(reason=_refuse(_digits_of(mended)))
    national = phonenumbers.national_significant_number(number)
    valid = phonenumbers.is_valid_number(number)
    if number.country_code != 1:
        return _Finding(reason=Reason.PHONE_NOT_NANP if valid else Reason.PHONE_NOT_VALID)
    if not valid or len(national) != _NATIONAL_LENGTH:
        return _Finding(reason=_refuse(national))
    if national not in _digits_of(mended) and "phone-context" not in mended:
        notes = (*notes, _NOTE_LETTERS)
    if number.extension:
        notes = (*notes, _NOTE_EXTENSION)
    return _Finding(national, None, number.extension or None, notes)


def _mend(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the text as the library can read it, with notes; None where digits are lost."""
    text = text.strip(" \t\r\n'\"`")
    scientific = _SCIENTIFIC.fullmatch(re.sub(r"\s", "", text))
    if scientific is not None:
        return _write_out(scientific), (_NOTE_WRITTEN_OUT,)
    whole = re.sub(_FLOAT, r"\1", text)
    if whole != text:
        return whole, (_NOTE_DECIMALS,)
    return re.sub(r"^[^0-9A-Za-z+]*0[^0-9A-Za-z+]*0(?=[^0-9A-Za-z+]*[1-9])", "+", text), ()


def _write_out(scientific: re.Match[str]) -> str | None:
    """Return all digits of a number in scientific notation; None where fewer were written than it has."""
    units = scientific["whole"] or scientific["units"]
    fraction, exponent = scientific["fraction"], int(scientific["exponent"])
    if exponent > len(fraction) or fraction[exponent:].strip("0"):
        return None
    return units + fraction[:exponent]


def _parse(text: str) -> PhoneNumber | None:
    """Return the library's reading, without the punctuation it doesn't know where that is what stopped it."""
    for attempt in (text, _FOREIGN_PUNCTUATION.sub(" ", text)):
        try:
            return phonenumbers.parse(attempt, "US")
        except NumberParseException:
            continue
    return None


def _refuse(digits: str) -> Reason:
    """Return why a number that isn't valid was refused."""
    return next(reason for pattern, reason in _REFUSALS if re.match(pattern, digits))


def _digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _read_e164(text: str, region: str) -> tuple[str | None, str | None]:
    """Return the number in E.164 form, or the reason why there is none; neither for empty text."""
    if not text:
        return None, None
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None, Reason.PHONE_E164_NOT_VALID
    if not phonenumbers.is_valid_number(number):
        return None, Reason.PHONE_E164_NOT_VALID
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None

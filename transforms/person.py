"""Whom somebody asks about, by number or external id, and how their rows are known among others, whoever wrote them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import phonenumbers
import polars as pl
import polars.selectors as cs
from phonenumbers import NumberParseException, PhoneNumber, ValidationResult

from transforms.text import UNSEEN

_GAP: Final = "[^0-9]{0,3}"
"""What may stand between two digits of a number: blanks, dashes, dots, brackets."""

_BLANKS: Final = f" \t\r\n\u00a0{UNSEEN}"


@dataclass(frozen=True)
class Person:
    """An external id, the pattern of a number in any writing, or both; never shown."""

    extern_id: str | None = field(default=None, repr=False)
    number: str | None = field(default=None, repr=False)

    @property
    def mention(self) -> str | None:
        """The pattern of the words in which another row's outcome names the id: where its number was before."""
        return None if self.extern_id is None else rf"externId {re.escape(self.extern_id)}( \(|$)"

    @property
    def is_nobody(self) -> bool:
        """Whether there is nothing to know a row by."""
        return self.extern_id is None and self.number is None


def read_person(text: str, region: str, *, by_number: bool = True, by_id: bool = True) -> Person:
    """Return whom `text` means: a number as it is written in `region` (ISO 3166) or with a country code, or an id.

    A text that could be either is taken for both, unless `by_number` or `by_id` rules one out.
    """
    bare = text.strip(_BLANKS)
    number = _parse(bare, region) if by_number else None
    return Person(
        extern_id=unicodedata.normalize("NFC", bare) if by_id and bare else None,
        number=None if number is None else _pattern_of(number, region),
    )


def _parse(text: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    # Seven digits are possible as a local number: whose it is, depends on where.
    is_whole = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return number if is_whole else None


def _pattern_of(number: PhoneNumber, region: str) -> str:
    """Return the regular expression of a number's writings: with its country code, and bare where that is at home."""
    country = str(number.country_code)
    abroad = f"(?:00|011|[+])?{_GAP}{_spaced(country)}{_GAP}"
    if country != "1":
        abroad += f"(?:[(]?0[)]?{_GAP})?"
    at_home = phonenumbers.country_code_for_region(region) == number.country_code
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    home = f"|{_spaced(trunk)}{_GAP}" if at_home and trunk and country != "1" else ""
    digits = _spaced(phonenumbers.national_significant_number(number))
    return f"(?:^|[^0-9])(?:{abroad}{home}){'?' if at_home else ''}{digits}(?:[^0-9]|$)"


def _spaced(digits: str) -> str:
    return _GAP.join(digits)


def is_person(schema: pl.Schema, person: Person, id_columns: Sequence[str]) -> pl.Expr:
    """Return whether a row is the person's: its id in one of `id_columns`, or its number in any other column of text.

    An id also counts that a spreadsheet wrote as a decimal number, such as `123.0`, and one whose accents stand apart.
    """
    texts = [name for name, dtype in schema.items() if dtype == pl.String]
    signs = [pl.lit(value=False)]
    if person.extern_id is not None:
        for name in set(id_columns) & set(texts):
            cell = cs.by_name(name).str.strip_chars(_BLANKS)
            apart = unicodedata.normalize("NFD", person.extern_id)
            signs += [cell == each for each in {person.extern_id, f"{person.extern_id}.0", apart}]
    if person.number is not None:
        signs += [cs.by_name(name).str.contains(person.number) for name in texts if name not in id_columns]
    return pl.any_horizontal(sign.fill_null(value=False) for sign in signs)

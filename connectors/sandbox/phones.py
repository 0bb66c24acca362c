"""Phone numbers as the dialer compares them, so that every way of writing one number meets itself."""

import re
from typing import Final

US_DIGITS: Final = 10
_US_NUMBERS = re.compile(r"\d{10}(?:\|\d{10})*")
_E164_NUMBERS = re.compile(r"\+[1-9]\d{6,14}(?:\|\+[1-9]\d{6,14})*")


def read_us_numbers(text: str) -> tuple[str, ...] | None:
    """Split a `|`-joined leadPhone; None unless each number has exactly ten digits."""
    return tuple(dict.fromkeys(text.split("|"))) if _US_NUMBERS.fullmatch(text) else None


def read_e164_numbers(text: str) -> tuple[str, ...] | None:
    """Split a `|`-joined leadPhoneE164 into comparable numbers; None unless each is E.164."""
    if not _E164_NUMBERS.fullmatch(text):
        return None
    return tuple(dict.fromkeys(compare_form(number) for number in text.split("|")))


def compare_form(text: str) -> str:
    """Write a number as it is indexed: a US one as ten digits, any other one with its plus."""
    digits = re.sub(r"\D", "", text)
    if len(digits) == US_DIGITS + 1 and digits.startswith("1"):
        return digits[1:]
    return digits if len(digits) == US_DIGITS and not text.startswith("+") else f"+{digits}"

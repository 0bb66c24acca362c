"""Hides telephone numbers in text that somebody else wrote, such as a server's error message."""

import re
from typing import Final

_LOOKS_LIKE_A_NUMBER: Final = re.compile(r"\+?\d(?:[ ().\-]{0,2}\d){6,14}")
"""Seven digits or more, with the punctuation of telephone numbers between them."""


def mask_numbers(text: str) -> str:
    """Return `text` with every digit of a telephone number but its last two as a dot."""
    return _LOOKS_LIKE_A_NUMBER.sub(lambda met: re.sub(r"\d(?=(?:\D*\d){2})", "•", met.group()), text)

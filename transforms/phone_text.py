"""Sets the characters of a telephone cell straight: digits of any script, full-width forms, the unseen, punctuation."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import polars as pl

from transforms.text import put

_TRIMMED: Final = " \t\r\n'\"`\u2018\u2019"

_STRIPPED: Final = pl.first().str.strip_chars(_TRIMMED)
_BEYOND_ASCII: Final = (pl.first().str.len_bytes() != pl.first().str.len_chars()).arg_true()

_BY_CATEGORY: Final = {"Cf": "", "Me": "", "Zs": " ", "Pd": "-", "Zl": "\n", "Zp": "\n"}

_KNOWN: Final = {
    # The library's own punctuation: unseen characters, minus, the katakana long mark and two tildes.
    **dict.fromkeys("\xad\u200b\u2060\u2053\u223c", " "),
    **dict.fromkeys("\u2212\u30fc", "-"),
    # U+FE0F only styles a digit; U+0085 ends a line.
    "\ufe0f": "",
    "\x85": "\n",
    "\u3001": ",",
    # Arabic keyboards: comma, semicolon, decimal point, and what groups thousands.
    "\u060c": ",",
    "\u061b": ";",
    "\u066b": ".",
    "\u066c": ",",
}


def tidy_texts(texts: pl.Series) -> pl.Series:
    """Return the texts with plain digits and punctuation, without the unseen, trimmed."""
    odd = texts.to_frame().select(_BEYOND_ASCII).to_series()
    if len(odd):
        texts = put(texts, odd, _straighten(texts[odd]))
    return texts.to_frame().select(_STRIPPED).to_series()


def _straighten(texts: pl.Series) -> pl.Series:
    table = _table_for("".join(texts.to_list()))
    return texts.str.replace_many(list(table), list(table.values())) if table else texts


def _table_for(characters: Iterable[str]) -> dict[str, str]:
    """Return what stands for each of the characters that a keyboard could have written as ASCII."""
    straight = {each: _straight(each) for each in set(characters) if not each.isascii()}
    return {each: plain for each, plain in straight.items() if plain is not None}


@lru_cache(maxsize=10_000)
def _straight(character: str) -> str | None:
    if character in _KNOWN:
        return _KNOWN[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    # The full-width forms of ASCII, letters too: they are an `or`, an exponent, an extension's label, telephone keys.
    return chr(ord(character) - 0xFEE0) if 0xFF01 <= ord(character) <= 0xFF5E else None  # noqa: PLR2004

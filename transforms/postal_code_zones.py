"""Which zone a Canadian postal code lies in, by the three characters that name its sorting area.

Few provinces keep one clock, and most area codes of those that do not settle nothing: all of Newfoundland and Labrador
shares 709, and Vancouver shares 778 with the Rockies. The postal code then is the only evidence that tells.
"""

from string import ascii_uppercase
from typing import Final

import polars as pl

_ATLANTIC: Final = ("America/Halifax",)
_EASTERN: Final = ("America/Toronto",)
_MANITOBA: Final = ("America/Winnipeg",)
_ALBERTA: Final = ("America/Edmonton",)
_LABRADOR: Final = ("America/Goose_Bay",)
_PEACE_RIVER: Final = ("America/Dawson_Creek",)
_EAST_OF_GASPE: Final = (*_EASTERN, *_ATLANTIC)
_IN_BC: Final = ("America/Vancouver", "America/Edmonton", "America/Dawson_Creek")
_IN_ONTARIO: Final = ("America/Toronto", "America/Winnipeg", "America/Atikokan")
_IN_SASKATCHEWAN: Final = ("America/Regina", "America/Edmonton", "America/Winnipeg")

POSTAL_ZONES: Final = {
    "A": ("America/St_Johns",), "A0K": ("America/St_Johns", *_LABRADOR), "A0P": _LABRADOR, "A0R": _LABRADOR,
    "A2V": _LABRADOR,
    "B": _ATLANTIC, "C": _ATLANTIC, "E": ("America/Moncton",),
    "G": _EASTERN, "G0B": _EAST_OF_GASPE, "G0C": _EAST_OF_GASPE, "G0G": (*_EASTERN, "America/Blanc-Sablon"),
    "G4T": _ATLANTIC,
    "H": _EASTERN, "J": _EASTERN, "K": _EASTERN, "L": _EASTERN, "M": _EASTERN, "N": _EASTERN,
    "P": _EASTERN, "P0T": _IN_ONTARIO, "P0V": _IN_ONTARIO, "P0W": _MANITOBA, "P0X": _MANITOBA, "P0Y": _IN_ONTARIO,
    "P8N": _MANITOBA, "P8T": _MANITOBA, "P9A": _MANITOBA, "P9N": _MANITOBA,
    "R": _MANITOBA,
    "S": ("America/Regina",), "S0M": _IN_SASKATCHEWAN, "S0P": _IN_SASKATCHEWAN, "S9V": _ALBERTA,
    "T": _ALBERTA,
    "V": ("America/Vancouver",), "V0A": _IN_BC, "V0B": _IN_BC, "V0C": _IN_BC, "V0G": _IN_BC, "V0W": _IN_BC,
    "V1A": _ALBERTA, "V1C": _ALBERTA, "V1G": _PEACE_RIVER, "V1J": _PEACE_RIVER,
    "X": _ALBERTA, "X0A": ("America/Iqaluit", "America/Rankin_Inlet", "America/Atikokan"),
    "X0B": ("America/Cambridge_Bay",), "X0C": ("America/Rankin_Inlet", "America/Atikokan"),
    "Y": ("America/Whitehorse",),
}  # fmt: skip
"""The zones of the districts (first letter), and behind each those of its areas (three characters) that differ.

An area of several clocks, such as the coast of Labrador from the Strait to Cartwright (A0K), leaves all of them open.
"""

_LETTERS: Final = len(ascii_uppercase)
_DIGITS: Final = 10

POSTAL_AREAS: Final = _LETTERS * _DIGITS * _LETTERS
"""How many areas there can be."""

_POSTAL_CODE: Final = r"^[A-Z][0-9][A-Z] [0-9][A-Z][0-9]$"
_BYTES: Final = pl.col("code").str.head(4).cast(pl.Binary).bin.reinterpret(dtype=pl.UInt32, endianness="little")
_FIRST, _DIGIT, _LAST = ((_BYTES // 256**place) % 256 for place in range(3))
_AREA: Final = ((_FIRST - ord("A")) * _DIGITS + (_DIGIT - ord("0"))) * _LETTERS + (_LAST - ord("A"))


def postal_areas(codes: pl.Series) -> pl.Series:
    """Return Canadian postal codes (`A1A 1A1`) as the number of their area; null for any other text."""
    is_one = pl.col("code").str.contains(_POSTAL_CODE)
    return codes.to_frame("code").select(pl.when(is_one).then(_AREA)).to_series()


def areas_of(prefix: str) -> range:
    """Return the numbers of the areas that begin with one of `POSTAL_ZONES`."""
    first = (ord(prefix[0]) - ord("A")) * _DIGITS * _LETTERS
    if len(prefix) == 1:
        return range(first, first + _DIGITS * _LETTERS)
    number = first + int(prefix[1]) * _LETTERS + ord(prefix[2]) - ord("A")
    return range(number, number + 1)

"""Compiles the numbering plans of the installed `phonenumbers` into regular expressions that polars can run.

Nothing here is frozen: what a pattern accepts follows from the metadata of whatever version is installed. Tests hold
the patterns and the library equal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from transforms.made_once import made_once

NATIONAL_LENGTH: Final = 10

START_LENGTH: Final = 4
"""So many digits, an area code and one more, decide on most numbers."""

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

_ATOM: Final = re.compile(r"\{[0-9,]+\}|(\[[^]]*\]|[0-9])")
"""What a pattern has for one digit, captured; how often it stands, not captured."""

AMERICAN_REGIONS: Final = ("US", "AS", "GU", "MP", "PR", "VI")
"""The United States and the territories that have a region of their own."""


@dataclass(frozen=True)
class CountryPlan:
    """How numbers of one country code are judged, as far as expressions can.

    `valid` pairs patterns with the lengths they hold for; `overall` is the pair that every number must fit besides.
    A number that matches `trunk` loses digits before it is judged, and one that doesn't match `leading` belongs to
    another region under the same code.
    """

    code: str
    overall: tuple[str, tuple[int, ...]]
    valid: tuple[tuple[str, tuple[int, ...]], ...]
    trunk: str | None
    leading: str | None
    idd: str | None


@made_once
def nanp_pattern() -> str:
    """Return the regular expression, without anchors, of every 10-digit number valid under country code 1.

    `is_valid_number` asks the regions one after another, each only for numbers under its own leading digits. The
    union of their patterns is the same set as long as no pattern reaches under another region's leading digits.
    """
    return _union(_national_patterns(_nanp_regions(), _KINDS))


@cache
def kind_pattern(kind: str) -> str:
    """Return the regular expression, without anchors, of the 10-digit numbers of a kind, as the metadata names it."""
    return _union(_national_patterns(_nanp_regions(), [kind]))


@cache
def american_pattern() -> str:
    """Return the regular expression, without anchors, of the 10-digit numbers whose region is American.

    The library asks the United States first, so that numbers that belong to no country are American where the
    metadata of the United States knows them; a territory owns what is valid under its leading digits.
    """
    return _union(_national_patterns(AMERICAN_REGIONS, _KINDS))


@made_once
def plain_starts(kinds: tuple[str, ...], *, american: bool) -> pl.Series:
    """Return, for each first four digits from 0000 to 9999, whether all numbers that begin so are valid and of no kind.

    `kinds` are named as the metadata names them. With `american`, all are American besides.
    """
    starts = pl.select(pl.int_range(10**START_LENGTH).cast(pl.String).str.zfill(START_LENGTH)).to_series()
    regions = AMERICAN_REGIONS if american else _nanp_regions()
    # Only a pattern that leaves the other six digits open says yes whatever they are: `#` is a digit it leaves open.
    open_patterns = [each for each in _national_patterns(regions, _KINDS) if r"\d{6}" in each]
    valid = (starts + "######").str.contains("^" + _union(open_patterns).replace("[0-9]", "[0-9#]") + "$")
    # Each digit may be wanting, so that a start matches if it can be continued.
    kinds_pattern = _union(_national_patterns(_nanp_regions(), kinds))
    begun = _ATOM.sub(lambda atom: f"(?:{atom[1]}|$)" if atom[1] else atom[0], kinds_pattern)
    return valid & ~starts.str.contains(f"^{begun}$")


@cache
def country_codes() -> dict[str, str]:
    """Return the country code that each three-digit beginning of an international number holds, but for code 1."""
    codes = {str(code) for code in COUNTRY_CODE_TO_REGION_CODE if code != 1}
    starts = (f"{start:03d}" for start in range(200, 1000))
    found = {start: next((start[:size] for size in (1, 2, 3) if start[:size] in codes), None) for start in starts}
    return {start: code for start, code in found.items() if code is not None}


@made_once
def country_plan(code: str) -> CountryPlan | None:
    """Return the plan of a country code's main region; None where its numbers are rewritten in ways we can't follow."""
    region = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if metadata is None:
        return None
    trunk = metadata.national_prefix_for_parsing
    if trunk and re.match(trunk, ""):
        return None
    descriptions = [getattr(metadata, kind) for kind in _KINDS]
    valid = [(each.national_number_pattern, tuple(each.possible_length)) for each in descriptions if each]
    general = metadata.general_desc
    if general is None or general.national_number_pattern is None:
        return None
    return CountryPlan(
        code=code,
        overall=(_plain(general.national_number_pattern), tuple(general.possible_length)),
        valid=tuple(dict.fromkeys((_plain(pattern), lengths) for pattern, lengths in valid if pattern)),
        trunk=_plain(trunk) if trunk else None,
        leading=_plain(metadata.leading_digits) if metadata.leading_digits else None,
        idd=_plain(metadata.international_prefix) if metadata.international_prefix else None,
    )


def is_nanp(region: str) -> bool:
    """Tell whether the region numbers under country code 1."""
    return region in _nanp_regions()


def main_code(region: str) -> str | None:
    """Return the country code whose main region this is."""
    return next((str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] == region), None)


def _nanp_regions() -> tuple[str, ...]:
    return COUNTRY_CODE_TO_REGION_CODE[1]


def _national_patterns(regions: Iterable[str], kinds: Iterable[str]) -> list[str]:
    """Return the patterns of 10-digit numbers; the library's shorter ones are no lead's phone."""
    metadata = [PhoneMetadata.metadata_for_region(region) for region in regions]
    kinds = tuple(kinds)
    descriptions = [getattr(each, kind) for each in metadata if each is not None for kind in kinds]
    return [each.national_number_pattern for each in descriptions if each and NATIONAL_LENGTH in each.possible_length]


def _union(patterns: Iterable[str]) -> str:
    return "(?:" + "|".join(_plain(pattern) for pattern in dict.fromkeys(patterns)) + ")"


def _plain(pattern: str) -> str:
    # Rust's `\d` is every script's digits, which makes a far larger automaton.
    return pattern.replace(r"\d", "[0-9]")

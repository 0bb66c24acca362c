"""Says what becomes of valid numbers that a job may not want: toll-free, premium-rate, personal, or not American."""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumber, PhoneNumberType

from transforms.phone_plans import AMERICAN_REGIONS, american_pattern, kind_pattern, plain_starts
from transforms.vocabulary.reasons import Reason

KindChoice = Literal["refuse", "warn", "keep"]


@dataclass(frozen=True)
class PhoneChoices:
    """What a job does with each kind of valid number; `us_only` refuses numbers outside the US and its territories."""

    toll_free: KindChoice = "warn"
    premium_rate: KindChoice = "warn"
    personal_number: KindChoice = "warn"
    us_only: bool = False


@dataclass(frozen=True)
class _Kind:
    """A kind of number: its name in the metadata and in `PhoneChoices`, its reason, its note, the library's type."""

    name: str
    reason: Reason
    note: str
    number_type: int


_KINDS: Final = (
    _Kind("premium_rate", Reason.PHONE_PREMIUM_RATE, "premium-rate number", PhoneNumberType.PREMIUM_RATE),
    _Kind("toll_free", Reason.PHONE_TOLL_FREE, "toll-free number", PhoneNumberType.TOLL_FREE),
    _Kind("personal_number", Reason.PHONE_PERSONAL_NUMBER, "personal number", PhoneNumberType.PERSONAL_NUMBER),
)
"""In the order in which the library tries them."""


def ordinary_starts(choices: PhoneChoices) -> pl.Series:
    """Return whether numbers with the first four digits 0000 to 9999 are valid and never unwanted."""
    return plain_starts(tuple(kind.name for kind in _KINDS), american=choices.us_only)


def find_unwanted(phones: pl.Series, choices: PhoneChoices) -> pl.Series:
    """Return the places of the 10-digit numbers, nulls among them, of which `choose_numbers` has anything to say."""
    look = _looks_for_unwanted(choices)
    if look is None or phones.null_count() == len(phones):
        return pl.Series([], dtype=pl.UInt32)
    return phones.to_frame().select(look).to_series()


@cache
def _looks_for_unwanted(choices: PhoneChoices) -> pl.Expr | None:
    """Return where numbers are unwanted, or None where nobody asks."""
    patterns = [kind_pattern(kind.name) for kind in _KINDS if getattr(choices, kind.name) != "keep"]
    looks = [pl.first().str.contains(f"^(?:{'|'.join(patterns)})$")] if patterns else []
    if choices.us_only:
        looks.append(~pl.first().str.contains(f"^{american_pattern()}$"))
    return pl.any_horizontal(looks).arg_true() if looks else None


def choose_numbers(verdicts: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return the verdicts on single numbers (`phone`, `reason`, `extension`, `note`) after the job's choices."""
    unwanted = find_unwanted(verdicts["phone"], choices)
    if unwanted.is_empty():
        return verdicts
    chosen = _apply(verdicts[unwanted], choices)
    return pl.DataFrame({name: verdicts[name].scatter(unwanted, chosen[name]) for name in chosen.columns})


def _apply(verdicts: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return the verdicts with refusals and warnings in place."""
    phone = pl.col("phone")
    refusals = [pl.when(~phone.str.contains(f"^{american_pattern()}$")).then(_lit(Reason.PHONE_NOT_US))]
    warnings = []
    for kind in _KINDS:
        is_kind = phone.str.contains(f"^{kind_pattern(kind.name)}$")
        refused = getattr(choices, kind.name) == "refuse"
        refusals.append(pl.when(is_kind).then(_lit(kind.reason if refused else None)))
        warned = getattr(choices, kind.name) == "warn"
        warnings.append(pl.when(is_kind).then(_lit(kind.note if warned else "")))
    refusal = pl.coalesce(refusals if choices.us_only else refusals[1:])
    warning = pl.coalesce(warnings).replace("", None)
    chosen = verdicts.with_columns_seq(refusal.alias("refusal"), warning.alias("warning"))
    kept = pl.col("refusal").is_null()
    return chosen.select_seq(
        pl.when(kept).then(phone).alias("phone"),
        pl.coalesce("refusal", "reason").alias("reason"),
        pl.when(kept).then(pl.col("extension")).alias("extension"),
        pl.when(kept)
        .then(
            pl.when(pl.col("warning").is_null())
            .then(pl.col("note"))
            .otherwise(pl.concat_str("note", "warning", separator="; ", ignore_nulls=True))
        )
        .alias("note"),
    )


def judge_kind(phone: str, choices: PhoneChoices) -> tuple[Reason | None, str | None]:
    """Return the reason to refuse a valid 10-digit number, or the note to keep it with, as the library sees it."""
    number = PhoneNumber(country_code=1, national_number=int(phone))
    if choices.us_only and phonenumbers.region_code_for_number(number) not in AMERICAN_REGIONS:
        return Reason.PHONE_NOT_US, None
    number_type = phonenumbers.number_type(number)
    for kind in _KINDS:
        if kind.number_type == number_type:
            choice = getattr(choices, kind.name)
            return (kind.reason if choice == "refuse" else None), (kind.note if choice == "warn" else None)
    return None, None


def _lit(value: str | None) -> pl.Expr:
    return pl.lit(value, pl.String)

"""Finds the dialable numbers in a cell of a telephone column, or the reason why there is none.

`phonenumbers` (Google's libphonenumber) decides what is valid, but it reads some eight thousand texts a second. So
its knowledge is compiled into expressions, and a column passes three stages: one expression accepts the usual forms;
lanes of expressions decide on the common odd ones; the library itself reads what remains, once for each different
text. What the verdicts are, wherever they are made, stands in `phone_library`.
"""

from typing import Final

import polars as pl

from transforms.phone_kinds import KindChoice, PhoneChoices, choose_numbers, find_unwanted, ordinary_starts
from transforms.phone_lanes import (
    VERDICT,
    accept_usual,
    combine_numbers,
    decide_phones,
    part_cells,
    read_e164_numbers,
    read_numbers,
)
from transforms.phone_library import read_cell, read_e164
from transforms.phone_plans import is_nanp, nanp_pattern
from transforms.phone_text import tidy_texts

__all__ = ["KindChoice", "PhoneChoices", "decide_phones", "judge_e164", "judge_phones", "nanp_pattern"]

_DEFAULT: Final = PhoneChoices()


def judge_phones(texts: pl.Series, choices: PhoneChoices = _DEFAULT) -> pl.DataFrame:
    """Return one row for each text, in order: `phone`, `reason`, `extension` and `note`, all text or null.

    `phone` holds the valid NANP national numbers, 10 digits each, joined with `|` in the order found and without
    repeats; `reason` a code where there is none; `extension` those of the phones, joined alike where there are
    several; `note` what was set aside or mended although a phone came of it, never a digit of a number.
    """
    texts = texts.cast(pl.String).alias("text")
    phones, ordinary = accept_usual(texts, ordinary_starts(choices))
    odd = phones.is_null()
    special = (~ordinary & ~odd).arg_true()
    unwanted = special.filter(find_unwanted(phones.gather(special), choices))
    verdict = {name: phones if name == "phone" else _nothing(name, len(phones)) for name in VERDICT}
    if odd.any():
        _settle(verdict, odd.arg_true(), _judge_odd(texts.filter(odd), choices))
    if len(unwanted):
        usual = pl.DataFrame({name: column.gather(unwanted) for name, column in verdict.items()})
        _settle(verdict, unwanted, choose_numbers(usual, choices))
    return pl.DataFrame(list(verdict.values()))


def judge_e164(texts: pl.Series, region: str = "US") -> pl.DataFrame:
    """Return one row for each text, in order: `e164` (`+`, country code, number) and `reason`, each text or null.

    Any country; `region` is that of numbers written without a country code. Blank text gives two nulls.
    """
    texts = texts.cast(pl.String).alias("text")
    columns = {"e164": _nothing("e164", len(texts)), "reason": _nothing("reason", len(texts))}
    if is_nanp(region):
        columns["e164"] = ("+1" + accept_usual(texts, ordinary_starts(_DEFAULT))["phone"]).alias("e164")
    odd = (columns["e164"].is_null() & texts.is_not_null()).arg_true()
    if len(odd):
        _settle(columns, odd, _judge_odd_e164(tidy_texts(texts.gather(odd)), region))
    return pl.DataFrame(list(columns.values()))


def _judge_odd_e164(texts: pl.Series, region: str) -> pl.DataFrame:
    """Judge tidy texts as `judge_e164` does: by the plans of their countries, or by the library."""
    found = read_e164_numbers(texts, region)
    columns = {"e164": found, "reason": _nothing("reason", len(texts))}
    left = found.is_null().arg_true()
    if len(left):
        different = texts.gather(left).unique()
        findings = [read_e164(text, region) for text in different]
        table = pl.DataFrame(
            {"text": different, "e164": [e164 for e164, _ in findings], "reason": [why for _, why in findings]},
            schema=dict.fromkeys(["text", "e164", "reason"], pl.String),
        )
        _settle(columns, left, _look_up(texts.gather(left), table))
    return pl.DataFrame(columns)


def _judge_odd(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Judge texts that aren't in the usual forms."""
    texts = tidy_texts(texts)
    parts = part_cells(texts)
    # The numbers within cells beside the cells: what expressions cost is mostly their number, not that of the texts.
    verdicts = choose_numbers(read_numbers(pl.concat([texts, parts["text"]])), choices)
    verdict = verdicts.head(len(texts)).to_dict()
    undecided = _find_undecided(verdict)
    if len(undecided) and len(parts):
        numbers = parts.select("row").hstack(verdicts.tail(len(parts)))
        several = _combine_parts(numbers.filter(pl.col("row").is_in(undecided.implode())))
        _settle(verdict, several["row"], several)
        undecided = _find_undecided(verdict)
    if len(undecided):
        _settle(verdict, undecided, _ask_library(texts.gather(undecided), choices))
    return pl.DataFrame(verdict)


def _find_undecided(verdict: dict[str, pl.Series]) -> pl.Series:
    return (verdict["phone"].is_null() & verdict["reason"].is_null()).arg_true()


def _combine_parts(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return the verdict on each `row` whose numbers are all decided."""
    undecided = numbers.filter(pl.col("phone").is_null() & pl.col("reason").is_null())
    return combine_numbers(numbers.filter(~pl.col("row").is_in(undecided["row"].implode())))


def _ask_library(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Return the library's verdict on each tidy text, asked for once for each different text."""
    different = texts.unique()
    findings = [read_cell(text, choices) for text in different]
    table = pl.DataFrame(
        {
            "text": different,
            "phone": [finding.phone for finding in findings],
            "reason": [finding.reason for finding in findings],
            "extension": [finding.extension for finding in findings],
            "note": ["; ".join(finding.notes) or None for finding in findings],
        },
        schema=dict.fromkeys(["text", *VERDICT], pl.String),
    )
    return _look_up(texts, table)


def _look_up(texts: pl.Series, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table's row for each text, without the text."""
    return texts.alias("text").to_frame().join(table, on="text", how="left", maintain_order="left").drop("text")


def _settle(columns: dict[str, pl.Series], rows: pl.Series, found: pl.DataFrame) -> None:
    """Put what was found into its rows of the columns."""
    for name, column in columns.items():
        values = found[name]
        if values.null_count() < len(values) or column.gather(rows).null_count() < len(values):
            columns[name] = column.scatter(rows, values)


def _nothing(name: str, height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True).alias(name)

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
    nothing,
    part_cells,
    read_e164_numbers,
    read_numbers,
    settle,
)
from transforms.phone_library import read_cell, read_e164
from transforms.phone_plans import is_nanp, nanp_pattern
from transforms.phone_text import tidy_texts
from transforms.text import put

__all__ = ["KindChoice", "PhoneChoices", "decide_phones", "judge_e164", "judge_phones", "nanp_pattern"]

_DEFAULT: Final = PhoneChoices()


def judge_phones(texts: pl.Series, choices: PhoneChoices = _DEFAULT) -> pl.DataFrame:
    """Return one row for each text, in order: `phone`, `reason`, `extension` and `note`, all text or null.

    `phone` holds the valid NANP national numbers, 10 digits each, joined with `|` in the order found and without
    repeats; `reason` a code where there is none; `extension` those of the phones, joined alike where there are
    several; `note` what was set aside or mended although a phone came of it, never a digit of a number.
    """
    texts = texts.cast(pl.String)
    phones, ordinary = accept_usual(texts, ordinary_starts(choices))
    odd = phones.is_null()
    special = (~ordinary & ~odd).arg_true()
    unwanted = special[find_unwanted(phones[special], choices)]
    verdict = {name: phones if name == "phone" else nothing(name, len(phones)) for name in VERDICT}
    if odd.any():
        settle(verdict, odd.arg_true(), _judge_odd(texts.filter(odd), choices))
    if len(unwanted):
        usual = pl.DataFrame({name: column[unwanted] for name, column in verdict.items()})
        settle(verdict, unwanted, choose_numbers(usual, choices))
    return pl.DataFrame(verdict)


def judge_e164(texts: pl.Series, region: str = "US") -> pl.DataFrame:
    """Return one row for each text, in order: `e164` (`+`, country code, number) and `reason`, each text or null.

    Any country; `region` is that of numbers written without a country code. Blank text gives two nulls.
    """
    texts = texts.cast(pl.String)
    columns = {"e164": nothing("e164", len(texts)), "reason": nothing("reason", len(texts))}
    if is_nanp(region):
        columns["e164"] = ("+1" + accept_usual(texts, ordinary_starts(_DEFAULT))["phone"]).alias("e164")
    odd = (columns["e164"].is_null() & texts.is_not_null()).arg_true()
    if len(odd):
        settle(columns, odd, _judge_odd_e164(tidy_texts(texts[odd]), region))
    return pl.DataFrame(list(columns.values()))


def _judge_odd_e164(texts: pl.Series, region: str) -> pl.DataFrame:
    """Judge tidy texts as `judge_e164` does: by the plans of their countries, or by the library."""
    found = read_e164_numbers(texts, region)
    columns = {"e164": found, "reason": nothing("reason", len(texts))}
    left = found.is_null().arg_true()
    if len(left):
        different = texts[left].unique()
        findings = [read_e164(text, region) for text in different]
        table = pl.DataFrame(
            {"text": different, "e164": [e164 for e164, _ in findings], "reason": [why for _, why in findings]},
            schema=dict.fromkeys(["text", "e164", "reason"], pl.String),
        )
        settle(columns, left, _look_up(texts[left], table))
    return pl.DataFrame(columns)


def _judge_odd(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Judge texts that aren't in the usual forms."""
    texts = tidy_texts(texts)
    parts = part_cells(texts)
    # The numbers within cells beside the cells: what expressions cost is mostly their number, not that of the texts.
    verdicts = choose_numbers(read_numbers(pl.concat([texts, parts["text"]])), choices)
    undecided = verdicts.select(pl.all_horizontal(pl.col("phone", "reason").is_null())).to_series()
    verdict, left = verdicts.head(len(texts)).to_dict(), undecided.head(len(texts))
    if left.any() and len(parts):
        numbers = parts.select("row").hstack(verdicts.tail(len(parts)))
        cells = put(left, parts["row"].filter(undecided.tail(len(parts))), pl.Series([False]))
        several = combine_numbers(numbers.filter(cells[parts["row"]]))
        settle(verdict, several["row"], several.drop("row"))
        left = put(left, several["row"], pl.Series([False]))
    if left.any():
        rows = left.arg_true()
        settle(verdict, rows, _ask_library(texts[rows], choices))
    return pl.DataFrame(verdict)


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

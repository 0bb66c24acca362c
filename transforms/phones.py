"""Finds the dialable numbers in a cell of a telephone column, or the reason why there is none.

`phonenumbers` (Google's libphonenumber) decides what is valid, but it reads some eight thousand texts a second. So
its knowledge is compiled into expressions, and a column passes three stages: one expression accepts the usual forms;
lanes of expressions decide on the common odd ones; the library itself reads what remains, once for each different
text. Few texts the library reads sooner than the lanes, so that those stand aside. What the verdicts are, wherever
they are made, stands in `phone_library`.
"""

import re
from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.phone_kinds import KindChoice, PhoneChoices, choose_numbers, find_unwanted, ordinary_starts
from transforms.phone_lanes import (
    VERDICT,
    accept_plain,
    accept_usual,
    combine_numbers,
    decide_phones,
    nothing,
    part_cells,
    read_e164_numbers,
    read_numbers,
    settle,
)
from transforms.phone_library import Finding, part_numbers, read_cell, read_e164
from transforms.phone_plans import is_nanp, nanp_pattern
from transforms.phone_text import tidy_texts
from transforms.text import put
from transforms.vocabulary.reasons import Reason

__all__ = ["KindChoice", "PhoneChoices", "decide_phones", "judge_e164", "judge_phones", "nanp_pattern"]

_DEFAULT: Final = PhoneChoices()

_E164_VERDICT: Final = ("e164", "reason", "extension", "note")

_FEW: Final = 100
_FEW_LETTERS: Final = 1000
"""So many different texts, and letters in them all, the library reads sooner than the lanes read any."""


def judge_phones(texts: pl.Series, choices: PhoneChoices = _DEFAULT) -> pl.DataFrame:
    """Return one row for each text, in order: `phone`, `reason`, `extension` and `note`, all text or null.

    `phone` holds the valid NANP national numbers, 10 digits each, joined with `|` in the order found and without
    repeats; `reason` a code where there is none; `extension` those of the phones, joined alike where there are
    several; `note` what was set aside or mended although a phone came of it, never a digit of a number.
    """
    texts = texts.cast(pl.String)
    phones, ordinary = accept_plain(texts, ordinary_starts(choices))
    verdict = _start_verdict(phones)
    odd = (~ordinary).arg_true()
    if len(odd):
        different = texts[odd].unique()
        judge = _ask_library if _are_few(different) else _ask_lanes
        settle(verdict, odd, _look_up(texts[odd], different, judge(different, choices)))
    return pl.DataFrame(verdict)


def _start_verdict(phones: pl.Series) -> dict[str, pl.Series]:
    """Return the columns of a verdict that says nothing but phones."""
    blank = nothing("", len(phones))
    return {name: phones if name == "phone" else blank.alias(name) for name in VERDICT}


def _are_few(texts: pl.Series) -> bool:
    """Tell whether the library reads these texts sooner than the lanes, which cost much the same for any number."""
    return len(texts) <= _FEW and sum(len(text or "") for text in texts.to_list()) <= _FEW_LETTERS


def _ask_lanes(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Judge texts by expressions, and by the library where those don't decide."""
    phones, ordinary = accept_usual(texts, ordinary_starts(choices))
    odd = phones.is_null()
    special = (~ordinary & ~odd).arg_true()
    unwanted = special[find_unwanted(phones[special], choices)]
    verdict = _start_verdict(phones)
    if odd.any():
        settle(verdict, odd.arg_true(), _judge_odd(tidy_texts(texts.filter(odd)), choices))
    if len(unwanted):
        usual = pl.DataFrame({name: column[unwanted] for name, column in verdict.items()})
        settle(verdict, unwanted, choose_numbers(usual, choices))
    return pl.DataFrame(verdict)


def _ask_library(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Return the library's verdicts on texts."""
    return _frame_of([_read(text or "", choices) for text in tidy_texts(texts).to_list()], "phone")


def _frame_of(findings: Sequence[Finding], number: str) -> pl.DataFrame:
    """Return findings as the columns of a verdict, of which that of their phones is named `number`."""
    columns: dict[str, list[str | None]] = {
        number: [finding.phone for finding in findings],
        "reason": [finding.reason for finding in findings],
        "extension": [finding.extension for finding in findings],
        "note": ["; ".join(finding.notes) or None for finding in findings],
    }
    return pl.DataFrame([pl.Series(name, values, pl.String) for name, values in columns.items()])


def _read(text: str, choices: PhoneChoices) -> Finding:
    """Return what the library reads in a tidy text; where there is no digit it isn't asked, nor are the lanes."""
    return read_cell(text, choices) if re.search("[0-9]", text) else Finding(reason=Reason.PHONE_MISSING)


def _look_up(texts: pl.Series, different: pl.Series, judged: pl.DataFrame) -> pl.DataFrame:
    """Return for each text what was judged of the different ones."""
    table = judged.insert_column(0, different.alias("text"))
    cells = texts.alias("text").to_frame()
    return cells.join(table, on="text", how="left", nulls_equal=True, maintain_order="left").drop("text")


def judge_e164(texts: pl.Series, region: str = "US") -> pl.DataFrame:
    """Return one row for each text, in order: `e164`, `reason`, `extension` and `note`, all text or null.

    `e164` is the first valid number, of any country, as `+`, country code and number; `region` is that of numbers
    written without a country code. `reason` is a code where none is valid. The others are as in `judge_phones`. Text
    without a digit gives nulls.
    """
    texts = texts.cast(pl.String)
    columns = {name: nothing(name, len(texts)) for name in _E164_VERDICT}
    if is_nanp(region):
        columns["e164"] = ("+1" + accept_usual(texts, ordinary_starts(_DEFAULT))["phone"]).alias("e164")
    odd = (columns["e164"].is_null() & texts.is_not_null()).arg_true()
    if len(odd):
        settle(columns, odd, _judge_odd_e164(tidy_texts(texts[odd]), region))
    return pl.DataFrame(list(columns.values()))


def _judge_odd_e164(texts: pl.Series, region: str) -> pl.DataFrame:
    """Judge tidy texts as `judge_e164` does: by the plans of their countries, or by the library."""
    columns = {name: nothing(name, len(texts)) for name in _E164_VERDICT}
    columns["e164"] = read_e164_numbers(texts, region)
    left = columns["e164"].is_null().arg_true()
    if len(left):
        different = texts[left].unique()
        known = _read_parts(different, region)
        findings = [read_e164(text, region, known) for text in different]
        settle(columns, left, _look_up(texts[left], different, _frame_of(findings, "e164")))
    return pl.DataFrame(columns)


def _read_parts(texts: pl.Series, region: str) -> dict[str, str]:
    """Return what the plans of their countries say of the numbers of texts with several, each with its E.164 form."""
    several = [numbers for text in texts if len(numbers := part_numbers(text)) > 1]
    parts = pl.Series(list({part for numbers in several for part in numbers}), dtype=pl.String)
    e164 = read_e164_numbers(parts, region)
    return {part: number for part, number in zip(parts, e164, strict=True) if number is not None}


def _judge_odd(texts: pl.Series, choices: PhoneChoices) -> pl.DataFrame:
    """Judge tidy texts that aren't in the usual forms."""
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

"""Damage in every field that may show it, in every writing of it, and in chunks of any size."""

import polars as pl
import pytest

from tests.transforms.test_damage import ROLES, SHARE, clean, found, judge
from transforms.damage import DAMAGE_SCHEMA, DamageKind, judge_damage

WORDS = {
    "SCIENTIFIC_NOTATION": "scientific",
    "ROUNDED_DIGITS": "rounded",
    "DECIMAL_POINT": "decimals",
    "LOST_ZEROS": "lost the zeros",
    "MOJIBAKE": "encoding",
    "SHIFTED": "another column",
}


@pytest.mark.parametrize(
    "field", ["leadPhoneE164", "auxPhone", "callerId", "personaPhoneConfig", "auxData1", "extendedLeadData"]
)
def test_every_field_that_may_hold_numbers_is_looked_at(field):
    rounded = [f"{area}5{number}0000" for area in ("415", "617") for number in range(10, 60)]
    long = [f"{number}000000" for number in range(123400, 123500)]
    free = field in {"auxData1", "extendedLeadData"}
    assert found({"x": field}, x=["4.15555E+09"] * 12) == [("x", "SCIENTIFIC_NOTATION", 12)]
    assert found({"x": field}, x=long if free else rounded) == [("x", "ROUNDED_DIGITS", 100)]
    assert found({"x": field}, x=[f"{number}.0" for number in range(30)]) == [("x", "DECIMAL_POINT", 30)]


@pytest.mark.parametrize("form", ["{}", "1{}", "+1{}", "{}.0", " {} "])
def test_rounded_phones_in_every_form_that_a_spreadsheet_leaves(form):
    cells = [form.format(f"{area}5{number}0000") for area in ("415", "617") for number in range(10, 60)]
    assert ("p", "ROUNDED_DIGITS", 100) in found({"p": "leadPhone"}, p=cells)


@pytest.mark.parametrize("cell", ["\u00c3\u2030milie", "20\u00c2\u00b0", "\u00c5\u0081", "\u00c2\u00a35", "N\ufffdez"])
def test_each_first_byte_of_a_wrong_encoding_is_known(cell):
    assert found({"n": "lastName"}, n=[cell] * 12) == [("n", "MOJIBAKE", 12)]


@pytest.mark.parametrize("cell", ["2116", " 2116", "2116.0", "901", "901.0"])
def test_a_short_zip_in_any_writing_lost_its_zeros(cell):
    assert ("z", "LOST_ZEROS", 12) in found({"z": "zip"}, z=[cell] * 12)


def test_some_foreign_codes_among_lost_zeros_leave_it_open():
    assert not found({"z": "zip"}, z=["2116"] * 30 + ["9999"] * 10)
    assert found({"z": "zip"}, z=["2116"] * 40 + ["9999"] * 10) == [("z", "LOST_ZEROS", 40)]


def test_two_cells_are_enough_and_a_damaged_column_comes_before_a_warning():
    columns = clean(100)
    columns["phone"][:2], columns["name"][:20] = ["4.15555E+09"] * 2, ["Jos\u00c3\u00a9"] * 20
    told = judge(ROLES, share=0.1, **columns)
    assert [(each.column, each.damaged) for each in told] == [("name", True), ("phone", False)]


@pytest.mark.parametrize("kind", DamageKind)
def test_each_sentence_speaks_of_its_own_kind(kind):
    counts = pl.DataFrame([["a", "lastName", kind.value, 50, 0, 50, 0]], schema=DAMAGE_SCHEMA, orient="row")
    assert WORDS[kind] in judge_damage(counts, SHARE)[0].sentence


@pytest.mark.parametrize("rows", [8_192, 12_288])
@pytest.mark.parametrize("first", [0, 1])
def test_damage_of_every_second_row_is_seen_in_a_large_chunk_too(rows, first):
    cells = [f"A{row}" if row % 2 != first else "4.1E+09" for row in range(rows)]
    ((column, kind, counted),) = found({"id": "externId"}, id=cells)
    assert (column, kind) == ("id", "SCIENTIFIC_NOTATION")
    assert rows * 0.45 < counted < rows * 0.55


def test_one_blank_cell_of_a_large_chunk_hides_no_decimals():
    cells = ["94103.0"] * 30_000
    cells[7] = " "
    assert found({"z": "zip"}, z=cells) == [("z", "DECIMAL_POINT", 29_999)]


@pytest.mark.parametrize(
    ("field", "cell"), [("email", "02116"), ("lastName", "(415) 555-2671"), ("city", "(415) 555-2671")]
)
def test_a_value_of_another_column_is_seen(field, cell):
    roles = {"x": field, "phone": "leadPhone"}
    assert ("x", "SHIFTED", 10) in found(roles, x=[cell] * 10, phone=[None] * 10)

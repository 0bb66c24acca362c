"""Damage is seen for what it is, and a clean column is left in peace."""

import json
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.damage import DAMAGE_SCHEMA, DamageKind, count_damage, judge_damage, merge_damage
from transforms.phones import PhoneChoices, judge_phones

HOSPITALS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cms_hospitals.csv"
SAMPLE = Path(__file__).resolve().parents[2] / "data-samples" / "leads.csv"
SHARE = 0.01
ROLES = {"id": "externId", "phone": "leadPhone", "name": "lastName", "zip": "zip", "state": "state", "email": "email"}


def frame_of(first_row=0, **columns):
    rows = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return rows.with_row_index("source_row", first_row).with_columns(pl.col("source_row").cast(pl.UInt64))


def judge(roles, share=SHARE, **columns):
    return judge_damage(merge_damage([count_damage(frame_of(**columns), roles)]), share)


def found(roles, **columns):
    return [(verdict.column, verdict.kind, verdict.rows) for verdict in judge(roles, **columns)]


def clean(count):
    return {
        "id": [f"C{number}" for number in range(count)],
        "phone": [f"(415) 555-{number % 9000 + 1000}" for number in range(count)],
        "name": ["Núñez", "Åström", "Ünal", "São João", "O'Brien"] * (count // 5),
        "zip": [("02116", "06511-1234", "94103", "M5V 3A8", "10001")[number % 5] for number in range(count)],
        "state": [("MA", "CT", "California", "ON", "ny")[number % 5] for number in range(count)],
        "email": [f"lead{number}@example.com" for number in range(count)],
    }


def with_cells(column, count, *cells):
    columns = clean(count)
    columns[column][3 : 3 + len(cells)] = cells
    return columns


def test_a_clean_list_has_no_verdict():
    assert not judge(ROLES, **clean(1000))


DAMAGED = {
    "a number in scientific notation": ("phone", ["4.15555E+09"] * 12, "SCIENTIFIC_NOTATION"),
    "an id in scientific notation": ("id", ["1.23457e+11"] * 12, "SCIENTIFIC_NOTATION"),
    "scientific notation without a decimal": ("phone", ["4.E+09", "+4.15E+09"] * 6, "SCIENTIFIC_NOTATION"),
    "scientific notation without a plus": ("id", ["1,23457E11"] * 12, "SCIENTIFIC_NOTATION"),
    "a ZIP without its zero": ("zip", ["2116", "6510", "3301", "7030"] * 3, "LOST_ZEROS"),
    "a ZIP+4 without its zero": ("zip", ["21161234", "2116-1234", "2116 1234", "65101234.0"] * 3, "LOST_ZEROS"),
    "a name in a wrong encoding": ("name", ["NÃºÃ±ez", "JosÃ©", "Dâ€™Arcy", "MÃ\u2013LLER"] * 3, "MOJIBAKE"),
    "a name of another alphabet in a wrong encoding": (
        "name",
        ["Ð\u02dcÐ²Ð°Ð½", "ErdoÄŸan", "Nguyá»…n"] * 4,
        "MOJIBAKE",
    ),
    "a name with lost letters": ("name", ["N\ufffdez"] * 12, "MOJIBAKE"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_told_with_its_column_and_first_row(case):
    column, cells, kind = DAMAGED[case]
    columns = with_cells(column, 500, *cells) | ({"state": [None] * 500} if column == "zip" else {})

    (verdict,) = judge(ROLES, **columns)

    assert (verdict.column, verdict.kind, verdict.rows, verdict.values) == (column, kind, 12, 500)
    assert (verdict.first_row, verdict.damaged, verdict.share) == (3, True, 12 / 500)
    assert f"'{column}'" in verdict.sentence
    assert json.loads(json.dumps(asdict(verdict))) == asdict(verdict)


def test_a_little_damage_is_a_warning_and_one_cell_is_nothing():
    (warning,) = judge(ROLES, **with_cells("phone", 1000, *["4.15555E+09"] * 5))

    assert (warning.rows, warning.damaged) == (5, False)
    assert not judge(ROLES, **with_cells("phone", 100, "4.15555E+09"))
    assert not judge(ROLES, **with_cells("phone", 10_000, *["4.15555E+09"] * 5))


def test_the_job_says_which_share_is_damage():
    columns = with_cells("phone", 1000, *["4.15555E+09"] * 5)

    assert judge(ROLES, share=0.005, **columns)[0].damaged
    assert not judge(ROLES, share=0.1, **columns)


def test_decimals_are_damage_only_where_every_id_has_them():
    ids = [f"{number}.0" for number in range(100)]

    assert found({"id": "externId"}, id=[*ids, None, ""]) == [("id", "DECIMAL_POINT", 100)]
    assert not found({"id": "externId"}, id=[*ids, "101"])
    assert not found({"id": "externId"}, id=[*ids, "1.5"])
    assert found({"zip": "zip"}, zip=["94103.0"] * 3) == [("zip", "DECIMAL_POINT", 3)]
    assert not found({"x": "auxData1"}, x=["2.0", "3.0", "5.0"])


def test_decimals_of_ids_are_told_and_stop_no_load_for_nothing_is_lost():
    counted = count_damage(frame_of(id=["1.0", "2.0"]), {"id": "externId"})

    (verdict,) = judge_damage(counted, SHARE)

    assert (verdict.kind, verdict.damaged) == ("DECIMAL_POINT", False)
    assert verdict.sentence.endswith("Export them as text to be sure.")
    assert not judge_damage(counted, SHARE, decimal_ids=False)


@pytest.mark.parametrize(
    "cell",
    ["4.15E+09", "4.E+09", "+4.15E+09", "4,15e+09", "4.15e9", "415E+07", "4E+09", "4.15x10^9", "4.15\u00d710^+9"],
)
def test_a_column_of_what_is_refused_as_rounded_has_a_verdict(cell):
    assert judge_phones(pl.Series("text", [cell]), PhoneChoices())["reason"].to_list() == ["PHONE_ROUNDED"]
    assert found({"phone": "leadPhone"}, phone=[cell] * 3) == [("phone", "SCIENTIFIC_NOTATION", 3)]


def test_every_chunk_must_show_the_decimals():
    roles = {"id": "externId"}
    whole = count_damage(frame_of(id=["1.0"] * 9000), roles)
    other = count_damage(frame_of(first_row=9000, id=["1.0"] * 8999 + ["1.5"]), roles)

    assert [verdict.kind for verdict in judge_damage(whole, SHARE)] == ["DECIMAL_POINT"]
    assert not judge_damage(merge_damage([whole, other]), SHARE)


def test_rounded_phones_are_told_from_switchboards():
    rounded = [f"{area}5{number}0000" for area in ("415", "617") for number in range(10, 60)]
    dialled = [f"415555{number}" for number in range(1000, 9000)]

    assert found({"p": "leadPhone"}, p=rounded) == [("p", "ROUNDED_DIGITS", 100)]
    assert found({"p": "leadPhone"}, p=[*rounded * 3, *dialled]) == [("p", "ROUNDED_DIGITS", 300)]
    assert not found({"p": "leadPhone"}, p=[*rounded[:20], *dialled])
    assert not found({"p": "leadPhone"}, p=[f"({phone[:3]}) {phone[3:6]}-0000" for phone in rounded])
    assert not found({"p": "leadPhone"}, p=["4155550000"] * 50)


def test_rounded_ids_are_told_from_round_ones():
    assert found({"i": "externId"}, i=[f"{number}000000" for number in range(123400, 123500)])
    assert found({"i": "externId"}, i=[f"{number}00" for number in range(123456789012300, 123456789012400)])
    assert not found({"i": "externId"}, i=[str(number) for number in range(10**16, 10**16 + 5000)])
    assert not found({"i": "externId"}, i=[str(number * 1000) for number in range(1000, 2000)])
    assert not found({"x": "extendedLeadData"}, x=["120000000000"] * 500)


def test_short_postal_codes_of_other_countries_are_no_lost_zeros():
    swiss = [str(code) for code in range(1000, 9658, 7)]

    assert not found({"z": "zip"}, z=swiss)
    assert not found({"z": "zip", "s": "state"}, z=["2116"] * 9, s=["NSW"] * 9)
    assert found({"z": "zip", "s": "state"}, z=["2116"] * 9, s=["Massachusetts"] * 9) == [("z", "LOST_ZEROS", 9)]


def test_a_military_zip_lost_its_zero_where_the_row_says_so():
    assert found({"z": "zip", "s": "state"}, z=["9021", "96201"] * 5, s=["AE", "ap"] * 5) == [("z", "LOST_ZEROS", 5)]
    assert found({"z": "zip"}, z=["9021"] * 9) == []


def test_a_shifted_row_is_seen_in_each_column_it_reaches():
    columns = clean(500)
    for row in range(10, 30):
        columns["state"][row], columns["zip"][row], columns["email"][row] = "94103", f"x{row}@example.com", None

    assert found(ROLES, **columns) == [("state", "SHIFTED", 20), ("zip", "SHIFTED", 20)]


def test_a_value_that_stands_in_its_own_column_too_is_not_shifted():
    columns = clean(500)
    columns["name"][:100] = columns["email"][:100]

    assert not found(ROLES, **columns)
    columns["email"][:100] = [None] * 100
    assert found(ROLES, **columns) == [("name", "SHIFTED", 100)]


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("externId", "4E12"),
        ("externId", "0012"),
        ("externId", "00000000000000000000"),
        ("auxData1", "1.0"),
        ("lastName", "Müller"),
        ("lastName", "CONCEIÇÃO"),
        ("lastName", "\U0001f600"),
        ("city", "94103"),
        ("zip", "n/a"),
        ("state", "06"),
        ("email", "none"),
        ("leadPhone", "555-0000"),
        ("leadTimezone", "EST"),
        ("extendedLeadData", "a@example.com"),
    ],
)
def test_what_looks_odd_but_is_usual_has_no_verdict(field, cell):
    assert not found({"column": field}, column=[cell] * 10)


@pytest.mark.parametrize("blank", ["", " ", "\t", "\x85", "\xa0", "\u3000"])
@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("zip", "ca"),
        ("zip", "Texas"),
        ("zip", "x@example.com"),
        ("zip", "(415) 555-2671"),
        ("state", "02116"),
        ("state", "02116-1234"),
        ("state", "+1 415 555 2671"),
        ("email", "4155552671"),
        ("leadPhone", "ny"),
    ],
)
def test_what_is_shifted_is_seen_whatever_blank_it_begins_with(field, cell, blank):
    assert found({"column": field}, column=[blank + cell] * 10) == [("column", "SHIFTED", 10)]


# Python alone counts the four separators of ASCII as white space.
LETTERS = st.characters(codec="utf-8", exclude_characters="\x1c\x1d\x1e\x1f")


@given(st.lists(st.text(LETTERS | st.sampled_from(" \t\x7f\x85\u2028"), max_size=2) | st.none(), min_size=1))
def test_blank_cells_are_no_values(cells):
    counted = count_damage(frame_of(id=cells), {"id": "externId"})
    assert set(counted["values"]) == {len([cell for cell in cells if cell is not None and cell.strip()])}


def test_a_large_chunk_is_counted_exactly_once_its_sample_shows_anything():
    count = 60_000
    columns = clean(count)
    bad = [row for row in range(count) if row % 97 == 0]
    for row in bad:
        columns["phone"][row] = "4.15555E+09"

    (verdict,) = judge(ROLES, **columns)

    assert (verdict.rows, verdict.values, verdict.first_row) == (len(bad), count, 0)


@pytest.mark.parametrize("cell", ["2116", " 2116", "2116\t", "501.0", "\xa0501", "2116-1234"])
def test_a_lost_zero_is_seen_however_many_characters_are_left(cell):
    assert ("zip", "LOST_ZEROS", 10) in found({"zip": "zip"}, zip=[cell] * 10)


@pytest.mark.parametrize("cell", ["02116", "+2116", "-2116", "02.16", "1e003", None])
def test_five_characters_without_a_short_zip_have_lost_no_zero(cell):
    assert found({"zip": "zip"}, zip=[cell] * 10) == []


def test_several_kinds_in_one_column_are_counted_each_for_itself():
    cells = ["x", "4.15555E+09", "4155550000", "4155560000", "123.0", "ca", None, "4.1E+10"]
    counted = count_damage(frame_of(column=cells), {"column": "leadPhone"})

    assert {row["kind"]: (row["rows"], row["first_row"]) for row in counted.iter_rows(named=True)} == {
        "SCIENTIFIC_NOTATION": (2, 1),
        "DECIMAL_POINT": (1, 4),
        "ROUNDED_DIGITS": (2, 2),
        "SHIFTED": (1, 5),
    }


@pytest.mark.parametrize("period", [2, 3, 5, 7, 30, 50, 97, 98])
@pytest.mark.parametrize("count", [5_000, 10_000, 50_000, 200_000])
def test_damage_that_repeats_every_so_many_rows_is_seen_whatever_the_period(count, period):
    for first in range(0, period, max(1, period // 3)):
        phones = ["415-555-2671"] * count
        phones[first::period] = ["4.12345E+09"] * len(phones[first::period])
        (verdict,) = judge({"phone": "leadPhone"}, phone=phones)
        assert verdict.rows == len(range(first, count, period))


@pytest.mark.parametrize("blank", [None, " "])
def test_a_few_blank_cells_hide_no_decimals_in_a_large_chunk(blank):
    ids = [f"{number}.0" for number in range(60_000)]
    ids[::9973] = [blank] * len(ids[::9973])

    (verdict,) = judge({"id": "externId"}, id=ids)

    assert (verdict.kind, verdict.rows, verdict.values) == ("DECIMAL_POINT", 59_993, 59_993)


@given(st.lists(st.sampled_from(["1.0", "4.1E+09", "1234", "x", "", None]), max_size=30), st.integers(0, 30))
def test_chunks_add_up_to_the_whole_in_any_order(cells, cut):
    roles = {"id": "externId"}
    whole = merge_damage([count_damage(frame_of(id=cells), roles)])
    parts = [count_damage(frame_of(id=cells[:cut]), roles), count_damage(frame_of(cut, id=cells[cut:]), roles)]

    for order in (parts, parts[::-1]):
        merged = merge_damage(order)
        assert sorted(merged.rows()) == sorted(whole.rows())
        assert judge_damage(merged, SHARE) == judge_damage(whole, SHARE)


def test_nothing_to_look_at_is_nothing_found():
    assert merge_damage([]).schema == DAMAGE_SCHEMA
    assert count_damage(frame_of(id=[]), {"id": "externId"}).schema == DAMAGE_SCHEMA
    assert count_damage(frame_of(id=["1"]), {}).schema == DAMAGE_SCHEMA
    assert not judge_damage(merge_damage([]), SHARE)
    assert not found(ROLES, **{name: [None] * 5 for name in ROLES})


def test_each_kind_has_a_sentence_that_says_what_to_do():
    for kind in DamageKind:
        counts = pl.DataFrame([["a", "externId", kind.value, 50, 0, 50, 0]], schema=DAMAGE_SCHEMA, orient="row")
        (verdict,) = judge_damage(counts, SHARE)
        assert verdict.sentence.endswith(".")
        assert "50 of 50 values" in verdict.sentence


def test_the_register_of_hospitals_is_clean():
    if not HOSPITALS.exists():
        pytest.skip(f"{HOSPITALS.name} is not beside this project")
    rows = pl.read_csv(HOSPITALS, infer_schema=False).with_row_index("source_row")
    roles = dict.fromkeys(rows.columns[1:], "extendedLeadData") | {
        "Facility ID": "externId", "Facility Name": "lastName", "Address": "address1", "City": "city",
        "State": "state", "ZIP Code": "zip", "Phone Number": "leadPhone",
    }  # fmt: skip
    bare = rows.with_columns(pl.col("Phone Number").str.replace_all("[^0-9]", ""))

    for version in (rows, bare):
        assert not judge_damage(merge_damage([count_damage(version, roles)]), SHARE)


def test_the_sample_leads_have_nothing_worse_than_warnings():
    rows = pl.read_csv(SAMPLE, infer_schema=False).with_row_index("source_row")
    roles = {"Lead ID": "externId", "Last Name": "lastName", "Mobile": "leadPhone", "City": "city", "State": "state"}
    roles |= {"ZIP": "zip", "Email": "email", "First Name": "firstName", "Source": "extendedLeadData"}

    assert not [verdict for verdict in judge_damage(count_damage(rows, roles), SHARE) if verdict.damaged]

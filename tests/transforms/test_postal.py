"""Postal codes and regions: what is recognised is normalised, and nothing is guessed."""

import re
import runpy
from pathlib import Path

import polars as pl
import pytest
import zipcodes
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from transforms.postal import (
    MILITARY_ZIPS,
    REGION_NAMES,
    ZIP_CODES,
    clean_postal_codes,
    clean_regions,
    region_code,
    zip_numbers,
    zip_table,
    zips_by_number,
)

ROOT = Path(__file__).parents[2]
RESTORED = "ZIP: leading zero put back, proved by the state"
UNKNOWN = "ZIP: not a 5-digit, ZIP+4 or Canadian code, sent as it is"
CANADIAN = "(?![WZ])(?!.*[DFIOQU])[A-Z][0-9][A-Z] [0-9][A-Z][0-9]"
ZIP_TEXTS = (
    st.none()
    | st.text(max_size=12)
    | st.from_regex(r"[0-9]{1,10}(\.0){0,2}|[0-9]{3,4}[- ][0-9]{4}|[A-Za-z][0-9][a-z][- ]?[0-9][A-Z][0-9]")
)


def clean(code, state=None):
    frame = pl.DataFrame({"zip": [code], "state": [state]}, schema={"zip": pl.String, "state": pl.String})
    return clean_postal_codes(frame).select("zip", "zip_note").row(0)


def region(*cells):
    return (
        pl.DataFrame({"cell": pl.Series(cells, dtype=pl.String)})
        .select(region_code(pl.col("cell")))
        .to_series()
        .to_list()
    )


def test_the_packed_table_is_that_of_the_installed_zipcodes_package():
    built = runpy.run_path(str(ROOT / "scripts" / "build_zip_table.py"))["build_zip_table"]()
    assert_frame_equal(zip_table(), built)


def test_the_table_by_number_holds_the_same_and_nothing_else():
    table, by_number = zip_table(), zips_by_number()
    found = by_number[table["zip"].cast(pl.UInt32)].cast(pl.String)
    assert_frame_equal(found, table.drop("zip"))
    assert by_number.height == ZIP_CODES
    assert [(column != "").sum() for column in by_number] == [table.height] * 2


def test_a_short_zip_that_is_none_is_not_mended_for_a_state_that_is_empty_too():
    assert clean("0003", "")[0] == "0003"


def test_every_correction_still_corrects_the_package():
    corrections = runpy.run_path(str(ROOT / "scripts" / "build_zip_table.py"))["CORRECTIONS"]
    said = {entry["zip_code"]: entry["timezone"] for entry in zipcodes.list_all()}
    assert [code for code, zone in corrections.items() if said[code] == zone] == []


def test_the_table_has_each_zip_once_and_nothing_is_null():
    table = zip_table()
    assert table.height > 40_000
    assert table.get_column("zip").is_unique().all()
    assert table.get_column("zip").str.contains(r"^[0-9]{5}$").all()
    assert not any(table.null_count().row(0))


@pytest.mark.parametrize(
    ("code", "clean_code"),
    [
        ("10001", "10001"),
        (" 10001 ", "10001"),
        ("10001.0", "10001"),
        ("10001-1234", "10001-1234"),
        ("100011234", "10001-1234"),
        ("10001 1234", "10001-1234"),
        ("k1a0b1", "K1A 0B1"),
        ("K1A-0B1", "K1A 0B1"),
        ("K1A 0B1", "K1A 0B1"),
        ("x0a0h0", "X0A 0H0"),
        ("02134-", "02134"),
        ("02134 -", "02134"),
        ("\u202a02134\u202c", "02134"),
        ("02\u200b134", "02134"),
    ],
)
def test_a_known_form_is_normalised_without_a_note(code, clean_code):
    assert clean(code) == (clean_code, None)


@pytest.mark.parametrize(
    "code",
    [
        *("K1A OB1", "KIA 0B1", "K1A 0O1", "O1A 0B1", "Z1A 0B1", "K1D 0B1", "2134-", "n/a", "sw1a 1aa", "12", "100011"),
        *("12345.0.0", "straße", "\u0661\u0660\u0660\u0660\u0661", "=A1"),
    ],
)
def test_anything_else_stays_as_it_is_and_is_noted(code):
    assert clean(code) == (code, UNKNOWN)


@pytest.mark.parametrize("code", [None, "", "  "])
def test_a_blank_code_is_null_and_needs_no_note(code):
    assert clean(code) == (None, None)


@pytest.mark.parametrize(
    ("code", "state", "expected"),
    [
        ("2134", "MA", ("02134", RESTORED)),
        ("2134.0", "MA", ("02134", RESTORED)),
        ("901", "PR", ("00901", RESTORED)),
        ("21341234", "MA", ("02134-1234", RESTORED)),
        ("2134-1234", "MA", ("02134-1234", RESTORED)),
        ("2134 1234", "MA", ("02134-1234", RESTORED)),
        ("21341234.0", "MA", ("02134-1234", RESTORED)),
        ("9011234", "PR", ("00901-1234", RESTORED)),
        ("21341234", "TX", ("21341234", UNKNOWN)),
        ("2134-1234", None, ("2134-1234", UNKNOWN)),
        ("2134--1234", "MA", ("2134--1234", UNKNOWN)),
        ("2134", "TX", ("2134", UNKNOWN)),
        ("2134", None, ("2134", UNKNOWN)),
        ("9999", "MA", ("9999", UNKNOWN)),
        ("9021", "AE", ("09021", RESTORED)),
        ("90211234", "AE", ("09021-1234", RESTORED)),
        ("9999", "AE", ("09999", RESTORED)),
        ("9021", "AP", ("9021", UNKNOWN)),
        ("9983", "AE", ("9983", UNKNOWN)),
        ("9983", "NJ", ("09983", RESTORED)),
        ("2134", "AE", ("2134", UNKNOWN)),
        ("0902", "AE", ("0902", UNKNOWN)),
        ("34", "MA", ("34", UNKNOWN)),
    ],
)
def test_leading_zeros_come_back_only_where_the_rows_own_state_proves_them(code, state, expected):
    assert clean(code, state) == expected


def test_leading_zeros_stay_lost_without_a_column_of_states():
    frame = clean_postal_codes(pl.DataFrame({"zip": ["2134", "10001"]}))
    assert frame.rows() == [("2134", UNKNOWN), ("10001", None)]


def test_rows_keep_their_order_and_other_columns():
    frame = pl.DataFrame({"zip": ["2134", None, "x", "90210"], "state": ["MA", "MA", None, "CA"], "n": [3, 1, 2, 0]})
    cleaned = clean_postal_codes(frame)
    assert cleaned.columns == ["zip", "state", "n", "zip_note"]
    assert cleaned.get_column("n").to_list() == [3, 1, 2, 0]
    assert cleaned.get_column("zip").to_list() == ["02134", None, "x", "90210"]


NEAR_ZIPS = ["+1234", " 1234", "1234 ", "-1234", "1_234", "12e45", "\t10001", "10001\u200b", "\u0661\u0660001", "10001"]
CODES = ZIP_TEXTS | st.sampled_from(NEAR_ZIPS)


@pytest.mark.parametrize("near", NEAR_ZIPS)
def test_only_five_digits_are_a_zip_number(near):
    number = 10001 if near == "10001" else None
    assert zip_numbers(pl.Series([near, "02134", None])).to_list() == [number, 2134, None]


@given(st.lists(st.tuples(CODES, st.sampled_from([None, "MA", "PR", "TX"])), min_size=1, max_size=20))
def test_a_code_is_cleaned_the_same_in_any_company(rows):
    frame = pl.DataFrame(rows, schema={"zip": pl.String, "state": pl.String}, orient="row")
    assert clean_postal_codes(frame).select("zip", "zip_note").rows() == [clean(*row) for row in rows]


@given(st.lists(CODES, min_size=1, max_size=20))
def test_every_code_that_is_sent_is_recognised_or_noted(codes):
    cleaned = clean_postal_codes(pl.DataFrame({"zip": codes}, schema={"zip": pl.String}))
    for code, note in cleaned.rows():
        known = code is None or re.fullmatch(f"[0-9]{{5}}(-[0-9]{{4}})?|{CANADIAN}", code)
        assert (note is None) == bool(known)


@given(st.lists(st.tuples(ZIP_TEXTS, st.sampled_from([None, "MA", "PR", "TX"])), min_size=1, max_size=20))
@example([("12345.0.0", None), ("\u0390", None), ("ŉ", "MA"), ("901.0", "PR")])
def test_cleaning_codes_twice_changes_nothing(rows):
    frame = pl.DataFrame(rows, schema={"zip": pl.String, "state": pl.String}, orient="row")
    once = clean_postal_codes(frame).drop("zip_note")
    assert_frame_equal(clean_postal_codes(once).drop("zip_note"), once)
    assert once.height == len(rows)


@pytest.mark.parametrize("name", sorted(REGION_NAMES))
def test_a_regions_name_and_code_in_any_case_give_its_code(name):
    code = REGION_NAMES[name]
    assert region(name, name.lower(), f" {name.title()} ", code, code.lower()) == [code] * 5


def test_a_name_written_with_a_combining_accent_is_known():
    assert region("Que\u0301bec") == ["QC"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("AE", "AE"), ("ap", "AP"), ("AA", "AA"), ("FM", "FM"), ("MH", "MH"), ("PW", "PW"),
        ("Armed Forces Europe", "AE"), ("Federated States of Micronesia", "FM"), ("Marshall Islands", "MH"),
        ("Palau", "PW"), ("US Virgin Islands", "VI"), ("Washington DC", "DC"), ("Washington, D.C.", "DC"),
        ("D.C.", "DC"), ("Newfoundland & Labrador", "NL"), ("Yukon Territory", "YT"), ("New  York", "NY"),
        ("north\u00a0 carolina", "NC"), ("N.Y.", "NY"), ("n. y.", "NY"), ("N.Y", "NY"), ("Ga.", "GA"), ("B.C.", "BC"),
        ("N.W.T.", "N.W.T."), ("Wash. D.C.", "DC"), ("Washington, D. C.", "DC"), ("washington,dc", "DC"),
        ("P.R.", "PR"), ("Newfoundland, Labrador", "Newfoundland, Labrador"),
        ("U.S. Virgin Islands", "VI"), ("U. S. Virgin Islands", "VI"),
        ("Armed Forces Middle East", "AE"), ("N.Y.C.", "N.Y.C."), ("New.York", "NY"),
    ],
)  # fmt: skip
def test_every_code_of_the_mail_and_usual_ways_to_write_a_name_are_known(written, code):
    assert region(written) == [code]
    assert clean_regions(pl.Series("state", [written])).to_list() == [code]


@pytest.mark.parametrize("name", [*REGION_NAMES, *REGION_NAMES.values()])
def test_periods_and_commas_change_no_region(name):
    expected = REGION_NAMES.get(name, name)
    assert region(f"{name}.", name.replace(".", ""), name.replace(" ", ", ")) == [expected] * 3


def test_the_military_zips_that_begin_with_a_zero_are_those_of_one_state():
    military = {each["zip_code"]: each["state"] for each in zipcodes.list_all() if each["state"] in {"AA", "AE", "AP"}}
    assert {state for code, state in military.items() if code.startswith("0")} == {"AE"}
    assert all(int(code) in MILITARY_ZIPS for code, state in military.items() if state == "AE")


def test_an_unknown_region_is_only_cleaned():
    assert region(" Bavaria\x00", "n/a", "", None, "xx") == ["Bavaria", "n/a", None, None, "xx"]


@given(st.lists(st.none() | st.text(max_size=10), max_size=20))
def test_a_region_code_of_a_region_code_is_itself(cells):
    once = region(*cells)
    assert region(*once) == once


REGION_TEXTS = (
    st.none()
    | st.text(max_size=10)
    | st.sampled_from([*REGION_NAMES, *REGION_NAMES.values()]).flatmap(
        lambda name: st.sampled_from([name, name.lower(), name.title(), f" {name}", f"{name}\x00", f"{name}s"])
    )
    | st.sampled_from(["Que\u0301bec", "\u00e9", "ZZ", "ab", "A1"])
)


@given(st.lists(REGION_TEXTS, max_size=20))
def test_regions_cleaned_at_once_are_those_of_the_expression(cells):
    series = pl.Series("state", cells, dtype=pl.String)
    cleaned = clean_regions(series)
    assert cleaned.to_list() == region(*cells)
    assert cleaned.name == "state"
    assert series.to_list() == cells

"""The files a run leaves for machines: rejects that no spreadsheet runs, outcomes and the report in numbers."""

import csv
import json
import stat

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.report.files import write_rejects, write_report
from connectors.sources.csv_files import open_csv

STARTS_A_FORMULA = tuple("=+-@\t\r\n")


def cells_of(path):
    """Every cell as a spreadsheet would see it, the header's too."""
    with path.open(encoding="utf-8", newline="") as file:
        return [cell for record in csv.reader(file) for cell in record]


def rejects(**columns):
    height = len(next(iter(columns.values())))
    return pl.DataFrame(
        {"leadferry_source_row": range(height), **columns, "leadferry_reason": ["PHONE_MISSING"] * height}
    )


@pytest.mark.parametrize("start", STARTS_A_FORMULA)
def test_no_cell_starts_a_formula(tmp_path, start):
    frame = rejects(**{"name": [f"{start}cmd|' /C calc'!A0", start, f"'{start}1"], f"{start}head": ["a", "b", "c"]})

    write_rejects(tmp_path / "rejects.csv", frame.lazy())

    cells = cells_of(tmp_path / "rejects.csv")
    assert len(cells) == 16
    assert not [cell for cell in cells if cell.startswith(STARTS_A_FORMULA)]


def test_other_cells_are_left_as_they_are(tmp_path):
    values = ["plain", "1-2", "a=b", " =1", "'quoted'", "O'Hara", "ünï", 'say "hi"', "x,y", "01234"]

    write_rejects(tmp_path / "rejects.csv", rejects(name=values).lazy())

    assert cells_of(tmp_path / "rejects.csv")[4::3] == values


def test_numbers_of_ours_stay_numbers(tmp_path):
    write_rejects(tmp_path / "rejects.csv", pl.LazyFrame({"leadferry_source_row": [0, 7]}))

    assert (tmp_path / "rejects.csv").read_text() == "leadferry_source_row\n0\n7\n"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.none() | st.text(st.sampled_from("=+-@\t\r\n'\" ,;ab1é\0\ufeff\u2028"), min_size=1, max_size=6),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_any_value_survives_a_rejects_file_that_is_loaded_again(tmp_path, values, careful):
    path = tmp_path / "rejects.csv"
    write_rejects(path, rejects(name=pl.Series(values, dtype=pl.String), other=values[::-1]).lazy())

    again = open_csv(str(path), ["name"], careful=careful)

    assert again.columns == ("name", "other")
    rows = again.rows.collect()
    assert rows["name"].to_list() == values
    assert rows["other"].to_list() == values[::-1]
    assert not [cell for cell in cells_of(path) if cell.startswith(STARTS_A_FORMULA)]


@pytest.mark.parametrize("name", ["plain", "=1+1", "'=1", "-", 'say "hi"', "a,b", "two\nlines", "'quoted'"])
def test_any_column_name_survives_a_rejects_file_that_is_loaded_again(tmp_path, name):
    write_rejects(tmp_path / "rejects.csv", rejects(**{name: ["1"], "other": ["2"]}).lazy())

    again = open_csv(str(tmp_path / "rejects.csv"), [name, "other"])

    assert again.columns == (name, "other")
    assert again.rows.collect().row(0) == (0, "1", "2", None)


def test_the_report_is_json_that_says_what_it_was_given(tmp_path):
    facts = {"run_id": "r", "counts": {"rows_read": 3}, "balanced": True, "job": "ünï", "finished_at": None}

    write_report(tmp_path / "report.json", facts)

    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == facts
    assert list(json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))) == list(facts)


def test_files_that_hold_leads_are_readable_by_their_owner_alone(tmp_path):
    write_rejects(tmp_path / "rejects.csv", rejects(name=["a"]).lazy())
    write_report(tmp_path / "report.json", {})

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_column_that_cannot_be_computed_leaves_no_file(tmp_path):
    with pytest.raises(pl.exceptions.PolarsError):
        write_rejects(tmp_path / "rejects.csv", rejects(name=["a"]).lazy().with_columns(pl.col("name").cast(pl.Int64)))

    assert list(tmp_path.iterdir()) == []

"""The files a run leaves for machines: rejects that no spreadsheet runs, outcomes and the report in numbers."""

import csv
import json
import re
import stat
import unicodedata
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.report.files import write_rejects, write_report
from connectors.sources.csv_dialect import CsvChoices
from connectors.sources.csv_files import open_csv
from transforms.vocabulary.errors import SourceError

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


def write(path, rows):
    write_rejects(path, rows.columns, [rows])


@pytest.mark.parametrize("start", STARTS_A_FORMULA)
def test_no_cell_starts_a_formula(tmp_path, start):
    frame = rejects(**{"name": [f"{start}cmd|' /C calc'!A0", start, f"'{start}1"], f"{start}head": ["a", "b", "c"]})

    write(tmp_path / "rejects.csv", frame)

    cells = cells_of(tmp_path / "rejects.csv")
    assert len(cells) == 16
    assert not [cell for cell in cells if cell.startswith(STARTS_A_FORMULA)]


def test_other_cells_are_left_as_they_are(tmp_path):
    values = ["plain", "1-2", "a=b", " 1", "x, -1", "'quoted'", "O'Hara", "ünï", 'say "hi"', "x,y", "01234"]

    write(tmp_path / "rejects.csv", rejects(name=values))

    assert cells_of(tmp_path / "rejects.csv")[4::3] == values


def test_numbers_of_ours_stay_numbers(tmp_path):
    write(tmp_path / "rejects.csv", pl.DataFrame({"leadferry_source_row": [0, 7]}))

    assert (tmp_path / "rejects.csv").read_text() == "leadferry_source_row\n0\n7\n"


HOSTILE = st.text(
    st.sampled_from("=+-@\t\r\n'\" ,;|ab1é\0\x0b\u00a0\u200b\ufeff\u2028\uff1d\uff0b\uff0d\uff20\u2212\ufe62"),
    min_size=1,
    max_size=7,
)


def formulas_of(path):
    """Every cell that may start a formula, however a spreadsheet's locale has it part the cells of a line."""
    starts = []
    for separator in ",;\t":
        with path.open(encoding="utf-8", newline="") as file:
            starts += [cell for record in csv.reader(file, delimiter=separator) for cell in record]
    for part in re.split(r"[;\t\r\n]", path.read_text(encoding="utf-8").replace('"', "")):
        starts.append(part)
    # What a spreadsheet may trim: blanks, and what is not seen.
    seen = [re.sub(r"^[\s\u200b\ufeff\x00-\x1f]+", "", cell) for cell in starts]
    return [cell for cell in seen if unicodedata.normalize("NFKC", cell)[:1] in set("=+-@\u2212")]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | HOSTILE, min_size=1, max_size=6), st.booleans())
def test_any_value_survives_a_rejects_file_that_is_loaded_again(tmp_path, values, careful):
    path = tmp_path / "rejects.csv"
    write(path, rejects(name=pl.Series(values, dtype=pl.String), other=values[::-1]))

    again = open_csv(str(path), ["name"], careful=careful)

    assert again.columns == ("name", "other")
    rows = again.collect()
    assert rows["name"].to_list() == values
    assert rows["other"].to_list() == values[::-1]
    assert not [cell for cell in cells_of(path) if cell.startswith(STARTS_A_FORMULA)]
    assert not formulas_of(path)


@pytest.mark.parametrize(
    "cell",
    [
        "=1",
        " =1",
        "\u00a0\u200b=1",
        "\uff1d1",
        "x;=1;y",
        "x\t@SUM(1)",
        "two\n-lines",
        "'=1",
        "''=1",
        "' =1",
        "x;'=1",
        "\x0b+1",
    ],
)
def test_no_cell_starts_a_formula_where_another_country_parts_cells_otherwise(tmp_path, cell):
    write(tmp_path / "rejects.csv", rejects(name=[cell, "plain"]))

    assert not formulas_of(tmp_path / "rejects.csv")
    assert open_csv(str(tmp_path / "rejects.csv"), ["name"]).collect()["name"].to_list() == [cell, "plain"]


CHOICES = {
    "as written": ({}, lambda text: text.encode()),
    "of a job with semicolons": (
        {"separator": ";", "quote": "'", "encoding": "windows-1252"},
        lambda text: text.encode(),
    ),
    "of a job without a header": ({"header": False, "skip_rows": 3, "comment": "A"}, lambda text: text.encode()),
    "of a job in UTF-16": ({"encoding": "utf-16"}, lambda text: text.encode()),
    "saved as UTF-16": ({"separator": "|"}, lambda text: text.replace(",", "\t").encode("utf-16")),
    "saved with semicolons": ({}, lambda text: text.replace(",", ";").encode("cp1252")),
    "saved with a mark": ({}, lambda text: text.encode("utf-8-sig")),
}


@pytest.mark.parametrize("how", CHOICES)
def test_a_rejects_file_is_read_as_it_is_written_whatever_the_job_says_of_its_source(tmp_path, how):
    choices, saved = CHOICES[how]
    values = ["A1", "José", "'='", "'-x'", "'@y'"]
    write(tmp_path / "plain.csv", rejects(column_1=values, column_2=["1"] * 5))
    (tmp_path / "rejects.csv").write_bytes(saved((tmp_path / "plain.csv").read_text(encoding="utf-8")))

    again = open_csv(str(tmp_path / "rejects.csv"), ["column_1"], CsvChoices(**choices))

    assert again.columns == ("column_1", "column_2")
    assert again.collect()["column_1"].to_list() == values


def test_a_source_that_only_speaks_of_our_columns_is_read_as_the_job_says(tmp_path):
    (tmp_path / "a.csv").write_text("id;phone\nleadferry_source_row,leadferry_reason;1\n", encoding="utf-8")

    found = open_csv(str(tmp_path / "a.csv"), ["id"], CsvChoices(separator=";"))

    assert found.collect()["id"].to_list() == ["leadferry_source_row,leadferry_reason"]


def test_rows_that_nobody_has_to_mend_are_warned_of(tmp_path):
    outcomes = ["REJECTED", "DUPLICATE", "DUPLICATE", "UNRESOLVED", "NOT_SENT"]
    write(tmp_path / "rejects.csv", rejects(id=list("abcde"), leadferry_outcome=outcomes))

    notes = " ".join(open_csv(str(tmp_path / "rejects.csv"), ["id"]).notes)

    assert "rejects.csv: 2 rows were set aside for others with the same id or number" in notes
    assert "1 row was UNRESOLVED and may be in RingCX already" in notes
    assert "1 row was not sent yet" in notes
    assert "REJECTED" not in notes


def test_rows_of_broken_lines_are_warned_of_for_their_fault_shows_no_more(tmp_path):
    reasons = ["ROW_TOO_FEW_FIELDS", "PHONE_MISSING", "ROW_QUOTE_NOT_CLOSED", "ROW_TOO_FEW_FIELDS"]
    rows = rejects(id=list("abcd")).with_columns(pl.Series("leadferry_reason", reasons))
    write(tmp_path / "rejects.csv", rows)

    (note,) = open_csv(str(tmp_path / "rejects.csv"), ["id"]).notes

    assert "3 rows were refused because the line was broken (ROW_TOO_FEW_FIELDS, ROW_QUOTE_NOT_CLOSED)" in note


@pytest.mark.parametrize("name", ["leadferry_outcome", "leadferry_suggestion", "leadferry_reason"])
def test_a_column_of_ours_is_refused_in_any_file_but_a_rejects_file(tmp_path, name):
    (tmp_path / "a.csv").write_text(f"id,{name}\n1,2\n", encoding="utf-8")

    with pytest.raises(SourceError, match=f"{name}.*leave both in it"):
        open_csv(str(tmp_path / "a.csv"), ["id"])


@pytest.mark.parametrize("name", ["plain", "=1+1", "'=1", "-", 'say "hi"', "a,b", "two\nlines", "'quoted'"])
def test_any_column_name_survives_a_rejects_file_that_is_loaded_again(tmp_path, name):
    write(tmp_path / "rejects.csv", rejects(**{name: ["1"], "other": ["2"]}))

    again = open_csv(str(tmp_path / "rejects.csv"), [name, "other"])

    assert again.columns == (name, "other")
    assert again.collect().row(0) == (0, "1", "2", None)


def test_the_report_is_json_that_says_what_it_was_given(tmp_path):
    facts = {"run_id": "r", "counts": {"rows_read": 3}, "balanced": True, "job": "ünï", "finished_at": None}

    write_report(tmp_path / "report.json", facts)

    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == facts
    assert list(json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))) == list(facts)


def test_files_that_hold_leads_are_readable_by_their_owner_alone(tmp_path):
    write(tmp_path / "rejects.csv", rejects(name=["a"]))
    write_report(tmp_path / "report.json", {})

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_rows_that_cannot_be_had_leave_no_file(tmp_path):
    def pieces():
        yield rejects(name=["a"])
        raise pl.exceptions.ComputeError

    with pytest.raises(pl.exceptions.ComputeError):
        write_rejects(tmp_path / "rejects.csv", rejects(name=["a"]).columns, pieces())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cuts", [[], [0], [2], [1, 2], [3]], ids=str)
def test_pieces_make_the_file_of_the_whole(tmp_path, cuts):
    rows = rejects(name=["a", "=1", None], **{"=head": ["x", "y,z", ""]})
    write(tmp_path / "whole.csv", rows)

    edges = [0, *cuts, rows.height]
    write_rejects(tmp_path / "pieces.csv", rows.columns, [rows[start:end] for start, end in pairwise(edges)])

    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_column_name_is_no_pattern(tmp_path):
    write(tmp_path / "rejects.csv", rejects(**{"^.*$": ["=1"], "a": ["b"]}))

    assert (tmp_path / "rejects.csv").read_text().splitlines()[1] == "0,'=1,b,PHONE_MISSING"


def test_without_rows_a_file_has_its_columns(tmp_path):
    write_rejects(tmp_path / "rejects.csv", ["leadferry_source_row", "=head"], [])

    assert (tmp_path / "rejects.csv").read_text() == "leadferry_source_row,'=head\n"

"""A workbook from `init` to RingCX, by the real command."""

import pytest
import xlsxwriter

from tests.conftest import lead_rows


@pytest.fixture
def workbook(tmp_path):
    """Leads as people keep them: numbers for telephone numbers, and a ZIP code whose zeros only its format shows."""
    path = tmp_path / "our leads.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        five_digits = book.add_format({"num_format": "00000"})
        leads = book.add_worksheet("Leads")
        leads.write(0, 0, "Our leads")
        leads.write_row(2, 0, ["id", "phone", "name", "zip", "state"])
        for place, row in enumerate(lead_rows(40), 3):
            leads.write_string(place, 0, row["id"])
            leads.write_number(place, 1, int("".join(filter(str.isdigit, row["phone"]))))
            leads.write_string(place, 2, row["name"])
            leads.write_number(place, 3, int(row["zip"]), five_digits)
            leads.write_string(place, 4, row["state"])
    return path


def test_a_workbook_is_loaded_as_it_looks_with_a_warning_where_numbers_are_numbers(leadferry, make_job, workbook):
    source = {"type": "excel", "path": workbook.name, "sheet": "Leads", "header_row": 3}
    ended = leadferry("load", make_job("", source=source), "--json")

    assert ended.code == 0, ended.err
    assert ended.json["counts"]["LOADED"] == 40
    assert not [repair for repair in ended.json["repairs"] if "zip" in str(repair)]
    warned = "\n".join(ended.json["warnings"])
    assert "telephone numbers in column 'phone' are stored as numbers (cells: 40)" in warned
    assert "ZIP codes in column 'zip' are stored as numbers (cells: 40)" in warned
    assert ended.err.count("warning: ") == 2


def test_a_wrong_sheet_ends_with_the_sheets_there_are(leadferry, make_job, workbook):
    source = {"type": "excel", "path": workbook.name, "sheet": "Lead"}
    ended = leadferry("check", make_job("", source=source), "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "SHEET_MISSING")
    assert "its sheets: 'Leads'" in ended.json["error"]["message"]


def test_init_guesses_the_columns_of_a_workbook(leadferry, tmp_path):
    path = tmp_path / "crm.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        leads = book.add_worksheet()
        rows = lead_rows(30)
        leads.write_row(0, 0, list(rows[0]))
        for place, row in enumerate(rows, 1):
            leads.write_row(place, 0, list(row.values()))

    ended = leadferry("init", path, "--json")

    assert ended.code == 0, ended.err
    assert {guess["field"] for guess in ended.json["guesses"]} >= {"externId", "leadPhone", "zip", "state"}
    assert leadferry("check", tmp_path / "crm.toml").code == 0

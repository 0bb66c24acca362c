"""Excel workbooks as a source: every cell is the text that a person sees in the sheet."""

import datetime as dt
import re
import zipfile

import openpyxl
import pytest
import xlsxwriter

from connectors.sources.excel_files import open_excel
from connectors.sources.number_formats import show_number
from connectors.sources.xlsx_cells import column_letters, column_number
from transforms.vocabulary.errors import SourceError


@pytest.fixture
def book(tmp_path):
    """Write a workbook with `fill(workbook)` and return where it lies."""

    def write(fill, name="leads.xlsx", **options):
        with xlsxwriter.Workbook(str(tmp_path / name), options) as workbook:
            fill(workbook)
        return str(tmp_path / name)

    return write


@pytest.fixture
def sheet(book):
    """Write rows into the only sheet of a workbook."""

    def write(*rows, name="leads.xlsx"):
        def fill(workbook):
            leads = workbook.add_worksheet("Leads")
            for number, row in enumerate(rows):
                leads.write_row(number, 0, row)

        return book(fill, name)

    return write


def rows_of(path, **options):
    """The rows as text, without our own columns."""
    extract = open_excel(path, [], **options)
    return extract.columns, extract.collect().drop("source_row", "row_fault").rows()


def rewrite(path, part, change):
    """Change the XML of one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("stored", "code", "shown"),
    [
        ("4155550123", "", "4155550123"),
        ("4155550123", "General", "4155550123"),
        ("4155550123", "0", "4155550123"),
        ("4155550123", "0.00E+00", "4155550123"),
        ("4155550123.0", "", "4155550123"),
        ("4.155550123E9", "", "4155550123"),
        ("12345678901234567890", "", "12345678901234567890"),
        ("1E+21", "", "1000000000000000000000"),
        ("0.1", "", "0.1"),
        ("1.1000000000000001", "", "1.1"),
        ("1e-7", "", "0.0000001"),
        ("-0", "", "0"),
        ("-12.50", "", "-12.5"),
        ("1234", "00000", "01234"),
        ("21161234", "00000-0000", "02116-1234"),
        ("1234", "000-00-0000", "000-00-1234"),
        ("1234", '"ZIP "00000', "ZIP 01234"),
        ("4155550123", "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "(415) 555-0123"),
        ("5550123", "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "555-0123"),
        ("14155550123", "(000) 000-0000", "(1415) 555-0123"),
        ("-5", "00000", "-5"),
        ("12.5", "00000", "12.5"),
        ("0.25", "0%", "0.25"),
        ("1234567", '"$"#,##0.00', "1234567"),
        ("3", '0 "days"', "3"),
        ("45000", "yyyy-mm-dd", "2023-03-15"),
        ("45000", "[$-409]mmmm d, yyyy;@", "2023-03-15"),
        ("45000.75", "m/d/yy", "2023-03-15"),
        ("45000.75", "m/d/yy h:mm", "2023-03-15 18:00:00"),
        ("45000.9999999", "m/d/yy h:mm", "2023-03-16 00:00:00"),
        ("45000.5000057870", "yyyy-mm-dd hh:mm:ss.000", "2023-03-15 12:00:00.500"),
        ("0.5", "h:mm AM/PM", "12:00:00"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("-0.5", "[h]:mm", "-12:00:00"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("60", "yyyy-mm-dd", "1900-02-29"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("2958465", "yyyy-mm-dd", "9999-12-31"),
        ("2958466", "yyyy-mm-dd", "2958466"),
        ("-1", "yyyy-mm-dd", "-1"),
    ],
)
def test_a_number_is_told_as_its_format_shows_it(stored, code, shown):
    assert show_number(stored, code) == shown


def test_days_may_count_from_1904(book):
    def fill(workbook):
        leads = workbook.add_worksheet()
        leads.write_row(0, 0, ["day"])
        leads.write_datetime(1, 0, dt.date(2026, 11, 21), workbook.add_format({"num_format": "dd/mm/yyyy"}))

    assert rows_of(book(fill, date_1904=True))[1] == [("2026-11-21",)]
    assert rows_of(book(fill, date_1904=False))[1] == [("2026-11-21",)]


def test_cells_are_what_a_person_sees(book):
    def fill(workbook):
        leads = workbook.add_worksheet("Leads")
        leads.write_row(0, 0, ["id", "phone", "zip", "day", "ok", "note", "share", "total"])
        leads.write_string(1, 0, "007")
        leads.write_number(1, 1, 4155550123)
        leads.write_number(1, 2, 1234, workbook.add_format({"num_format": "00000"}))
        leads.write_datetime(1, 3, dt.date(2026, 1, 2), workbook.add_format({"num_format": "d. mmm yyyy"}))
        leads.write_boolean(1, 4, True)  # noqa: FBT003
        leads.write_string(1, 5, "n/a")
        leads.write_number(1, 6, 0.25, workbook.add_format({"num_format": "0.0%"}))
        leads.write_formula(1, 7, "=A1&B1", value="as saved")
        leads.write_rich_string(2, 5, "two ", workbook.add_format({"bold": True}), "runs")
        leads.write_string(2, 0, " =1+1 ")
        leads.write_formula(2, 7, "=1+1", value=2)

    columns, rows = rows_of(book(fill))

    assert columns == ("id", "phone", "zip", "day", "ok", "note", "share", "total")
    assert rows == [
        ("007", "4155550123", "01234", "2026-01-02", "TRUE", "n/a", "0.25", "as saved"),
        (" =1+1 ", None, None, None, None, "two runs", None, "2"),
    ]


def test_a_workbook_of_openpyxl_is_read_too(tmp_path):
    workbook = openpyxl.Workbook()
    leads = workbook.active
    leads.append(["id", "phone", "zip", "seen", "made"])
    leads.append(["a", "+1 415", 2116, dt.datetime.fromisoformat("2026-01-02T03:04:05"), "=1+1"])
    leads["C2"].number_format = "00000"
    workbook.save(tmp_path / "leads.xlsx")

    extract = open_excel(str(tmp_path / "leads.xlsx"), [])

    assert extract.collect().select("id", "phone", "zip", "seen", "made").rows() == [
        ("a", "+1 415", "02116", "2026-01-02 03:04:05", None)
    ]
    assert "formulas of column 'made' were saved without values (cells: 1)" in extract.notes[0]


def test_blank_rows_between_others_count_and_those_at_the_end_do_not(book):
    def fill(workbook):
        leads = workbook.add_worksheet()
        leads.write_row(3, 0, ["id", "phone"])
        leads.write_row(5, 0, ["a", "1"])
        leads.write_row(8, 0, ["b", "2"])
        leads.write_blank(20, 0, None, workbook.add_format({"bold": True}))

    assert rows_of(book(fill))[1] == [(None, None), ("a", "1"), (None, None), (None, None), ("b", "2")]


def test_the_header_may_stand_below_a_title(sheet):
    path = sheet(["Our leads, 2026"], [], ["id", "phone"], ["a", "1"])

    assert rows_of(path, header_row=3) == (("id", "phone"), [("a", "1")])
    for row in (2, 9):
        with pytest.raises(SourceError, match=f"has nothing in row {row}") as error:
            open_excel(path, [], header_row=row)
        assert error.value.code == "SOURCE_NO_HEADER"


def test_headers_that_repeat_or_are_merged_or_missing_get_names_of_their_own(book):
    def fill(workbook):
        leads = workbook.add_worksheet()
        leads.write_row(0, 0, ["id", "phone", "phone", "", "", 2026])
        leads.merge_range(0, 6, 0, 7, "both")
        leads.write_row(1, 0, ["a", "1", "2", "", "x", "y", "z", "w"])

    assert rows_of(book(fill)) == (
        ("id", "phone", "phone_duplicated_0", "column E", "2026", "both", "column H"),
        [("a", "1", "2", "x", "y", "z", "w")],
    )


def test_errors_and_hidden_rows_are_told(book):
    def fill(workbook):
        leads = workbook.add_worksheet("Leads")
        leads.write_row(0, 0, ["id", "phone"])
        leads.write_formula(1, 1, "=NA()", value="#N/A")
        leads.write_formula(2, 1, "=1/0", value="#DIV/0!")
        leads.write_row(1, 0, ["a"])
        leads.write_row(2, 0, ["b"])
        leads.set_row(2, None, None, {"hidden": True})

    extract = open_excel(book(fill), ["id"])

    assert extract.collect()["phone"].to_list() == [None, None]
    assert extract.notes == (
        "leads.xlsx, sheet 'Leads': column 'phone' shows errors (#N/A, #DIV/0!; cells: 2); they count as empty.",
        "leads.xlsx, sheet 'Leads': hidden rows are read like the others (rows: 1).",
    )


def test_numbers_where_text_belongs_are_told(sheet):
    path = sheet(["id", "phone", "zip"], ["1", 4155550123, "02116"], [2, "x", "2116"], ["3", 4155550124, ""])

    notes = open_excel(path, [], not_numbers={"phone": "telephone numbers", "zip": "ZIP codes"}).notes

    assert len(notes) == 1
    assert "telephone numbers in column 'phone' are stored as numbers (cells: 2)" in notes[0]


@pytest.fixture
def sheets(book):
    def fill(workbook):
        workbook.add_worksheet("Hidden").write_row(0, 0, ["hidden"])
        workbook.add_worksheet("Leads 2026").write_row(0, 0, ["id"])
        workbook.add_worksheet("Old").write_row(0, 0, ["old"])
        workbook.get_worksheet_by_name("Leads 2026").activate()
        workbook.get_worksheet_by_name("Leads 2026").set_first_sheet()
        workbook.get_worksheet_by_name("Hidden").hide()

    return book(fill)


@pytest.mark.parametrize(
    ("chosen", "column"),
    [(None, "id"), ("Leads 2026", "id"), ("leads 2026", "id"), ("Hidden", "hidden"), (1, "hidden"), (3, "old")],
)
def test_a_sheet_is_chosen_by_name_or_number_and_else_the_first_that_shows(sheets, chosen, column):
    assert open_excel(sheets, [], sheet=chosen).columns == (column,)


@pytest.mark.parametrize(("chosen", "hint"), [("Lead 2026", "did you mean 'Leads 2026'?"), (4, ";"), ("zzz", ";")])
def test_a_sheet_that_is_not_there_lists_those_that_are(sheets, chosen, hint):
    with pytest.raises(SourceError, match=r"its sheets: 'Hidden' \(hidden\), 'Leads 2026', 'Old'") as error:
        open_excel(sheets, [], sheet=chosen)
    assert error.value.code == "SHEET_MISSING"
    assert hint in error.value.message


def test_files_of_a_folder_are_joined_and_lock_files_left_alone(sheet, tmp_path):
    sheet(["id", "a"], ["1", "x"], name="1.xlsx")
    sheet(["id", "b"], ["2", "y"], name="2.xlsx")
    (tmp_path / "~$1.xlsx").write_bytes(b"lock")

    extract = open_excel(str(tmp_path), ["id"])

    assert extract.collect().select("source_file", "id", "a", "b").rows() == [
        ("1.xlsx", "1", "x", None),
        ("2.xlsx", "2", None, "y"),
    ]
    assert "1.xlsx lacks 'b'; 2.xlsx lacks 'a'" in extract.notes[-1]


OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"id,phone\n1,2\n", "is not an .xlsx workbook"),
        (OLE + bytes(3000), "of the old kind (.xls)"),
        (OLE + bytes((1 << 20) - 20) + "EncryptedPackage".encode("utf-16-le"), "protected with a password"),
    ],
)
def test_a_file_of_another_kind_is_told_what_it_is(tmp_path, content, told):
    (tmp_path / "leads.xlsx").write_bytes(content)

    with pytest.raises(SourceError, match=re.escape(told)) as error:
        open_excel(str(tmp_path / "leads.xlsx"), [])
    assert "leads.xlsx" in error.value.message


def test_a_damaged_workbook_is_refused_by_its_name(sheet, tmp_path):
    path = sheet(["id"], *([str(number)] for number in range(3000)))
    whole = (tmp_path / "leads.xlsx").read_bytes()
    (tmp_path / "leads.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"leads\.xlsx is not an \.xlsx workbook, or only a part"):
        open_excel(path, [])
    (tmp_path / "leads.xlsx").write_bytes(whole)
    rewrite(path, "xl/worksheets/sheet1.xml", lambda xml: xml[: len(xml) // 2])
    with pytest.raises(SourceError, match=r"leads\.xlsx is not an \.xlsx workbook that can be read: "):
        open_excel(path, [])


def test_a_workbook_whose_writer_spells_xml_otherwise_is_the_same(sheet):
    """Prefixes before every name, cells and rows without their places, texts read aloud, characters XML cannot hold."""
    path = sheet(["id", "name"], ["a", "b"])

    def prefixed(xml):
        xml = re.sub(r' r="[A-Z]*\d+"', "", xml)
        return re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", xml).replace("xmlns=", "xmlns:x=", 1)

    rewrite(path, "xl/worksheets/sheet1.xml", prefixed)
    rewrite(
        path,
        "xl/sharedStrings.xml",
        lambda xml: xml.replace("<t>b</t>", "<r><t>b_x000D_</t></r><r><t>c</t></r><rPh><t>spoken</t></rPh>"),
    )

    assert rows_of(path) == (("id", "name"), [("a", "b\rc")])


def test_a_sheet_without_a_row_is_empty(book):
    with pytest.raises(SourceError, match="sheet 'Nothing', is empty"):
        open_excel(book(lambda workbook: workbook.add_worksheet("Nothing")), [])


def test_a_missing_column_is_refused_with_the_nearest_name(sheet):
    with pytest.raises(SourceError, match="did you mean 'Phone'"):
        open_excel(sheet(["Phone"], ["1"]), ["phone"])


@pytest.mark.parametrize(("number", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (16383, "XFD")])
def test_columns_are_called_by_letters(number, letters):
    assert (column_letters(number), column_number(letters)) == (letters, number)

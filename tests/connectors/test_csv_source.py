"""CSV files as a source: every cell as it was written, and no row that goes missing without a word."""

import csv
import gzip
import os
import re
import zlib
from collections import deque
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from connectors.report.files import write_rejects
from connectors.sources import csv_records
from connectors.sources.csv_dialect import CsvChoices, find_dialect
from connectors.sources.csv_files import open_csv
from transforms.vocabulary.errors import SourceError

BOTH_WAYS = pytest.mark.parametrize("careful", [False, True], ids=["quick", "careful"])


@pytest.fixture
def source(tmp_path):
    """Write a file and return where it lies."""

    def write(content, name="leads.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def read(path, *, careful=False, wanted=(), **choices):
    return open_csv(path, list(wanted), CsvChoices(**choices), careful=careful).collect()


def cells(frame):
    """The source's own cells, row by row."""
    return frame.drop("source_row", "row_fault").rows()


def faults(frame):
    """What is wrong with each row: the code, the line, the words."""
    return [
        fault and re.fullmatch(r"(\w+) leads\.csv, line (\d+): (.+)", fault).groups() for fault in frame["row_fault"]
    ]


def codes(frame):
    return [fault and (fault[0], int(fault[1])) for fault in faults(frame)]


@BOTH_WAYS
def test_every_cell_stays_the_text_it_was(source, careful):
    row = (
        "01234",
        "12345678901234567890",
        "2024-01-02",
        "1e5",
        "true",
        "NULL",
        "0x1F",
        " padded ",
        "1.10",
        "-0",
        "NaN",
    )
    header = ",".join(f"c{number}" for number in range(len(row)))

    rows = read(source(f"{header}\n{','.join(row)}\n"), careful=careful)

    assert cells(rows) == [row]
    assert set(rows.drop("source_row").dtypes) == {pl.String}


@BOTH_WAYS
def test_rows_are_numbered_from_nought_in_the_order_of_the_file(source, careful):
    rows = read(source("a\n" + "".join(f"{number}\n" for number in range(1000))), careful=careful)

    assert rows.columns[0] == "source_row"
    assert rows.schema["source_row"] == pl.UInt64
    assert rows["source_row"].to_list() == list(range(1000))
    assert rows["a"].to_list() == [str(number) for number in range(1000)]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeffa,b\n1,2\n", [("1", "2")]),
        ('\ufeff"a","b"\n1,2\n', [("1", "2")]),
        ("a,b\r\n1,2\r\n3,4\r\n", [("1", "2"), ("3", "4")]),
        ("a,b\n1,2", [("1", "2")]),
        ("a,b\r\n1,2\r", [("1", "2")]),
        ("\n\r\na,b\n1,2\n", [("1", "2")]),
        ('a,b\n1,"x\ny"\n3,4\n', [("1", "x\ny"), ("3", "4")]),
        ('a,b\r\n1,"x\r\ny"\r\n3,4\r\n', [("1", "x\r\ny"), ("3", "4")]),
        ('a,b\n1,"say ""hi"", then"\n', [("1", 'say "hi", then')]),
        ("a,b\n1\rx,2\n", [("1\rx", "2")]),
        ("a,b\n1,2\r\r\n", [("1", "2\r")]),
        ("a,b\n1\0x,2\n", [("1\0x", "2")]),
        ("a,b\nä,漢字\n", [("ä", "漢字")]),
        ("a,b\n\n1,2\n", [("1", "2")]),
        ('a,b\n"",\n1,2\n', [(None, None), ("1", "2")]),
        ("a,b\n", []),
        ("a,b", []),
    ],
)
def test_a_well_formed_file_is_read_as_it_is_meant(source, careful, content, expected):
    rows = read(source(content), careful=careful)

    assert rows.columns == ["source_row", "a", "b", "row_fault"]
    assert cells(rows) == expected
    assert faults(rows) == [None] * len(expected)


@BOTH_WAYS
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_taken_at_its_word(source, careful, separator):
    rows = read(source(f"a{separator}b\n1,5{separator}2\n"), careful=careful, separator=separator)

    assert cells(rows) == [("1,5", "2")]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,a,a,b", ["a", "a_duplicated_0", "a_duplicated_1", "b"]),
        ("a,,", ["a", "column_2", "column_3"]),
        ("a_duplicated_0,a,a", ["a_duplicated_0", "a", "a_duplicated_1"]),
        ('"Phone\nNumber",b', ["Phone\nNumber", "b"]),
        ('"a, b",c', ["a, b", "c"]),
        (" a ,b", ["a", "b"]),
        (" a,a", [" a", "a"]),
        ('"say ""hi""",b', ['say "hi"', "b"]),
    ],
)
def test_names_in_the_header_are_kept_and_repeated_ones_told_apart(source, careful, header, names):
    path = source(f"{header}\n{','.join('1' for _ in names)}\n")

    assert open_csv(path, [], careful=careful).columns == tuple(names)
    assert cells(read(path, careful=careful)) == [("1",) * len(names)]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("content", "expected", "wrong"),
    [
        ("a,b\n1,2,3,4\n5,6\n", [("1", "2,3,4"), ("5", "6")], [("ROW_TOO_MANY_FIELDS", 2), None]),
        ("a,b\n1\n5,6\n", [("1", None), ("5", "6")], [("ROW_TOO_FEW_FIELDS", 2), None]),
        (
            b"a,b\nx,1\nCaf\xe9,2\nCaf\xc3\xa9,3\n",
            [("x", "1"), ("Café", "2"), ("Café", "3")],
            [None, ("ROW_NOT_UTF8", 3), None],
        ),
        (
            'a,b\n"x"y,1\n5" pipe,2\nz,3\n',
            [('"x"y', "1"), ('5" pipe', "2"), ("z", "3")],
            [("ROW_TEXT_AFTER_QUOTE", 2), None, None],
        ),
        (
            'a,b\n1,2\n3,"x\n5,6\n7,8\n',
            [("1", "2"), ("3", '"x'), ("5", "6"), ("7", "8")],
            [None, ("ROW_QUOTE_NOT_CLOSED", 3), None, None],
        ),
        (
            'a,b\n1,"p\nq"\n3,"x',
            [("1", "p\nq"), ("3", '"x')],
            [None, ("ROW_QUOTE_NOT_CLOSED", 4)],
        ),
        (
            'a,b\n1,"x\n2,y\n3,"z"\n4,w\n',
            [("1", '"x'), ("2", "y"), ("3", "z"), ("4", "w")],
            [("ROW_QUOTE_NOT_CLOSED", 2), None, None, None],
        ),
        ("a,b\n1,2\na,b\n3,4\n", [("1", "2"), ("a", "b"), ("3", "4")], [None, ("ROW_IS_HEADER", 3), None]),
    ],
)
def test_a_record_that_is_no_row_is_set_aside_alone_and_whole(source, careful, content, expected, wrong):
    rows = read(source(content), careful=careful)

    assert cells(rows) == expected
    assert codes(rows) == wrong


@BOTH_WAYS
@pytest.mark.parametrize("header", ['5" pipe,b', 'a,5" pipe', 'a,"b"c', '"a"b,c'])
def test_a_stray_quote_or_an_odd_name_in_the_header_costs_no_row(source, careful, header):
    width = header.count(",") + 1
    lines = [header, *(",".join([value] * width) for value in ("1", "2", '"3"'))]
    path = source("\n".join([*lines, ""]))

    rows = read(path, careful=careful)

    assert cells(rows) == [("1",) * width, ("2",) * width, ("3",) * width]


def test_a_header_whose_quote_never_ends_is_refused_without_reading_the_whole_file(source):
    path = source('a,"b\n' + "1,2\n" * 400_000)

    with pytest.raises(SourceError, match="line 1: a quote opens"):
        open_csv(path, [])


@BOTH_WAYS
@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(source, careful, content):
    with pytest.raises(SourceError, match="is empty") as error:
        open_csv(source(content), [], careful=careful)
    assert error.value.code == "SOURCE_EMPTY"


@BOTH_WAYS
def test_a_gzip_file_is_read_as_what_it_holds(source, careful):
    content = gzip.compress(b"a,b\n1,2\n")

    assert cells(read(source(content, "leads.csv.gz"), careful=careful)) == [("1", "2")]


@BOTH_WAYS
def test_a_gzip_file_that_was_cut_short_is_refused(source, careful):
    content = gzip.compress("".join(f"{number},x\n" for number in range(50_000)).encode())

    with pytest.raises((SourceError, OSError, EOFError)):
        read(source(content[: len(content) // 2], "leads.csv.gz"), careful=careful)


@BOTH_WAYS
def test_a_file_whose_name_looks_like_a_pattern_is_itself(source, careful):
    source("a\nanother\n", "leads1.csv")

    assert cells(read(source("a\nthis\n", "leads[12].csv"), careful=careful)) == [("this",)]


@BOTH_WAYS
def test_files_of_one_glob_follow_each_other_by_name_with_the_columns_of_all(source, tmp_path, careful):
    source("a,b\n3,4\n", "part2.csv")
    source("b,c\n1,2\n", "part1.csv")
    source("b\nno\n", "other.csv")

    extract = open_csv(str(tmp_path / "part*.csv"), ["b"], careful=careful)

    assert extract.columns == ("b", "c", "a")
    assert [file.name for file in extract.files] == ["part1.csv", "part2.csv"]
    assert extract.collect().select("source_row", "source_file", "a", "b", "c").rows() == [
        (0, "part1.csv", None, "1", "2"),
        (1, "part2.csv", "3", "4", None),
    ]


@BOTH_WAYS
def test_a_missing_column_is_refused_with_the_nearest_name(source, careful):
    path = source("LeadId,Phone\n1,2\n")

    with pytest.raises(SourceError, match=r"column 'lead_id' is not in .*leads\.csv; did you mean 'LeadId'\? Correct"):
        open_csv(path, ["Phone", "lead_id"], careful=careful)


def test_every_file_of_a_glob_must_have_the_wanted_columns(source, tmp_path):
    source("a,b\n1,2\n", "part1.csv")
    source("b\n1\n", "part2.csv")

    with pytest.raises(SourceError, match=r"column 'a' is not in .*part2\.csv"):
        open_csv(str(tmp_path / "part*.csv"), ["a"])


@BOTH_WAYS
@pytest.mark.parametrize("name", ["source_row", "source_file", "row_fault", "leadferry_id_taken", "leadferry_outcome"])
def test_a_column_with_a_name_of_ours_is_refused(source, careful, name):
    with pytest.raises(SourceError, match=f"a column named {name}") as error:
        open_csv(source(f"a,{name}\n1,2\n"), ["a"], careful=careful)
    assert error.value.code == "COLUMN_RESERVED"


@BOTH_WAYS
def test_the_first_rows_of_a_file_are_those_of_the_whole(source, careful):
    path = source("a,b\n" + "".join(f"{number},{number % 3}\n" for number in range(60_000)) + "1,2,3\n")
    extract = open_csv(path, [], careful=careful)
    whole = extract.collect()

    assert whole.height == 60_001
    for limit in (1, 3, 50_010, 60_001, 70_000):
        assert_frame_equal(extract.collect(limit), whole.head(limit))


@BOTH_WAYS
def test_rejects_loaded_again_give_the_source_its_own_columns_and_values_back(tmp_path, careful):
    values = [
        "=1+1",
        "'=1",
        "''+",
        "'plain",
        "-5",
        "@x",
        "+1 415",
        "\ttab",
        "\rcr",
        "\nlf",
        "a\r",
        'q"',
        "x,y",
        None,
        "'",
    ]
    rows = pl.DataFrame(
        {
            "leadferry_source_row": range(len(values)),
            "source_file": "part1.csv",
            "=SUM(a)": values,
            "'@b": values[::-1],
            "leadferry_outcome": "REJECTED",
            "leadferry_reason": "PHONE_MISSING",
            "leadferry_advice": "-",
            "leadferry_detail": None,
        },
        schema_overrides={"leadferry_detail": pl.String},
    )
    write_rejects(tmp_path / "rejects.csv", rows.columns, [rows])

    again = open_csv(str(tmp_path / "rejects.csv"), ["=SUM(a)", "'@b"], careful=careful)

    assert again.columns == ("=SUM(a)", "'@b")
    assert cells(again.collect()) == list(zip(values, values[::-1], strict=True))


def written(value, quoted):
    """One cell as a program would write it."""
    must = any(mark in value for mark in ',"\n') or value.endswith("\r")
    return '"' + value.replace('"', '""') + '"' if quoted or must else value


CELLS = st.text(st.sampled_from("ab 1é漢,;\"\n\r\t\0'=\x85\u2028"), max_size=5)


@st.composite
def well_formed_files(draw):
    """A table and the bytes of a well-formed CSV file that holds it."""
    width = draw(st.integers(1, 4))
    names = draw(st.lists(st.text("abcÄ", min_size=1, max_size=3), min_size=width, max_size=width, unique=True))
    table = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    assume(names not in table)  # a header that is repeated is refused
    # A line of nothing is no row, so that an only cell which is empty is quoted.
    lines = [",".join(written(cell, draw(st.booleans()) or row == [""]) for cell in row) for row in [names, *table]]
    return names, table, (mark + "".join(line + ending for line in lines)).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(well_formed_files())
@example((["a"], [["\0"]], b"a\n\0\n"))
@example((["a", "b"], [["\0", "\0"]] * 3, b"a,b\n\0,\0\n\0,\0\n\0,\0\n"))
@example((["a", "b", "c"], [["", "\0", "\0"]], b'a,b,c\r\n"",\0,\0\r\n'))
def test_both_ways_of_reading_give_what_any_well_formed_file_holds(source, file):
    names, table, content = file
    path = source(content)

    for careful in (False, True):
        rows = read(path, careful=careful)
        assert rows.columns == ["source_row", *names, "row_fault"]
        assert cells(rows) == [tuple(cell or None for cell in row) for row in table]
        assert faults(rows) == [None] * len(table)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.sampled_from('ab,"\n'), max_size=25), st.booleans())
def test_whatever_the_quick_way_reads_of_a_file_with_sound_quotes_the_careful_way_reads_alike(source, rows, rare):
    others = "some,plain cells\n" * 800 if rare else ""
    content = f"a,b\n{others}{rows}\n{others}"
    try:
        list(csv.reader(content.splitlines(keepends=True), strict=True))
        quick = read(source(content))
    except (csv.Error, pl.exceptions.ComputeError):
        return
    assert_frame_equal(read(source(content), careful=True), quick)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.sampled_from('ab,"\r\n\ufeff'), max_size=25), st.sampled_from(["\n", "\r\n", "\r"]))
@example("1,2\n1\n2\r,3\n", "\n")
@example("1,2\n\n2\r,3\n", "\n")
@example('1\n"2"\r,3\n', "\n")
@example("\ufeffa,b\n1\n1\n1\n", "\n")
@example("\ufeff1,2\n", "\n")
@example("1,2\r\r\n", "\r\n")
def test_whatever_returns_and_marks_are_in_the_rows_both_ways_read_them_alike(source, rows, line_end):
    path = source(f"a,b{line_end}1,2{line_end}{rows}")

    quick, careful = (open_csv(path, [], careful=careful) for careful in (False, True))

    assert_frame_equal(quick.collect(), careful.collect())
    assert quick.late_notes == careful.late_notes


@BOTH_WAYS
def test_a_return_before_a_separator_is_part_of_its_cell_and_stands_in_for_nothing(source, careful):
    rows = read(source("id,phone,name\nA0,1,w\nA1,2\nA2\r,3,x\n"), careful=careful)

    assert cells(rows) == [("A0", "1", "w"), ("A1", "2", None), ("A2\r", "3", "x")]
    assert codes(rows) == [None, ("ROW_TOO_FEW_FIELDS", 3), None]


@BOTH_WAYS
def test_a_blank_line_is_no_row_beside_a_return_that_is_part_of_a_cell(source, careful):
    rows = read(source("id,phone\nA0,1\n\nA2\r,2\nA3,3\n"), careful=careful)

    assert cells(rows) == [("A0", "1"), ("A2\r", "2"), ("A3", "3")]


@BOTH_WAYS
@pytest.mark.parametrize(
    "start", [b"x^", b"x\x01", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"x\x9c", b"x\xda", b"BZh91AY&SY", b"PK"]
)
def test_rows_that_begin_like_a_packed_file_are_read_as_the_text_they_are(source, careful, start):
    rows = read(source(b"id,phone\n" + start + b",1\nA2,2\n"), careful=careful)

    assert cells(rows)[1] == ("A2", "2")
    assert rows.height == 2
    if start.isascii():
        assert cells(rows)[0] == (start.decode(), "1")


def test_rows_that_are_a_packed_text_are_not_unpacked(source):
    packed = zlib.compress(b"p,q\nr,s\n", 0)

    assert ("p", "q") not in cells(read(source(b"id,phone\n" + packed + b"\nA2,2\n")))


@BOTH_WAYS
@pytest.mark.parametrize("end", ["", "\r", "\r\n", "\n"])
def test_the_last_of_lines_that_end_in_cr_is_followed_by_no_blank_one(source, careful, end):
    extract = open_csv(source(f"a,b\r1,2\r3,4{end}"), [], careful=careful)

    assert cells(extract.collect()) == [("1", "2"), ("3", "4")]
    assert extract.late_notes == []


def test_lines_are_counted_right_where_a_block_ends_between_cr_and_lf_before_an_open_quote(source, monkeypatch):
    monkeypatch.setattr(csv_records, "_SMALLEST_BLOCK", 4)
    monkeypatch.setattr(csv_records, "_LARGEST_BLOCK", 12)
    quoted = '"5\r\n\r6",7'

    extract = open_csv(source(f'a,b\r{quoted}\r"3\n4",5\r\n{quoted}\r\n{quoted}\r\n8\r\n'), [])

    assert codes(extract.collect()) == [None, None, None, None, ("ROW_TOO_FEW_FIELDS", 13)]
    assert extract.late_notes == []


@pytest.fixture(params=["plain", "gzip"])
def large_source(request, tmp_path):
    """Write a file that is read in several pieces, and return where it lies."""
    path = tmp_path / "leads.csv"
    noise = os.urandom(1 << 20).hex()  # hardly gets smaller
    text = "id,phone\n" + "".join(f"{number},{noise[number % 1000 :][: 1 << 20]}\n" for number in range(24))
    path.write_bytes(gzip.compress(text.encode(), 1) if request.param == "gzip" else text.encode())
    return path


def cut(path):
    path.write_text("id,phone\n1,2\n")


def grow(path):
    with path.open("ab") as file:
        file.write(b"99,1\n")


def write_anew(path):
    content = path.read_bytes()
    path.write_bytes(content[::-1])


@pytest.mark.parametrize("change", [cut, grow, write_anew])
def test_a_file_that_is_changed_while_it_is_read_is_refused(large_source, change):
    frames = open_csv(str(large_source), []).frames()
    next(frames)

    change(large_source)

    with pytest.raises(SourceError, match="was changed while it was read") as refused:
        deque(frames, 0)
    assert refused.value.code == "SOURCE_CHANGED"


@pytest.mark.parametrize("change", [cut, grow, write_anew])
def test_a_file_that_is_changed_between_the_first_look_and_its_reading_is_refused(source, tmp_path, change):
    source("id,phone\n0,1\n", "a.csv")
    path = source("id,phone\n3,4\n5,6\n", "b.csv")
    frames = open_csv(f"{tmp_path}/*.csv", []).frames()
    next(frames)

    change(Path(path))

    with pytest.raises(SourceError, match=r"b\.csv was changed while it was read"):
        deque(frames, 0)


def test_a_file_that_another_one_takes_the_place_of_is_read_to_its_own_end(large_source, tmp_path):
    frames = open_csv(str(large_source), []).frames()
    read_before = next(frames).height

    other = tmp_path / "other.csv"
    cut(other)
    other.replace(large_source)

    assert read_before + sum(frame.height for frame in frames) == 24


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "row",
    [
        '"a"b,"c","d"',
        '"a,"b",c","d","e"',
        '"a"b"c","d","e"',
        '",","d","e"',
        '"a","d,"e"',
        '"","",""',
        '"""a""","b","c"',
        '"a"",""b","c","d"',
        'a"b","c","d"',
        '"a","b"',
        '"a","b","c","d"',
        '"a","b","c"\n',
    ],
)
@pytest.mark.parametrize(("good", "times"), [('"1","2","3"', 50), ("1,2,3", 2_000)], ids=["quoted", "plain"])
def test_a_row_among_others_is_read_as_record_by_record(source, good, times, row, line_end):
    path = source(line_end.join(["x,y,z", *[good] * times, row, *[good] * times, ""]))

    quick, careful = (open_csv(path, [], careful=careful).collect() for careful in (False, True))

    assert_frame_equal(quick, careful)
    assert careful.height >= 2 * times + 1
    assert careful["x"].head(times).to_list() == ["1"] * times


@pytest.mark.parametrize(
    ("rows", "are_plain"),
    [
        ('"a","",b', True),
        ('a,b,"c"\r\n"d",e,f', True),
        ('"a\rb",c', True),
        ('"a"b,c', False),
        ('"a"\rb,c', False),
        ('a"b",c', False),
        ('"a,b",c', False),
        ('"a\nb",c', False),
        ('"a""b",c', False),
        ('"a",b"', False),
        ('a,b,"', False),
        (',b,"', False),
    ],
)
def test_quotes_are_plain_where_each_pair_is_around_one_cell_without_any_mark(rows, are_plain):
    dialect = find_dialect(b"x,y,z\n", CsvChoices(), "leads.csv")

    assert csv_records.stand_around_plain_cells(f"{rows}\n".encode(), dialect) is are_plain


@pytest.mark.parametrize("row", ['"","b",""', '"a","","c d"', 'a,"b\rc",d'])
def test_few_sound_quotes_are_looked_at_one_by_one_and_nothing_else_is(source, monkeypatch, row):
    monkeypatch.setattr(csv_records, "_Marks", None)
    path = source("\n".join(["x,y,z", *["1,2,3"] * 2_000, row, *["1,2,3"] * 2_000, row, ""]))

    rows = open_csv(path, []).collect()

    assert rows.height == 4_002
    assert rows.row(-1)[1:4] == tuple(cell.strip('"') or None for cell in row.split(","))
    assert rows.row(2_000)[1:4] == rows.row(-1)[1:4]


@BOTH_WAYS
@pytest.mark.parametrize("comment", ["#", "//", "é"])
def test_a_line_that_begins_like_a_comment_is_no_row(source, careful, comment):
    rows = f"1,{comment}2\n{comment}3,4\n5,6{comment}\n"

    assert cells(read(source(f"a,b\n{rows}"), careful=careful, comment=comment)) == [
        ("1", f"{comment}2"),
        ("5", f"6{comment}"),
    ]

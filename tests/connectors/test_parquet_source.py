"""Parquet files as a source: every type becomes text, and the text still says all that the value said."""

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest

from connectors.sources.parquet_files import find_damaged, open_parquet
from transforms.phones import judge_phones
from transforms.vocabulary.errors import SourceError


@pytest.fixture
def source(tmp_path):
    """Write a frame and return where it lies."""

    def write(frame, name="leads.parquet"):
        frame.write_parquet(tmp_path / name)
        return str(tmp_path / name)

    return write


def texts(path):
    """The first column's values, once everything is text."""
    rows = open_parquet(path, []).collect()
    assert set(rows.drop("source_row").dtypes) == {pl.String}
    return rows.to_series(1).to_list()


UTC_MOMENT = dt.datetime(2024, 11, 3, 6, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["01234", "", None], pl.String, ["01234", "", None]),
        ([0, -7, 2**63 - 1, None], pl.Int64, ["0", "-7", "9223372036854775807", None]),
        ([2**64 - 1], pl.UInt64, ["18446744073709551615"]),
        ([True, False], pl.Boolean, ["true", "false"]),
        ([Decimal("12345678901234567890.1200")], pl.Decimal(38, 4), ["12345678901234567890.1200"]),
        ([dt.date(2024, 1, 2), dt.date(1, 1, 1)], pl.Date, ["2024-01-02", "0001-01-01"]),
        ([dt.time(3, 4, 5, 678)], pl.Time, ["03:04:05.000678"]),
        ([UTC_MOMENT.replace(microsecond=678, tzinfo=None)], pl.Datetime("us"), ["2024-11-03 06:30:00.000678"]),
        ([UTC_MOMENT], pl.Datetime("us", "UTC"), ["2024-11-03 06:30:00.000000+00:00"]),
        ([dt.timedelta(days=1, seconds=2)], pl.Duration("us"), ["P1DT2S"]),
        (["red", "blue", None], pl.Categorical, ["red", "blue", None]),
        (["red", "blue"], pl.Enum(["blue", "red"]), ["red", "blue"]),
        ([b"\x00\xff", b"", None], pl.Binary, ["00ff", "", None]),
        ([None, None], pl.Null, [None, None]),
    ],
    ids=str,
)
def test_a_value_of_any_plain_type_becomes_its_text(source, values, dtype, expected):
    assert texts(source(pl.DataFrame({"a": pl.Series(values, dtype=dtype)}))) == expected


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
def test_a_float_is_the_same_number_again(source, dtype):
    values = pl.Series([0.1, 1 / 3, 1e22, -1.5e-9, 4155551234.0, 0.1 + 0.2], dtype=dtype)

    again = pl.Series(texts(source(pl.DataFrame({"a": values})))).cast(dtype)

    assert again.to_list() == values.to_list()


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
def test_a_float_column_of_whole_numbers_is_one_of_whole_numbers_with_nothing_where_a_frame_has_nan(source, dtype):
    values = pl.Series([7.0, None, float("nan"), -0.0, -12.0, 1e6], dtype=dtype)

    assert texts(source(pl.DataFrame({"a": values}))) == ["7", None, None, "0", "-12", "1000000"]


@pytest.mark.parametrize("beside", [7.0, 7.5])
def test_a_four_byte_float_shows_that_digits_are_missing(source, beside):
    """So 4155552671 is not dialled as 4155552768: it is refused as rounded, as the same of PostgreSQL is."""
    values = pl.Series([4155552671, -20_000_000, 1e10, 5e15, 2**24, None, beside], dtype=pl.Float32)
    shown = texts(source(pl.DataFrame({"a": values})))
    assert shown[:4] == ["4.1555528e+09", "-2e+07", "1e+10", "5e+15"]
    assert (float(shown[4]), shown[5], float(shown[6])) == (2**24, None, beside)
    assert judge_phones(pl.Series(shown))["reason"][0] == "PHONE_ROUNDED"


def test_one_fraction_in_a_float_column_leaves_all_of_it_as_it_is(source):
    assert texts(source(pl.DataFrame({"a": [7.0, float("nan"), 7.5]}))) == ["7.0", None, "7.5"]
    assert texts(source(pl.DataFrame({"a": [7.0, float("inf")]}))) == ["7.0", "inf"]
    assert texts(source(pl.DataFrame({"a": [7.0, 1e40]}))) == ["7.0", "1e+40"]
    assert texts(source(pl.DataFrame({"a": pl.Series([None, None], dtype=pl.Float64)}))) == [None, None]


def test_a_column_is_whole_only_if_it_is_in_every_file(source, tmp_path):
    source(pl.DataFrame({"a": [1.0], "b": [2.0]}), "1.parquet")
    source(pl.DataFrame({"a": [1.5], "b": ["x"]}), "2.parquet")

    rows = open_parquet(str(tmp_path), []).collect()

    assert rows.select("a", "b").rows() == [("1.0", "2"), ("1.5", "x")]


@pytest.mark.parametrize(("dtype", "number"), [(pl.Float64, 2**53), (pl.Float32, 2**24)], ids=str)
def test_numbers_larger_than_a_float_holds_exactly_are_told(source, dtype, number):
    fine = source(pl.DataFrame({"phone": pl.Series([number, None], dtype=dtype)}), "fine.parquet")
    beyond = source(pl.DataFrame({"phone": pl.Series([2 * number], dtype=dtype)}), "beyond.parquet")

    assert open_parquet(fine, []).notes == ()
    (note,) = open_parquet(beyond, []).notes
    assert note.startswith(f"beyond.parquet stores column 'phone' as floats and has numbers beyond {number:,}")


def test_a_frame_of_pandas_gives_its_ids_back(tmp_path):
    """Written as pandas does it: integers with one missing are floats."""
    ids = [4155550123.0, None, 94105.0]
    pl.DataFrame({"id": ids}).write_parquet(tmp_path / "leads.parquet")

    assert texts(str(tmp_path / "leads.parquet")) == ["4155550123", None, "94105"]


@pytest.fixture
def partitions(tmp_path):
    """A folder as Spark and others write it."""

    def write(path, frame):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(file)

    write("year=2026/month=02/b.parquet", pl.DataFrame({"id": ["3"]}))
    write("year=2026/month=01/a.parquet", pl.DataFrame({"id": ["1", "2"]}))
    write("year=__HIVE_DEFAULT_PARTITION__/month=S%C3%A3o%20%2F/c.parquet", pl.DataFrame({"id": ["4"]}))
    write("year=2026/_temporary/month=9/d.parquet", pl.DataFrame({"id": ["no"]}))
    write("year=2026/month=01/_metadata.parquet", pl.DataFrame({"id": ["no"]}))
    write("year=2026/month=01/.a.parquet", pl.DataFrame({"id": ["no"]}))
    write("old/e.parquet", pl.DataFrame({"id": ["no"]}))
    (tmp_path / "_SUCCESS").touch()
    return tmp_path


@pytest.mark.parametrize("pattern", ["", "year=*/month=*/*.parquet", "year=*/**/*.parquet"])
def test_partitions_become_text_columns_with_their_zeros(partitions, pattern):
    extract = open_parquet(str(partitions / pattern), ["id", "year"])

    assert extract.collect().select("id", "year", "month").rows() == [
        ("1", "2026", "01"),
        ("2", "2026", "01"),
        ("3", "2026", "02"),
        ("4", None, "São /"),
    ]
    assert extract.columns == ("id", "year", "month")
    assert len(extract.notes) == 1
    assert ".a.parquet, _metadata.parquet" in extract.notes[0]


def test_a_column_of_the_files_own_goes_before_its_folders_name(tmp_path):
    (tmp_path / "year=2026").mkdir()
    pl.DataFrame({"id": [1], "year": ["MMXXVI"]}).write_parquet(tmp_path / "year=2026" / "a.parquet")

    assert open_parquet(str(tmp_path), []).collect()["year"].to_list() == ["MMXXVI"]


def test_which_file_lacks_which_column_is_told(source, tmp_path):
    for number in range(8):
        source(pl.DataFrame({"id": [1], f"c{number}": [1]}), f"{number}.parquet")

    (note,) = open_parquet(str(tmp_path), ["id"]).notes

    assert note == (
        "The files do not have the same columns; what a file lacks is empty. "
        "0.parquet lacks 'c1', 'c2', 'c3', 'c4', 'c5', and 2 more; "
        "1.parquet lacks 'c0', 'c2', 'c3', 'c4', 'c5', and 2 more; "
        "2.parquet lacks 'c0', 'c1', 'c3', 'c4', 'c5', and 2 more; "
        "3.parquet lacks 'c0', 'c1', 'c2', 'c4', 'c5', and 2 more; "
        "4.parquet lacks 'c0', 'c1', 'c2', 'c3', 'c5', and 2 more; "
        "and 3 more."
    )


def test_the_damaged_one_of_several_files_is_named(source, tmp_path):
    frame = pl.DataFrame({"a": [str(number) for number in range(5000)]})
    for name in ("1.parquet", "2.parquet"):
        source(frame, name)
    damaged = tmp_path / "2.parquet"
    content = bytearray(damaged.read_bytes())
    content[40:400] = bytes(360)
    damaged.write_bytes(content)

    assert find_damaged(str(tmp_path)) == damaged
    damaged.unlink()
    assert find_damaged(str(tmp_path)) is None


def test_a_file_cut_short_is_refused_by_its_name(source, tmp_path):
    path = source(pl.DataFrame({"a": ["x"] * 1000}))
    whole = (tmp_path / "leads.parquet").read_bytes()
    for size in (0, 3, 12, len(whole) // 2, len(whole) - 1):
        (tmp_path / "leads.parquet").write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"leads\.parquet is not a Parquet file that can be read: ."):
            open_parquet(path, [])


def test_a_moment_in_a_zone_keeps_its_instant_also_in_the_hour_that_comes_twice(source):
    moments = pl.Series([UTC_MOMENT - dt.timedelta(hours=1), UTC_MOMENT]).dt.convert_time_zone("America/New_York")

    told = texts(source(pl.DataFrame({"a": moments})))

    assert told == ["2024-11-03 01:30:00.000000-04:00", "2024-11-03 01:30:00.000000-05:00"]
    assert [dt.datetime.fromisoformat(text).astimezone(dt.UTC) for text in told] == [
        UTC_MOMENT - dt.timedelta(hours=1),
        UTC_MOMENT,
    ]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([[1, None, 3], [], None], pl.List(pl.Int64), [[1, None, 3], [], None]),
        ([[1, 2]], pl.Array(pl.Int64, 2), [[1, 2]]),
        ([{"a": 1, "b": 'q"ü,\n'}, None], pl.Struct({"a": pl.Int64, "b": pl.String}), [{"a": 1, "b": 'q"ü,\n'}, None]),
        ([["}", '{"v":', "]"]], pl.List(pl.String), [["}", '{"v":', "]"]]),
        ([[b"\x00\xff", None]], pl.List(pl.Binary), [["00ff", None]]),
        ([[b"\x00", b"\x01"]], pl.Array(pl.Binary, 2), [["00", "01"]]),
        (
            [{"k": [{"b": b"\xff"}]}, None],
            pl.Struct({"k": pl.List(pl.Struct({"b": pl.Binary}))}),
            [{"k": [{"b": "ff"}]}, None],
        ),
        (
            [[{"d": dt.date(2024, 1, 2), "x": Decimal("1.10")}]],
            pl.List(pl.Struct({"d": pl.Date, "x": pl.Decimal(10, 2)})),
            [[{"d": "2024-01-02", "x": "1.10"}]],
        ),
        ([["x"]], pl.List(pl.Categorical), [["x"]]),
    ],
    ids=str,
)
def test_a_nested_value_becomes_json_that_says_the_same(source, values, dtype, expected):
    told = texts(source(pl.DataFrame({"a": pl.Series(values, dtype=dtype)})))

    assert [None if text is None else json.loads(text) for text in told] == expected


def test_rows_are_numbered_in_the_order_of_the_file(source):
    rows = open_parquet(source(pl.DataFrame({"a": range(5)})), ["a"]).collect()

    assert rows.columns == ["source_row", "a", "row_fault"]
    assert rows["source_row"].to_list() == [0, 1, 2, 3, 4]
    assert rows.schema["source_row"] == pl.UInt64
    assert rows["row_fault"].to_list() == [None] * 5


def test_files_of_a_folder_follow_each_other_by_name_with_the_columns_of_all(source, tmp_path):
    source(pl.DataFrame({"a": [3], "b": ["x"]}), "part2.parquet")
    source(pl.DataFrame({"a": ["01"], "c": [True]}), "part1.parquet")

    extract = open_parquet(str(tmp_path), ["a"])

    assert extract.collect().select("source_row", "source_file", "a", "b", "c").rows() == [
        (0, "part1.parquet", "01", None, "true"),
        (1, "part2.parquet", "3", "x", None),
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_itself(source):
    source(pl.DataFrame({"a": ["another"]}), "leads1.parquet")

    assert texts(source(pl.DataFrame({"a": ["this"]}), "leads[12].parquet")) == ["this"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" + bytes(50) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "leads.parquet").write_bytes(content)

    with pytest.raises(SourceError, match=r"leads\.parquet is not a Parquet file") as error:
        open_parquet(str(tmp_path / "leads.parquet"), [])
    assert error.value.code == "SOURCE_UNREADABLE"


def test_a_missing_column_is_refused_with_the_nearest_name(source):
    with pytest.raises(SourceError, match="did you mean 'LeadId'"):
        open_parquet(source(pl.DataFrame({"LeadId": [1]})), ["leadid"])


def test_a_column_with_a_name_of_ours_is_refused(source):
    with pytest.raises(SourceError, match="a column named source_row"):
        open_parquet(source(pl.DataFrame({"source_row": [1]})), [])


def test_a_nested_value_is_told_whatever_its_fields_are_called(source):
    rows = [{"*": b"\x01", "^.*$": [{"^a$": 1.5}], "a": "x"}, {"*": None, "^.*$": [], "a": None}, None]

    told = texts(source(pl.DataFrame({"^.*$": rows, "*": ["a", "b", "c"]})))

    assert [text and json.loads(text) for text in told] == [
        {"*": "01", "^.*$": [{"^a$": 1.5}], "a": "x"},
        {"*": None, "^.*$": [], "a": None},
        None,
    ]

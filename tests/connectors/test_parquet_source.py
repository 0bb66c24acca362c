"""Parquet files as a source: every type becomes text, and the text still says all that the value said."""

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest

from connectors.sources.parquet_files import open_parquet
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
    rows = open_parquet(path, []).rows.collect()
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
    rows = open_parquet(source(pl.DataFrame({"a": range(5)})), ["a"]).rows.collect()

    assert rows.columns == ["source_row", "a", "row_fault"]
    assert rows["source_row"].to_list() == [0, 1, 2, 3, 4]
    assert rows.schema["source_row"] == pl.UInt64
    assert rows["row_fault"].to_list() == [None] * 5


def test_files_of_a_folder_follow_each_other_by_name_with_the_columns_of_all(source, tmp_path):
    source(pl.DataFrame({"a": [3], "b": ["x"]}), "part2.parquet")
    source(pl.DataFrame({"a": ["01"], "c": [True]}), "part1.parquet")

    extract = open_parquet(str(tmp_path), ["a"])

    assert extract.rows.select("source_row", "source_file", "a", "b", "c").collect().rows() == [
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

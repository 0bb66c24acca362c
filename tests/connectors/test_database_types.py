"""Every type of every database becomes text that loses nothing, the same as the database's own shell prints it."""

import datetime as dt
import math
import struct
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.databases.asking import open_database
from connectors.sources.databases.texts import float_text, text_series
from tests.source_databases import KINDS, shown_by_psql, shown_by_sqlite3, source_database


def texts(database, query, **parameters):
    """The rows of a query as the source gives them, every column text."""
    rows = open_database(database.url, query, [], parameters=parameters, timeout_seconds=60).collect()
    assert set(rows.drop("source_row").dtypes) == {pl.String}
    return rows.drop("source_row", "row_fault").rows()


POSTGRES_TYPES = {
    "bigint": ("'9007199254740993'", "9007199254740993"),
    "smallint": ("-3", "-3"),
    "numeric(30,4)": ("'12345678901234567890.1'", "12345678901234567890.1000"),
    "numeric": ("'NaN'", "NaN"),
    "double precision": ("0.1::float8 + 0.2::float8", "0.30000000000000004"),
    "float8": ("1e22", "1e+22"),
    "real": ("0.1", "0.1"),
    "boolean": ("true", "true"),
    "date": ("'2024-02-29'", "2024-02-29"),
    "date ": ("'infinity'", "infinity"),
    "timestamp": ("'2024-01-02 03:04:05.678'", "2024-01-02 03:04:05.678"),
    "timestamptz": ("'2024-01-02 03:04:05.678+02'", "2024-01-02 01:04:05.678+00"),
    "timestamptz ": ("'-infinity'", "-infinity"),
    "time": ("'03:04:05.000678'", "03:04:05.000678"),
    "timetz": ("'03:04:05-08'", "03:04:05-08"),
    "interval": ("'1 year 2 days 3 hours'", "1 year 2 days 03:00:00"),
    "uuid": ("'00000000-0000-0000-0000-00000000000f'", "00000000-0000-0000-0000-00000000000f"),
    "inet": ("'10.0.0.0/8'", "10.0.0.0/8"),
    "macaddr": ("'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    "json": ("""'{"a": 1,\n "b":"ü"}'""", '{"a": 1,\n "b":"ü"}'),
    "jsonb": ("""'{"a":[1,"x"]}'""", '{"a": [1, "x"]}'),
    "text[]": ("""array['a','b,"c',null]""", '{a,"b,\\"c",NULL}'),
    "int[]": ("'{{1,2},{3,4}}'", "{{1,2},{3,4}}"),
    "mood": ("'sad'", "sad"),
    "varchar(20)": ("'01234'", "01234"),
    "text": ("E'a\\tb\\n\"c\"\\r\\\\N, \\uFEFF'", 'a\tb\n"c"\r\\N, \ufeff'),
    "xml": ("'<a/>'", "<a/>"),
    "int4range": ("'[1,5)'", "[1,5)"),
    "point": ("'(1,2)'", "(1,2)"),
    "bit(3)": ("'101'", "101"),
    "money": ("'12.50'", "$12.50"),
    "tsvector": ("'a b'", "'a' 'b'"),
    "yes": ("true", "true"),
}


def test_every_type_of_postgresql_reads_as_psql_prints_its_cast_to_text(tmp_path):
    with source_database("PostgreSQL", tmp_path) as database:
        columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(POSTGRES_TYPES))
        values = ", ".join(value for value, _ in POSTGRES_TYPES.values())
        empty = ", ".join("null" for _ in POSTGRES_TYPES)
        database.run(
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            "CREATE DOMAIN yes AS boolean",
            f"CREATE TABLE kinds ({columns})",
            f"INSERT INTO kinds VALUES ({values}), ({empty})",
            # None of these changes what a source reads.
            "ALTER DATABASE " + database.url.rpartition("/")[2] + " SET bytea_output = 'escape'",
            "ALTER DATABASE " + database.url.rpartition("/")[2] + " SET extra_float_digits = 0",
            "ALTER DATABASE " + database.url.rpartition("/")[2] + " SET datestyle = 'German, DMY'",
            "ALTER DATABASE " + database.url.rpartition("/")[2] + " SET timezone = 'Asia/Tokyo'",
        )
        read, absent = texts(database, "SELECT * FROM kinds")
        cast = ", ".join(f"c{number}::text" for number in range(len(POSTGRES_TYPES)))
        ours = "SET datestyle = 'ISO'; SET extra_float_digits = 1; SET timezone = 'UTC'; "
        shown = shown_by_psql(database.url, f"{ours} SELECT {cast} FROM kinds LIMIT 1")

    assert list(read) == [expected for _, expected in POSTGRES_TYPES.values()]
    assert list(read) == shown[0]
    assert set(absent) == {None}


def test_what_postgresql_keeps_and_its_cast_to_text_loses_is_kept(tmp_path):
    with source_database("PostgreSQL", tmp_path) as database:
        database.run(
            "CREATE TABLE t (a char(5), b bytea, c inet)", "INSERT INTO t VALUES ('ab', '\\x00ff', '10.0.0.1')"
        )
        assert texts(database, "SELECT * FROM t") == [("ab   ", "00ff", "10.0.0.1")]
        assert shown_by_psql(database.url, "SELECT * FROM t") == [["ab   ", "\\x00ff", "10.0.0.1"]]


@pytest.mark.parametrize("kind", KINDS[:3])
def test_text_of_any_kind_comes_whole(tmp_path, kind):
    wild = ["plain", ' "q" ', "a,b\nc\r\nd", "\\.", "\\N", '"', '""', "Zoë 🎈", "\ufeffx", "x" * 70_000, "'", "\t"]
    with source_database(kind, tmp_path) as database:
        literals = ["({}, '{}')".format(number, text.replace("'", "''")) for number, text in enumerate(wild)]
        database.run("CREATE TABLE t (n int, v text)", f"INSERT INTO t VALUES {', '.join(literals)}")

        assert [text for _, text in texts(database, "SELECT n, v FROM t ORDER BY n")] == wild
        assert [text for (text,) in texts(database, "SELECT v FROM t ORDER BY n")] == wild


def test_quoted_line_ends_split_no_row_wherever_a_piece_ends(tmp_path):
    with source_database("PostgreSQL", tmp_path) as database:
        value = """E'x\n"' || i || E'",\n' || repeat('y,"', i % 50)"""
        query = f"SELECT i, {value} AS v, '' AS e FROM generate_series(1, 200000) i"
        rows = open_database(database.url, query, ["i"], parameters={}, timeout_seconds=60).collect()

    number = pl.int_range(1, 200_001, eager=True)
    expected = pl.DataFrame({"i": number}).select(
        pl.col("i").cast(pl.String),
        v=pl.format('x\n"{}",\n{}', "i", pl.lit('y,"').repeat_by(pl.col("i") % 50).list.join("")),
        e=pl.lit(None, pl.String),
    )
    assert rows.select("i", "v", "e").equals(expected)


SQLITE_VALUES = {
    "9007199254740993": "9007199254740993",
    "-9223372036854775808": "-9223372036854775808",
    "0.1": "0.1",
    "2.5": "2.5",
    "'01234'": "01234",
    "'0049 30 1234'": "0049 30 1234",
    "'2024-01-02 03:04:05'": "2024-01-02 03:04:05",
    "true": "1",
    "'Zoë'": "Zoë",
}


@pytest.mark.parametrize("declared", ["", "integer", "text", "blob", "numeric(10, 2)", "datetime", "real"])
def test_every_value_of_sqlite_reads_as_its_shell_prints_its_cast_to_text(tmp_path, declared):
    with source_database("SQLite", tmp_path) as database:
        values = ", ".join(f"({value})" for value in SQLITE_VALUES)
        database.run(f"CREATE TABLE t (v {declared})", f"INSERT INTO t VALUES {values}")
        read = texts(database, "SELECT v FROM t")
        shown = [(row[0],) for row in shown_by_sqlite3(database.url, "SELECT cast(v AS text) FROM t")]

    if declared == "real":  # its shell writes 15 digits, and a decimal zero
        assert [float(text) for (text,) in read[:4]] == [2.0**53, -(2.0**63), 0.1, 2.5]
        assert read[4] == ("1234",)
    else:
        assert read == shown
    if declared in {"", "blob"}:
        assert [text for (text,) in read] == list(SQLITE_VALUES.values())


def test_a_late_text_and_a_late_blob_in_a_column_of_numbers_are_taken_as_they_are(tmp_path):
    with source_database("SQLite", tmp_path) as database:
        database.run(
            "CREATE TABLE t (v integer)",
            "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 60000) "
            "INSERT INTO t SELECT i FROM r",
            "INSERT INTO t VALUES ('n/a'), (x'00ff'), (''), (NULL), (0.5)",
        )
        read = texts(database, "SELECT v FROM t")

    assert read[59_999:] == [("60000",), ("n/a",), ("00ff",), (None,), (None,), ("0.5",)]


def test_every_type_of_duckdb_reads_as_its_cast_to_text(tmp_path):
    values = {
        "170141183460469231731687303715884105727::HUGEINT": None,
        "18446744073709551615::UBIGINT": None,
        "1.50::DECIMAL(38, 2)": None,
        "'0.1'::FLOAT": None,
        "true": None,
        "DATE 'infinity'": None,
        "TIMESTAMP '2024-01-02 03:04:05.678'": None,
        "TIMESTAMPTZ '2024-01-02 03:04:05.678+02'": "2024-01-02 01:04:05.678+00",
        "TIME '03:04:05.000678'": None,
        "INTERVAL '1 day 2 hours'": None,
        "'00000000-0000-0000-0000-00000000000f'::UUID": None,
        "[1, NULL]": None,
        "{'a': 1, 'b': 'x'}": None,
        "MAP {'k': 1}": None,
        "'01234'": None,
        "'a'::ENUM ('a', 'b')": None,
        "'\\x00\\xFF'::BLOB": "00ff",
        "'NaN'::DOUBLE": "NaN",
        "'-inf'::FLOAT": "-Infinity",
        "4155552671::FLOAT": "4.1555528e+09",
        "16777216::FLOAT": "16777216",
        "5::DOUBLE": "5",
        "NULL": None,
    }
    with source_database("DuckDB", tmp_path) as database:
        columns = ", ".join(f"{value} AS c{number}" for number, value in enumerate(values))
        database.run(f"CREATE TABLE t AS SELECT {columns}")
        casts = ", ".join(f"CAST(c{number} AS VARCHAR)" for number in range(len(values)))
        (shown,) = database.rows(f"SELECT {casts} FROM t")
        (read,) = texts(database, "SELECT * FROM t")

    assert list(read) == [own or cast for own, cast in zip(values.values(), shown, strict=True)]


def test_every_type_of_mariadb_reads_as_the_server_writes_it(tmp_path):
    values = {
        "bigint unsigned": ("18446744073709551615", "18446744073709551615"),
        "decimal(20,4)": ("1.5", "1.5000"),
        "double": ("0.1e0+0.2e0", "0.30000000000000004"),
        "double ": ("1e15", "1e+15"),
        "float": ("16777215", "16777215"),
        "float ": ("4155552671", "4.1555528e+09"),
        "float  ": ("-0.1", "-0.1"),
        "boolean": ("true", "1"),
        "date": ("'2024-01-02'", "2024-01-02"),
        "datetime(3)": ("'2024-01-02 03:04:05.678'", "2024-01-02 03:04:05.678"),
        "time(2)": ("'-100:01:02.5'", "-100:01:02.50"),
        "year": ("2024", "2024"),
        "enum('a','b')": ("'a'", "a"),
        "set('x','y')": ("'x,y'", "x,y"),
        "json": ("'{\"a\": 1}'", '{"a": 1}'),
        "char(5)": ("'01234'", "01234"),
        "varchar(5)": ("''", None),
        "uuid": ("'00000000-0000-0000-0000-00000000000f'", "00000000-0000-0000-0000-00000000000f"),
        "inet6": ("'::1'", "::1"),
        "text": ("'Zoë 🎈'", "Zoë 🎈"),
        "blob": ("x'00ff'", "00ff"),
        "binary(3)": ("x'41'", "410000"),
        "bit(9)": ("b'101'", "0005"),
        "int": ("NULL", None),
    }
    with source_database("MariaDB", tmp_path) as database:
        columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(values))
        database.run(
            f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES ({', '.join(v for v, _ in values.values())})"
        )
        (read,) = texts(database, "SELECT * FROM t")

    assert list(read) == [expected for _, expected in values.values()]


def test_four_byte_floats_of_mariadb_keep_the_order_of_the_rows(tmp_path):
    with source_database("MariaDB", tmp_path) as database:
        database.run(
            "CREATE TABLE t (k int, f float)", "INSERT INTO t SELECT seq * 7919 % 100003, seq / 7 FROM seq_1_to_50000"
        )
        read = texts(database, "SELECT k, f FROM t WHERE k > :n ORDER BY k -- all", n=0)

        assert [int(k) for k, _ in read] == sorted(int(k) for k, _ in read)
        assert len({float(f) for _, f in read}) == 50_000
        with pytest.raises(Exception, match="CAST"):
            texts(database, "WITH w AS (SELECT f FROM t) SELECT f FROM w")


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_databases_have_in_common_reads_the_same(tmp_path, kind):
    double = {"SQLite": "real", "MariaDB": "double"}.get(kind, "double precision")
    with source_database(kind, tmp_path) as database:
        database.run(
            f"CREATE TABLE t (a bigint, b varchar(20), c {double}, d {double}, e {double}, f varchar(5), g int)",
            "INSERT INTO t VALUES (9007199254740993, '0049301234', 0.1, 4155551234, 1e22, '', NULL)",
            "INSERT INTO t VALUES (-1, '01234', -1.5e-9, 1e15, 1234567890123456.5, ' ', 7)",
        )
        assert texts(database, "SELECT * FROM t ORDER BY a DESC") == [
            ("9007199254740993", "0049301234", "0.1", "4155551234", "1e+22", None, None),
            ("-1", "01234", "-1.5e-09", "1e+15", "1.2345678901234565e+15", " ", "7"),
        ]


@given(st.floats())
def test_a_float_is_the_same_number_again(value):
    again = float(float_text(value))

    assert struct.pack("d", again) == struct.pack("d", value) or (math.isnan(again) and math.isnan(value))


def test_floats_read_as_postgresql_writes_them(tmp_path):
    values = [0.1, 5.0, -0.0, 1e14, 1e15, 123456789012345.6, 1234567890123456.5, 9999999999999998.0, 1e16, 1e22]
    values += [1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1e15]
    with source_database("PostgreSQL", tmp_path) as database:
        literals = ", ".join(f"({number}, '{value!r}'::float8)" for number, value in enumerate(values))
        read = texts(database, f"SELECT v FROM (VALUES {literals}) AS t (n, v) ORDER BY n")

    assert [text for (text,) in read] == list(map(float_text, values))


def test_values_of_any_other_driver_become_text():
    values = [
        True, 7, Decimal("1E+2"), Decimal("1.50"), 0.5, b"\x00\xff", dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        dt.date(2024, 1, 2), dt.time(3, 4), UUID(int=15), {"a": [1, None, "ü"]}, [b"\x01"], None, "01234",
    ]  # fmt: skip

    assert text_series("x", values).to_list() == [
        "true", "7", "100", "1.50", "0.5", "00ff", "2024-01-02 03:04:05+00:00",
        "2024-01-02", "03:04:00", "00000000-0000-0000-0000-00000000000f",
        '{"a": [1, null, "ü"]}', '["01"]', None, "01234",
    ]  # fmt: skip

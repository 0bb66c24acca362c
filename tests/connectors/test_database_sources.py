"""Databases as sources: read in a stream and without a trace, and every failure told with what to do."""

import os
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from threading import Thread

import polars as pl
import psycopg
import pytest

from connectors.sources.databases import any_database
from connectors.sources.databases.asking import open_database
from connectors.sources.databases.query_text import parse_query
from connectors.sources.databases.reading import Question
from connectors.sources.databases.urls import check_url, find_target
from connectors.staging import write_chunks
from tests.conftest import PROJECT
from tests.source_databases import KINDS, MARIA, POSTGRES, source_database
from transforms.vocabulary.errors import ConfigurationError, SourceError

HOSTILE = [
    "Robert'); DROP TABLE people;--",
    "\\",
    "\\'",
    "'",
    '"',
    "%s %(a)s",
    ":n",
    "$1",
    "?",
    "a\nb",
    "é'",
    "$$",
    "*/",
]

SERIES = {
    "SQLite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {rows}) SELECT i FROM r",
    "DuckDB": "SELECT i FROM range(1, {rows} + 1) r(i)",
    "PostgreSQL": "SELECT generate_series(1, {rows}) AS i",
    "MariaDB": "SELECT seq AS i FROM seq_1_to_{rows}",
}
ENDLESS = {
    "SQLite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) AS n FROM r",
    "DuckDB": "SELECT count(*) AS n FROM range(100000000) x, range(100000) y WHERE (x.range * y.range) % 7 = 3",
    "PostgreSQL": "SELECT pg_sleep(60)",
    "MariaDB": "SELECT sleep(60)",
}


@pytest.fixture(params=KINDS, scope="module")
def database(request, tmp_path_factory):
    """A database of every kind in turn, with a table of three people, which nothing that is tested changes."""
    with source_database(request.param, tmp_path_factory.mktemp("database")) as made:
        yield _with_people(made)


@pytest.fixture(params=KINDS)
def own_database(request, tmp_path):
    """Such a database of the test's own, where a connection may be in use for a while after it."""
    with source_database(request.param, tmp_path) as made:
        yield _with_people(made)


def _with_people(database):
    database.run(
        "CREATE TABLE people (id varchar(10), phone varchar(40), n int)",
        "INSERT INTO people VALUES ('a', '004930123', 1), ('b', '01234', 2), ('c', NULL, 3)",
    )
    return database


@pytest.fixture
def postgres(tmp_path):
    with source_database("PostgreSQL", tmp_path) as made:
        yield made


@pytest.fixture
def maria(tmp_path):
    with source_database("MariaDB", tmp_path) as made:
        yield made


def opened(database, query, wanted=(), *, timeout_seconds=60, **parameters):
    return open_database(database.url, query, list(wanted), parameters=parameters, timeout_seconds=timeout_seconds)


def read(database, query, **parameters):
    return opened(database, query, **parameters).collect().drop("row_fault").rows()


def refused(database, query, **parameters):
    with pytest.raises(ConfigurationError) as error:
        read(database, query, **parameters)
    return error.value


def test_rows_come_as_text_in_the_order_of_the_query(database):
    assert read(database, "SELECT id, phone, n FROM people ORDER BY n DESC;") == [
        (0, "c", None, "3"),
        (1, "b", "01234", "2"),
        (2, "a", "004930123", "1"),
    ]


def test_names_are_exactly_those_that_the_database_returns(database):
    quote = "`" if database.kind == "MariaDB" else '"'
    extract = opened(database, f"SELECT id AS {quote}Lead Id, ü{quote}, n AS {quote}N{quote} FROM people", ["N"])

    assert extract.columns == ("Lead Id, ü", "N")
    assert extract.collect().columns == ["source_row", "Lead Id, ü", "N", "row_fault"]
    with pytest.raises(SourceError, match=r"column 'n' is not in the result of source\.query; did you mean 'N'"):
        opened(database, f"SELECT n AS {quote}N{quote} FROM people", ["n"])


def test_a_name_that_comes_twice_is_refused(database):
    error = refused(database, "SELECT p.id, q.id FROM people p JOIN people q ON p.n = q.n")

    assert error.code == "COLUMN_REPEATED"
    assert "column AS name" in error.next_step


def test_a_name_of_ours_is_refused(database):
    assert refused(database, "SELECT id AS source_row FROM people").code == "COLUMN_RESERVED"


def test_a_query_that_finds_nothing_gives_no_rows(database):
    assert read(database, "SELECT id FROM people WHERE n > 99") == []


def test_a_query_that_is_refused_lets_go_of_the_database(own_database):
    """As long as the error is looked at, too: a process that goes on would lock it against those who write."""
    errors = [
        refused(own_database, "SELECT id AS source_row FROM people"),
        refused(own_database, "SELECT p.id, q.id FROM people p JOIN people q ON p.n = q.n"),
    ]

    own_database.run("INSERT INTO people VALUES ('d', NULL, 4)")

    assert len(read(own_database, "SELECT id FROM people")) == 4
    assert {error.code for error in errors} == {"COLUMN_RESERVED", "COLUMN_REPEATED"}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_bound_and_never_read_as_part_of_the_query(database, value):
    found = read(database, "SELECT :v AS v, ':v' AS w FROM people WHERE n = :n AND :v <> 'no'", v=value, n=1)

    assert found == [(0, value, ":v")]
    assert len(read(database, "SELECT id FROM people")) == 3


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (2, "n = :v"),
        (2.5, "n < :v AND n > 1"),
        ("b", "id = :v"),
        (True, "(n = 2) = :v"),
        ("2", "id = 'b' AND :v = '2'"),
    ],
)
def test_a_value_of_any_type_finds_its_row(database, value, condition):
    assert [row[1] for row in read(database, f"SELECT id FROM people WHERE {condition}", v=value)] == ["b"]


def test_dates_given_as_text_are_compared_as_dates(own_database):
    own_database.run(
        "CREATE TABLE calls (id int, due date)", "INSERT INTO calls VALUES (1, '2026-01-31'), (2, '2026-02-01')"
    )

    assert read(own_database, "SELECT id FROM calls WHERE due >= :run_date", run_date="2026-02-01") == [(0, "2")]


def test_a_number_can_limit_the_rows(database):
    assert len(read(database, "SELECT id FROM people LIMIT :n", n=2)) == 2


WRITES = [
    "INSERT INTO people VALUES ('x', '1', 9)",
    "INSERT INTO people VALUES ('x', '1', 9) RETURNING id",
    "DELETE FROM people",
    "DELETE FROM people RETURNING id",
    "UPDATE people SET n = 0 RETURNING id",
    "WITH gone AS (DELETE FROM people RETURNING id) SELECT id FROM gone",
    "WITH q AS (SELECT 1 AS n) INSERT INTO people SELECT 'x', '1', n FROM q",
    "WITH q AS (SELECT 1 AS n) DELETE FROM people",
    "SELECT id FROM people; DELETE FROM people",
    "DROP TABLE people",
    "TRUNCATE people",
    "CREATE TABLE more (n int)",
    "SELECT id INTO more FROM people",
    "SELECT id FROM people) TO STDOUT; DELETE FROM people; --",
    "SELECT id FROM people INTO OUTFILE '/tmp/leadferry-people'",
    "PRAGMA user_version = 7",
    "ATTACH 'other.db' AS other",
    "COPY people TO 'people.csv'",
]


@pytest.mark.parametrize("query", WRITES)
def test_a_query_that_writes_changes_nothing(database, query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))

    assert refused(database, query).exit_code == 2

    assert database.rows("SELECT id, phone, n FROM people ORDER BY id") == [
        ("a", "004930123", 1),
        ("b", "01234", 2),
        ("c", None, 3),
    ]
    assert set(tmp_path.rglob("*")) == before
    with pytest.raises(Exception, match=r"more"):
        database.rows("SELECT * FROM more")


def test_a_function_that_writes_changes_nothing(postgres):
    postgres.run(
        "CREATE TABLE seen (n int)",
        "CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO seen VALUES (1) RETURNING n'",
        "CREATE SEQUENCE ids",
    )

    assert refused(postgres, "SELECT note() AS n").code == "SOURCE_WRITES"
    assert refused(postgres, "SELECT nextval('ids') AS n").code == "SOURCE_WRITES"
    assert (
        refused(postgres, "SELECT set_config('transaction_read_only', 'off', false) AS c, note() AS n").exit_code == 2
    )
    assert postgres.rows("SELECT * FROM seen") == []


def test_a_function_of_mariadb_that_writes_changes_nothing(maria):
    maria.run(
        "CREATE TABLE seen (n int)",
        "CREATE FUNCTION note() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO seen VALUES (1); RETURN 1; END",
    )

    assert refused(maria, "SELECT note() AS n").code == "SOURCE_WRITES"
    assert maria.rows("SELECT * FROM seen") == []


def test_a_query_that_takes_too_long_is_stopped(own_database):
    begun = time.monotonic()

    error = refused(own_database, ENDLESS[own_database.kind], timeout_seconds=0.5)

    assert error.code == "SOURCE_TIMEOUT"
    assert "timeout_seconds" in error.next_step
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT id FROM poeple", "poeple"),
        ("SELECT nope FROM people", "nope"),
        ("SELECT id FRO people WHERE", ""),
        ("SELECT no_such_function(id) AS x FROM people", "no_such_function"),
    ],
)
def test_a_wrong_query_is_told_in_the_words_of_the_database(database, query, words):
    error = refused(database, query)

    assert error.code == "SOURCE_QUERY"
    assert words.lower() in error.message.lower()


def test_postgresql_tells_the_place_of_the_fault_in_the_query_as_it_was_written(postgres):
    error = refused(postgres, "SELECT :first AS a,\n  :second AS b,\n  nope", first="x" * 50, second="y")

    assert 'at line 3, column 3: column "nope" does not exist' in error.message


def test_a_fault_in_a_late_row_fails_the_whole(postgres):
    assert refused(postgres, "SELECT 1 / (200000 - i) AS x FROM generate_series(1, 200000) i").code == "SOURCE_QUERY"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://postgres@127.0.0.1:1/x", "SOURCE_UNREACHABLE"),
        ("mysql://root@127.0.0.1:1/x", "SOURCE_UNREACHABLE"),
        (f"{POSTGRES}no_such_database", "SOURCE_REFUSED"),
        (f"{MARIA}no_such_database", "SOURCE_REFUSED"),
        ("oracle://user@host/db", "SOURCE_DRIVER_MISSING"),
        ("mssql+pyodbc://user@host/db", "SOURCE_DRIVER_MISSING"),
        ("nosuchbase://host/db", "SOURCE_DRIVER_MISSING"),
    ],
)
def test_a_database_that_cannot_be_asked_is_told(url, code):
    with pytest.raises(SourceError) as error:
        open_database(url, "SELECT 1 AS x", [], parameters={}, timeout_seconds=5)
    assert error.value.code == code
    assert error.value.next_step


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_password_is_in_no_message_and_no_traceback(monkeypatch, kind):
    port = 5432 if kind == "postgresql" else 3306
    for place in (f"127.0.0.1:{port}", "127.0.0.1:1", "no-such-host.invalid", "[bad", "127.0.0.1:notaport"):
        monkeypatch.setenv("CRM_URL", f"{kind}://nobody:s3ntinel%2Fpw@{place}/x?sslpassword=s3ntinel-2")
        with pytest.raises(ConfigurationError) as error:
            open_database("env:CRM_URL", "SELECT 1 AS x", [], parameters={}, timeout_seconds=5)
        told = "".join(_everything_told(error.value))
        assert "s3ntinel" not in told
        assert "env:CRM_URL" in told


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_an_at_sign_in_a_password_must_be_quoted(monkeypatch, kind):
    """To some drivers what follows the first one is the host, whose name they tell."""
    monkeypatch.setenv("CRM_URL", f"{kind}://nobody:pw@s3ntinel@127.0.0.1/x")
    with pytest.raises(ConfigurationError) as error:
        open_database("env:CRM_URL", "SELECT 1 AS x", [], parameters={}, timeout_seconds=5)
    assert error.value.code == "SOURCE_URL"
    assert "%40" in error.value.next_step
    assert "s3ntinel" not in "".join(_everything_told(error.value))


def _everything_told(error):
    yield str(error)
    yield from traceback.format_exception(error)


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(tmp_path, scheme):
    with pytest.raises(SourceError) as error:
        open_database(f"{scheme}:///{tmp_path}/none.db", "SELECT 1 AS x", [], parameters={}, timeout_seconds=5)
    assert error.value.code == "SOURCE_MISSING"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_refused(tmp_path, scheme):
    (tmp_path / "leads.csv").write_text("id,phone\n" * 1000)

    with pytest.raises(SourceError) as error:
        open_database(f"{scheme}:///{tmp_path}/leads.csv", "SELECT 1 AS x", [], parameters={}, timeout_seconds=5)
    assert error.value.code == "SOURCE_UNREADABLE"


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("CRM_URL", raising=False)

    with pytest.raises(ConfigurationError, match="CRM_URL is not set") as error:
        find_target("env:CRM_URL")
    assert error.value.code == "SOURCE_URL"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@host/db",
        "mysql+pymysql://user:secret@host",
        "postgresql://user:se/cr@et@host/db",
        "postgresql://host/db?password=secret",
        "mssql+pyodbc:///?odbc_connect=x&PWD=secret",
        "env:",
        "env:A B",
        "crm",
        "host/db",
    ],
)
def test_a_url_with_a_password_or_none_at_all_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="write") as error:
        check_url(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user@host/db?sslmode=require",
        "postgresql:///db",
        "sqlite:///a/b@c.db",
        "env:CRM_URL",
        "duckdb:///x",
    ],
)
def test_a_url_without_a_password_is_taken(url):
    check_url(url)


def test_a_connection_lost_half_way_leaves_no_extract(postgres, tmp_path):
    extract = opened(postgres, "SELECT generate_series(1, 20000000) AS i, repeat('x', 100) AS v")

    def kill():
        time.sleep(0.7)
        postgres.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'leadferry' AND datname = current_database()"
        )

    with _beside(kill), pytest.raises(SourceError) as error:
        write_chunks(tmp_path / "extract.parquet", extract.frames())
    assert error.value.code == "SOURCE_BROKE_OFF"
    assert list(tmp_path.glob("*extract*")) == []


def test_a_connection_to_mariadb_lost_half_way_leaves_no_extract(maria, tmp_path):
    extract = opened(maria, "SELECT seq, repeat('x', 100) AS v FROM seq_1_to_20000000")

    def kill():
        time.sleep(0.7)
        name = maria.url.rpartition("/")[2]
        for (number,) in maria.rows(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND time_ms > 500"
        ):
            maria.run(f"KILL {number}")

    with _beside(kill), pytest.raises(SourceError) as error:
        write_chunks(tmp_path / "extract.parquet", extract.frames())
    assert error.value.code == "SOURCE_BROKE_OFF"
    assert list(tmp_path.glob("*extract*")) == []


class _beside:  # noqa: N801 - reads as a verb
    """Do something in a thread while the block runs."""

    def __init__(self, work):
        self._thread = Thread(target=work)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._thread.join()


def test_the_first_rows_of_an_endless_query_come_at_once_and_the_rest_is_let_go(own_database):
    begun = time.monotonic()

    rows = opened(own_database, SERIES[own_database.kind].format(rows=1_000_000_000)).collect(5)

    assert rows["i"].to_list() == ["1", "2", "3", "4", "5"]
    assert time.monotonic() - begun < 30
    if own_database.kind == "PostgreSQL":
        _wait_until(lambda: not _busy(f"{POSTGRES}postgres", own_database.url.rpartition("/")[2]))


@pytest.mark.parametrize(
    "let_go",
    ["extract.collect(5)", "extract.close()", "with closing(extract.frames()) as rows: next(rows).height / 0"],
    ids=["after a few rows", "before any", "by an error"],
)
def test_a_process_that_lets_go_of_an_endless_query_ends_well(own_database, let_go):
    query = SERIES[own_database.kind].format(rows=1_000_000_000)
    lines = (
        "import sys; from contextlib import closing",
        "from connectors.sources.databases.asking import open_database",
        "extract = open_database(sys.argv[1], sys.argv[2], [], parameters={}, timeout_seconds=300)",
        let_go,
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), own_database.url, query],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    if "/" in let_go:
        assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")
    else:
        assert (done.returncode, done.stderr) == (0, "")


def _busy(server, name):
    with psycopg.connect(server) as connection:
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND application_name = 'leadferry'"
        return connection.execute(query, [name]).fetchall()


def _wait_until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


_EXTRACT = """
import sys
from pathlib import Path
from connectors.sources.databases.asking import open_database
from connectors.staging import write_chunks

rows = open_database(sys.argv[1], sys.argv[2], [], parameters={}, timeout_seconds=300).frames()
write_chunks(Path(sys.argv[3]), rows)
print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_memory_does_not_grow_with_the_rows(own_database, tmp_path):
    def peak(rows):
        wide = {
            "SQLite": ("SELECT i FROM r", "SELECT i, printf('%0400d', i) AS v FROM r"),
            "DuckDB": ("SELECT i FROM", "SELECT i, repeat('x', 400) || i AS v FROM"),
            "PostgreSQL": (" AS i", " AS i, repeat('x', 400) AS v"),
            "MariaDB": (" AS i", " AS i, concat(repeat('x', 400), seq) AS v"),
        }
        query = SERIES[own_database.kind].format(rows=rows).replace(*wide[own_database.kind])
        done = subprocess.run(
            [sys.executable, "-c", _EXTRACT, own_database.url, query, tmp_path / "extract.parquet"],
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    # 400 bytes a row and more: what a driver that holds all rows takes is 800 bytes more for each row of the smaller
    # number. DuckDB gives 131,072 rows at a time, so that its peak is reached later.
    rows = 400_000 if own_database.kind == "DuckDB" else 200_000
    assert peak(3 * rows) < peak(rows) + 600 * rows // 1_000_000


def test_any_other_database_is_read_through_sqlalchemy(postgres):
    postgres.run("CREATE TABLE t (a text, b numeric(10,2), c bytea, d boolean)")
    postgres.run("INSERT INTO t VALUES ('01234', 1.5, '\\x00ff', true), ('%s', NULL, NULL, NULL)")
    url = "postgresql+psycopg://" + postgres.url.partition("://")[2]
    query = parse_query("SELECT ':x' AS x, a::text, b, c, d FROM t WHERE a <> :v", "postgresql", ["v"], [])
    question = Question(find_target(url), query, {"v": HOSTILE[0]}, 60)

    answer = any_database.open_answer(question)

    assert answer.columns == ("x", "a", "b", "c", "d")
    assert pl.concat(answer.frames()).rows() == [
        (":x", "01234", "1.50", "00ff", "true"),
        (":x", "%s", None, None, None),
    ]


def test_what_a_query_does_through_sqlalchemy_is_rolled_back_and_late_ones_are_stopped(postgres):
    postgres.run("CREATE TABLE t (a int)")
    url = "postgresql+psycopg://" + postgres.url.partition("://")[2]

    def ask(text, seconds):
        query = parse_query(text, "postgresql", [], [])
        return list(any_database.open_answer(Question(find_target(url), query, {}, seconds)).frames())

    ask_writes = "WITH w AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM w"
    with suppress(SourceError):  # a server-side cursor takes no such query
        ask(ask_writes, 60)
    assert postgres.rows("SELECT * FROM t") == []
    with pytest.raises(SourceError) as error:
        ask("SELECT pg_sleep(60)", 0.5)
    assert error.value.code == "SOURCE_TIMEOUT"

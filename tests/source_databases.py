"""Databases to read leads from, each made for one test and dropped after it; skips where a server does not answer."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import duckdb
import psycopg
import pymysql
import pytest

POSTGRES = "postgresql://postgres@127.0.0.1:5432/"
MARIA = "mysql://root@127.0.0.1:3306/"
KINDS = ("SQLite", "DuckDB", "PostgreSQL", "MariaDB")


@dataclass(frozen=True)
class SourceDatabase:
    """An empty database: its kind and URL, how to change it, and how its own shell prints a query's rows."""

    kind: str
    url: str
    run: Callable[..., None]
    rows: Callable[[str], list[tuple[object, ...]]]


@contextmanager
def source_database(kind: str, folder: Path) -> Iterator[SourceDatabase]:
    """Yield a new, empty database of a kind."""
    makers = {"SQLite": _sqlite, "DuckDB": _duckdb, "PostgreSQL": _postgresql, "MariaDB": _mariadb}
    with makers[kind](folder) as made:
        yield made


@contextmanager
def _sqlite(folder: Path) -> Iterator[SourceDatabase]:
    path = folder / "crm.sqlite"

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def rows(query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    run("PRAGMA user_version = 1")
    yield SourceDatabase("SQLite", f"sqlite:///{path}", run, rows)


@contextmanager
def _duckdb(folder: Path) -> Iterator[SourceDatabase]:
    path = folder / "crm.duckdb"

    def run(*statements: str) -> None:
        with closing(duckdb.connect(str(path))) as connection:
            for statement in statements:
                connection.execute(statement).fetchall()

    def rows(query: str) -> list[tuple[object, ...]]:
        with closing(duckdb.connect(str(path))) as connection:
            return connection.execute(query).fetchall()

    run("SELECT 1")
    yield SourceDatabase("DuckDB", f"duckdb:///{path}", run, rows)


@contextmanager
def _postgresql(_: Path) -> Iterator[SourceDatabase]:
    try:
        server = psycopg.connect(f"{POSTGRES}postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432")
    name = f"source_{uuid4().hex}"

    def run(*statements: str) -> None:
        with psycopg.connect(POSTGRES + name, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(POSTGRES + name, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield SourceDatabase("PostgreSQL", POSTGRES + name, run, rows)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _mariadb(_: Path) -> Iterator[SourceDatabase]:
    def connect(database: str | None) -> pymysql.connections.Connection:
        return pymysql.connect(
            host="127.0.0.1", user="root", database=database, charset="utf8mb4", autocommit=True, connect_timeout=3
        )

    name = f"source_{uuid4().hex}"

    def rows(query: str, database: str | None = name) -> list[tuple[object, ...]]:
        with connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def run(*statements: str) -> None:
        for statement in statements:
            rows(statement)

    try:
        rows(f"CREATE DATABASE {name}", None)
    except pymysql.Error:
        pytest.skip("no MariaDB answers at 127.0.0.1:3306")
    try:
        yield SourceDatabase("MariaDB", MARIA + name, run, rows)
    finally:
        rows(f"DROP DATABASE {name}", None)


def shown_by_psql(url: str, query: str) -> list[list[str]]:
    """Return the rows as psql prints them, unaligned, in UTC."""
    return _shown(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-d", url, "-c", query], PGTZ="UTC")


def shown_by_sqlite3(url: str, query: str) -> list[list[str]]:
    """Return the rows as SQLite's own shell prints them."""
    return _shown(
        ["sqlite3", "-batch", "-separator", "\x1f", "-newline", "\x1e", url.removeprefix("sqlite:///"), query]
    )


def _shown(command: list[str], **environment: str) -> list[list[str]]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    done = subprocess.run(command, check=True, capture_output=True, env=os.environ | environment, timeout=60)
    out = done.stdout.decode()  # as it is: text mode would change line ends
    return [row.split("\x1f") for row in out.rstrip("\n").removesuffix("\x1e").split("\x1e")]

"""What it takes to read leads out of a database into the folder of a run: time against COPY, and peak memory.

Each kind of database gets a table of 13 text columns, made for the benchmark and dropped after it.
"""

import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import duckdb
import polars as pl
import psycopg
import pymysql

from benchmarks.jobs import write_job
from benchmarks.sources import write_source
from connectors.sources.databases.asking import open_database
from connectors.staging import write_chunks
from flows.extracting import extract_source
from flows.job_file import Job, read_job

POSTGRES: Final = "postgresql://postgres@127.0.0.1:5432/"
MARIA: Final = "mysql://root@127.0.0.1:3306/"

_QUERY: Final = "SELECT * FROM leads"
_PIECE: Final = 100_000
_TAKES: Final = 3


def print_csv_ratio(rows: int) -> None:
    """Print how long a load's extract of a CSV takes against polars reading it and writing Parquet."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        source, job_file = write_job(folder, rows)
        job = read_job(job_file)
        for kind in ("plain", "quoted"):
            if kind == "quoted":
                frame = pl.read_csv(source, infer_schema=False)
                frame.write_csv(source, quote_style="always")
                del frame
            ratios = []
            for _ in range(_TAKES):
                floor = _seconds(_polars_csv_to_parquet, source, folder / "floor.parquet")
                ratios.append(_seconds(_extract_job, job, folder) / floor)
            typical = statistics.median(ratios)
            print(f"{kind} CSV, {rows:,} rows: extract {typical:.2f} x polars CSV to Parquet (at most 1.3)", flush=True)


def _polars_csv_to_parquet(source: Path, destination: Path) -> None:
    pl.scan_csv(source, infer_schema=False).sink_parquet(destination)


def _extract_job(job: Job, folder: Path) -> None:
    extract_source(job, folder / "extract.parquet", folder / "notes.json", None)


def print_copy_ratio(rows: int) -> None:
    """Print how long PostgreSQL's extract of `rows` takes against the same rows by COPY, thrown away."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "leads.csv"
        write_source(source, rows)
        with _postgresql(source) as url:
            copied = min(_seconds(_copy_with_psql, url) for _ in range(_TAKES))
            streamed = min(_seconds(_copy_with_psycopg, url) for _ in range(_TAKES))
            extracted = min(_seconds(extract, url, Path(folder) / "extract.parquet") for _ in range(_TAKES))
    print(
        f"PostgreSQL, {rows:,} rows: extract {extracted:.2f} s, {extracted / copied:.2f} x COPY by psql (at most 2), "
        f"{extracted / streamed:.2f} x COPY by psycopg"
    )


def print_peaks(rows: int, kinds: tuple[str, ...] = ("SQLite", "DuckDB", "PostgreSQL", "MariaDB")) -> None:
    """Print time and peak memory of a process that extracts `rows` from each of `kinds`."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "leads.csv"
        write_source(source, rows)
        for kind in kinds:
            with _DATABASES[kind](source) as url:
                command = [sys.executable, "-m", "benchmarks.extracting", url, str(Path(folder) / "extract.parquet")]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
                print(f"{kind}, {rows:,} rows: {done.stdout.strip()}", flush=True)


def _peak_megabytes() -> float:
    """Return this process's largest resident size since it was started; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def extract(url: str, destination: Path) -> None:
    """Read the benchmark's table at `url` as a load does, into compressed Parquet."""
    rows = open_database(url, _QUERY, ["id", "phone"], parameters={}, timeout_seconds=3600)
    write_chunks(destination, rows.frames())


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    begun = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begun


def _copy_with_psql(url: str) -> None:
    command = ["psql", "-X", "-q", "-d", url, "-c", f"COPY ({_QUERY}) TO STDOUT"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


def _copy_with_psycopg(url: str) -> None:
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({_QUERY}) TO STDOUT") as copy,
    ):
        for _ in copy:
            pass


def _create_table(columns: list[str]) -> str:
    return f"CREATE TABLE leads ({', '.join(f'{name} text' for name in columns)})"


def _columns_of(source: Path) -> list[str]:
    return pl.scan_csv(source, infer_schema=False).collect_schema().names()


def _pieces(source: Path) -> Iterator[pl.DataFrame]:
    return pl.scan_csv(source, infer_schema=False).collect_batches(chunk_size=_PIECE, maintain_order=True)


@contextmanager
def _sqlite(source: Path) -> Iterator[str]:
    path = source.with_suffix(".sqlite")
    connection = sqlite3.connect(path)
    columns = _columns_of(source)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(_create_table(columns))
    for piece in _pieces(source):
        connection.executemany(f"INSERT INTO leads VALUES ({', '.join('?' for _ in columns)})", piece.iter_rows())  # noqa: S608
    connection.commit()
    connection.close()
    yield f"sqlite:///{path}"
    path.unlink()


@contextmanager
def _duckdb(source: Path) -> Iterator[str]:
    path = source.with_suffix(".duckdb")
    connection = duckdb.connect(path)
    connection.sql(f"CREATE TABLE leads AS FROM read_csv('{source}', all_varchar = true)")
    connection.close()
    yield f"duckdb:///{path}"
    path.unlink()


@contextmanager
def _postgresql(source: Path) -> Iterator[str]:
    name = f"leads_{uuid4().hex}"
    with psycopg.connect(f"{POSTGRES}postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            with psycopg.connect(POSTGRES + name) as connection:
                connection.execute(_create_table(_columns_of(source)).encode())
                with (
                    source.open("rb") as file,
                    connection.cursor().copy("COPY leads FROM STDIN (FORMAT csv, HEADER)") as copy,
                ):
                    while block := file.read(1 << 20):
                        copy.write(block)
            yield POSTGRES + name
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _mariadb(source: Path) -> Iterator[str]:
    name = f"leads_{uuid4().hex}"
    server: Any = pymysql.connect(host="127.0.0.1", user="root", charset="utf8mb4", local_infile=True)
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            cursor.execute(f"USE {name}")
            cursor.execute(_create_table(_columns_of(source)))
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{source}' INTO TABLE leads CHARACTER SET utf8mb4 "
                "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' IGNORE 1 LINES"
            )
            server.commit()
            yield MARIA + name
        finally:
            cursor.execute(f"DROP DATABASE {name}")


_DATABASES: Final = {"SQLite": _sqlite, "DuckDB": _duckdb, "PostgreSQL": _postgresql, "MariaDB": _mariadb}

if __name__ == "__main__":
    took = _seconds(extract, sys.argv[1], Path(sys.argv[2]))
    print(f"{took:.1f} s, peak {_peak_megabytes():.0f} MB")

"""Databases for ledgers, made for one test and dropped after it: a file, and a schema of a PostgreSQL server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def ledger_database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a new, empty database; skips the test where no PostgreSQL answers."""
    if kind == "SQLite":
        yield f"sqlite:///{folder / 'ledger.sqlite'}"
        return
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432")
    schema = f"ledger_{uuid4().hex}"
    with server:
        server.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{SERVER}?options=-csearch_path%3D{schema}"
        finally:
            server.execute(f"DROP SCHEMA {schema} CASCADE")


class SmallDisk:
    """A file system of a megabyte that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        """Take the folder where it is mounted."""
        self.folder = folder

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.folder / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while filler.write(b"x" * 512):
                pass

    def make_room(self) -> None:
        """Remove what filled it."""
        (self.folder / "filler").unlink()


@contextmanager
def full_disk(folder: Path) -> Iterator[SmallDisk]:
    """Yield a real small disk; skips the test where this user may not mount one."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "-l", place], check=True)

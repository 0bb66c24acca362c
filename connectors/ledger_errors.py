"""Translates what databases say into errors that a person can act on; no database error leaves the ledger otherwise."""

import sqlite3
from typing import Final

import sqlalchemy as sa

from transforms.vocabulary.errors import ConfigurationError

_CHECK: Final = "Check LEADFERRY_LEDGER, LEADFERRY_HOME and the rights to write there."
_LATER: Final = "Wait for it to end and run the command again; `leadferry resume` goes on with a run that had begun."

_SQLITE_CODES: Final = {
    sqlite3.SQLITE_BUSY: "LEDGER_BUSY",
    sqlite3.SQLITE_LOCKED: "LEDGER_BUSY",
    sqlite3.SQLITE_FULL: "LEDGER_FULL",
    sqlite3.SQLITE_READONLY: "LEDGER_READ_ONLY",
    sqlite3.SQLITE_NOTADB: "LEDGER_DAMAGED",
    sqlite3.SQLITE_CORRUPT: "LEDGER_DAMAGED",
}
_PRIMARY: Final = 0xFF
"""SQLite's extended codes carry the primary one in their lowest byte."""

_SQLSTATES: Final = {
    "53100": "LEDGER_FULL",
    "53300": "LEDGER_BUSY",
    "55P03": "LEDGER_BUSY",
    "57014": "LEDGER_BUSY",
    "25006": "LEDGER_READ_ONLY",
    "XX001": "LEDGER_DAMAGED",
    "XX002": "LEDGER_DAMAGED",
}
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "40001", "40P01"})
"""A server that goes away or comes up, and transactions that lost against others: both roll back as a whole."""

_WORDS: Final = {
    "LEDGER_BUSY": ("The ledger at {place} is held by another program for too long.", _LATER),
    "LEDGER_FULL": (
        "There is no room left to write the ledger at {place}.",
        "Make room there; `leadferry resume` goes on with a run that had begun.",
    ),
    "LEDGER_READ_ONLY": ("The ledger at {place} may be read, but not written.", _CHECK),
    "LEDGER_DAMAGED": (
        "The ledger cannot be opened at {place}: the file there is no ledger, or it is damaged.",
        "Check LEADFERRY_LEDGER, or put back a copy of the ledger.",
    ),
    "LEDGER_LOST": (
        "The connection to the ledger at {place} was lost.",
        "Run the command again when its server answers; `leadferry resume` goes on with a run that had begun.",
    ),
    "LEDGER_FAILED": (
        "The ledger at {place} failed ({reason}).",
        "Mend that; `leadferry resume` goes on with a run that had begun.",
    ),
    "LEDGER_UNUSABLE": ("The ledger cannot be opened at {place} ({reason}).", _CHECK),
}


def shown(url: sa.URL) -> str:
    """Return a database URL as it may be shown: without its password, and without options that could hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def is_lost(error: sa.exc.SQLAlchemyError, *, opened: bool) -> bool:
    """Return whether the connection is gone, or the server took the whole transaction back: worth another try.

    A server that cannot be reached is, if the ledger was `opened` before.
    """
    if not isinstance(error, sa.exc.DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    state = getattr(error.orig, "sqlstate", None)
    unreachable = opened and state is None and isinstance(error, sa.exc.OperationalError)
    return error.connection_invalidated or unreachable or state in _LOST or (state or "").startswith("08")


def translated(error: sa.exc.SQLAlchemyError, url: sa.URL, *, opened: bool) -> ConfigurationError:
    """Return what a person is told of a database error; `opened` says that the ledger worked before."""
    code = _code_of(error)
    if code is None and opened:
        code = "LEDGER_LOST" if is_lost(error, opened=opened) else "LEDGER_FAILED"
    code = code or "LEDGER_UNUSABLE"
    message, next_step = _WORDS[code]
    return ConfigurationError(code, message.format(place=shown(url), reason=_reason(error, url)), next_step)


def _code_of(error: sa.exc.SQLAlchemyError) -> str | None:
    if isinstance(error, sa.exc.TimeoutError):
        return "LEDGER_BUSY"
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        number = getattr(origin, "sqlite_errorcode", 0)
        if number == sqlite3.SQLITE_IOERR_SHMSIZE:  # the index of the journal could not grow
            return "LEDGER_FULL"
        return _SQLITE_CODES.get(number & _PRIMARY)
    return _SQLSTATES.get(getattr(origin, "sqlstate", None) or "")


def _reason(error: sa.exc.SQLAlchemyError, url: sa.URL) -> str:
    """Return the database's own first line, with everything masked that the URL keeps secret."""
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    words = str(origin or type(error).__name__).strip().splitlines()
    line = words[0] if words else type(error).__name__
    secrets = [str(url.password or ""), *(str(value) for key, value in url.query.items() if "pass" in key)]
    for secret in filter(None, secrets):
        line = line.replace(secret, "***")
    return line

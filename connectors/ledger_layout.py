"""Brings a ledger to today's layout when it is opened: a new one, and one that an older version left.

All steps are one transaction, and whoever opens the ledger meanwhile waits for it: a process that is killed on the way
leaves the old layout whole.
"""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connectors.ledger_engine import LedgerDatabase
from connectors.ledger_tables import SCHEMA
from transforms.vocabulary.errors import ConfigurationError

LAYOUT: Final = 3
_STEPS: Final = Path(__file__).with_name("ledger_migrations")
_MIGRATING: Final = 0x1EADFE22
"""The number of PostgreSQL's lock that one migrating process holds."""


def bring_up_to_date(database: LedgerDatabase) -> None:
    """Lay the ledger out as this version needs it. Raises ConfigurationError for one of a newer version."""
    if _layout_of(database.read(_read_layout)) != LAYOUT:
        database.write(_migrate)


def _migrate(db: Connection) -> None:
    if db.dialect.name == "postgresql":  # SQLite has one writer anyway
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
    layout = _layout_of(_read_layout(db))
    if layout == LAYOUT:
        return  # another process was faster
    # Needed once in a ledger's life, and slow to import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = db
    if layout == 1 and not sa.inspect(db).has_table("leadferry_revision"):
        command.stamp(config, "1")  # laid out before Alembic came
    command.upgrade(config, str(LAYOUT))


def _read_layout(db: Connection) -> int | None:
    if not sa.inspect(db).has_table(SCHEMA.name):
        return None
    return db.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar()


def _layout_of(found: int | None) -> int | None:
    if found is not None and found > LAYOUT:
        raise ConfigurationError(
            "LEDGER_NEWER",
            f"The ledger was written by a newer leadferry (layout {found}, this one knows {LAYOUT}).",
            "Upgrade leadferry.",
        )
    return found

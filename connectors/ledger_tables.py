"""The ledger's tables as this version lays them out; how older ones become so is told by `ledger_migrations`."""

from typing import Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()

SCHEMA: Final = sa.Table("leadferry_schema", METADATA, sa.Column("version", sa.Integer, nullable=False))
"""One row: the layout's number, which is also what programs that are older than the layout look at."""

RUNS: Final = sa.Table(
    "leadferry_runs",
    METADATA,
    sa.Column("run_id", sa.String(200), primary_key=True),
    sa.Column("job", sa.String(200), nullable=False),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("job_json", sa.Text, nullable=False),
    sa.Column("row_limit", sa.BigInteger),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.Column("account_id", sa.Text),
    sa.Column("campaign_id", sa.BigInteger),
    sa.Column("campaign_name", sa.Text),
    sa.Column("lease_token", sa.Text),
    sa.Column("lease_host", sa.Text),
    sa.Column("lease_lock", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("fingerprint", sa.Text),
    sa.Column("numbers", sa.Text),
    sa.Column("other_source", sa.Text),
    sa.Column("pruned_at", sa.String(40)),
    sa.Column("forgotten_at", sa.String(40)),
    sa.Index("leadferry_runs_by_fingerprint", "fingerprint"),
    sa.Index("leadferry_runs_by_job", "job", "started_at"),
)
BATCHES: Final = sa.Table(
    "leadferry_batches",
    METADATA,
    sa.Column("run_id", sa.String(200), sa.ForeignKey("leadferry_runs.run_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.String(100), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
)
EVENTS: Final = sa.Table(
    "leadferry_events",
    METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(200), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("places", sa.Text),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.Column("attempt_key", sa.String(40)),
    sa.ForeignKeyConstraint(["run_id", "number"], ["leadferry_batches.run_id", "leadferry_batches.number"]),
    sa.Index("leadferry_events_by_batch", "run_id", "number"),
    sa.Index("leadferry_events_by_key", "attempt_key", unique=True),
)
WINDOWS: Final = sa.Table(
    "leadferry_windows",
    METADATA,
    sa.Column("scope", sa.String(200), primary_key=True),
    sa.Column("call", sa.String(100), primary_key=True),
    sa.Column("paused_at", sa.Double, nullable=False),
    sa.Column("paused_until", sa.Double, nullable=False),
    sa.Column("sent", sa.Text, nullable=False),
)
"""When the calls of a sub-account were last made, by whichever process: seconds since 1970, oldest first."""

"""Layout 1: runs, their batches, and what happened to these.

Its first writers made one table after the other, so that one killed meanwhile left only some: those stay as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables that are not there."""
    op.create_table("leadferry_schema", sa.Column("version", sa.Integer, nullable=False), if_not_exists=True)
    op.create_table(
        "leadferry_runs",
        sa.Column("run_id", sa.String(200), primary_key=True),
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("job_json", sa.Text, nullable=False),
        sa.Column("row_limit", sa.BigInteger),
        sa.Column("started_at", sa.String(40), nullable=False),
        sa.Column("finished_at", sa.String(40)),
        sa.Column("account_id", sa.String(100)),
        sa.Column("campaign_id", sa.BigInteger),
        sa.Column("campaign_name", sa.Text),
        if_not_exists=True,
    )
    op.create_table(
        "leadferry_batches",
        sa.Column("run_id", sa.String(200), sa.ForeignKey("leadferry_runs.run_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.String(100), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "leadferry_events",
        sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("places", sa.Text),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("code", sa.String(100)),
        sa.Column("message", sa.Text),
        sa.Column("answer", sa.Text),
        sa.Column("started_at", sa.String(40), nullable=False),
        sa.Column("finished_at", sa.String(40)),
        sa.ForeignKeyConstraint(["run_id", "number"], ["leadferry_batches.run_id", "leadferry_batches.number"]),
        if_not_exists=True,
    )
    op.create_index("leadferry_events_by_batch", "leadferry_events", ["run_id", "number"], if_not_exists=True)
    # Two that opened a new ledger at once could both leave their row.
    op.execute("DELETE FROM leadferry_schema")
    op.execute("INSERT INTO leadferry_schema (version) VALUES (1)")

"""Layout 3: a run's numbers, which outlive its files; what it read if not its job's source; when lead data went."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the new columns; runs before them have their numbers in their report."""
    op.add_column("leadferry_runs", sa.Column("numbers", sa.Text))
    op.add_column("leadferry_runs", sa.Column("other_source", sa.Text))
    op.add_column("leadferry_runs", sa.Column("pruned_at", sa.String(40)))
    op.add_column("leadferry_runs", sa.Column("forgotten_at", sa.String(40)))
    op.create_index("leadferry_runs_by_job", "leadferry_runs", ["job", "started_at"])
    op.execute("UPDATE leadferry_schema SET version = 3")

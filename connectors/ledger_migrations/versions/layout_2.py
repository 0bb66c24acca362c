"""Layout 2: who works on a run and what its rows were, attempts that can be recorded twice, shared throttle windows.

A search's proof, once one state with the landed places in its answer, becomes three: landed, absent, partly landed.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

_EVENTS = sa.table(
    "leadferry_events",
    sa.column("event_id", sa.Integer),
    sa.column("state", sa.String),
    sa.column("places", sa.Text),
    sa.column("answer", sa.Text),
)


def upgrade() -> None:
    """Add the new columns and tables, and rewrite what searches proved."""
    for name, kind in (("lease_token", sa.Text), ("lease_host", sa.Text), ("lease_lock", sa.Text)):
        op.add_column("leadferry_runs", sa.Column(name, kind))
    op.add_column("leadferry_runs", sa.Column("lease_until", sa.Double))
    op.add_column("leadferry_runs", sa.Column("fingerprint", sa.Text))
    op.create_index("leadferry_runs_by_fingerprint", "leadferry_runs", ["fingerprint"])
    op.add_column("leadferry_events", sa.Column("attempt_key", sa.String(40)))
    op.create_index("leadferry_events_by_key", "leadferry_events", ["attempt_key"], unique=True)
    if op.get_bind().dialect.name == "postgresql":  # SQLite holds nobody to a length
        op.alter_column("leadferry_runs", "account_id", type_=sa.Text)
        op.alter_column("leadferry_events", "code", type_=sa.Text)
    op.create_table(
        "leadferry_windows",
        sa.Column("scope", sa.String(200), primary_key=True),
        sa.Column("call", sa.String(100), primary_key=True),
        sa.Column("paused_at", sa.Double, nullable=False),
        sa.Column("paused_until", sa.Double, nullable=False),
        sa.Column("sent", sa.Text, nullable=False),
        if_not_exists=True,
    )
    _tell_proofs_apart(op.get_bind())
    op.execute("UPDATE leadferry_schema SET version = 2")


def _tell_proofs_apart(db: sa.Connection) -> None:
    proofs = db.execute(sa.select(_EVENTS).where(_EVENTS.c.state == "settled")).all()
    for proof in proofs:
        state = _state_of(
            len(json.loads(proof.places or "[]")), len(json.loads(proof.answer or "{}").get("landed", ()))
        )
        db.execute(_EVENTS.update().where(_EVENTS.c.event_id == proof.event_id).values(state=state))


def _state_of(places: int, landed: int) -> str:
    if not landed:
        return "absent"
    return "landed" if landed == places else "partly_landed"

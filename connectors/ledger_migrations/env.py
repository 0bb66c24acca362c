"""Alembic's way in: runs the steps on the connection that the ledger hands over, inside its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="leadferry_revision", transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()

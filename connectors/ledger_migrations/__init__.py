"""How a ledger of an older layout becomes one of today's: steps that Alembic runs for `connectors.ledger_layout`."""

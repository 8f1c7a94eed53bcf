"""Alembic's entry: runs on the connection that `seald/store/migrate.py` hands in."""

from __future__ import annotations

from alembic import context

from seald.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
)
with context.begin_transaction():
    context.run_migrations()

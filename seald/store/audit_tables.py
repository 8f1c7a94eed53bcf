"""The tables of the audit, beside those of `tables.py`. Triggers, made by their migration, keep entries as they are."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from seald.store.tables import metadata

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    # As text, so that what is hashed is what stands there.
    Column("at", String(32), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String(128), nullable=False),
    Column("from_value", Text),
    Column("to_value", Text),
    Column("reason", Text),
    Column("who", String(128), nullable=False),
    Column("request_id", String(128)),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    # One row.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entries", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

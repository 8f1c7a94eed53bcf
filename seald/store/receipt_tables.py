"""The table of receipts, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from seald.store.tables import Moment, metadata

receipts = Table(
    "receipts",
    metadata,
    # A hash of who asked what under which key: the key itself is nobody's business.
    Column("id", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("at", Moment, nullable=False, index=True),
)

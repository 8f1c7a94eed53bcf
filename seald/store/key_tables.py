"""The table of keys, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table

from seald.store.tables import Moment, metadata

keys = Table(
    "keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("collections", JSON(none_as_null=True)),
    Column("models", JSON(none_as_null=True)),
    Column("requests_per_minute", Integer),
    Column("concurrency", Integer),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
)

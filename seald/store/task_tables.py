"""The table of tasks that are given by examples, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table

from seald.store.tables import Moment, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("collection", String(63), nullable=False, index=True),
    Column("examples", JSON, nullable=False),
    Column("test", JSON, nullable=False),
    # The one that learns it: what was queued before, for a task of this name that was deleted, is nobody's.
    Column("adaptation", String(64), ForeignKey("adaptations.id"), nullable=False, unique=True),
    Column("created", Moment, nullable=False),
)

"""The tables of the policy's retraining, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from seald.store.tables import Moment, metadata

retrainings = Table(
    "retrainings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("status", String(16), nullable=False, index=True),
    Column("round", Integer, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("incumbent", Integer),
    Column("start", Integer),
    Column("version", Integer),
    Column("figures", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("cancel_requested", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("finished", Moment),
)

retraining_events = Table(
    "retraining_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("retraining", String(64), ForeignKey("retrainings.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "retraining", "seq"),
)

lessons = Table(
    "lessons",
    metadata,
    Column("retraining", String(64), ForeignKey("retrainings.id"), primary_key=True),
    Column("context", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("held_out", Boolean, nullable=False),
    # Of a stored document, or of a stored task.
    Column("document", String(64), index=True),
    Column("body", JSON, nullable=False),
    Column("exam", JSON(none_as_null=True)),
)

episodes = Table(
    "episodes",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("retraining", String(64), ForeignKey("retrainings.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("arm", String(128), nullable=False),
    Column("context", String(64), nullable=False),
    Column("sample", Integer, nullable=False),
    Column("document", String(64), index=True),
    Column("body", JSON, nullable=False),
    Index(None, "retraining", "round"),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("status", String(16), nullable=False),
    Column("parent", Integer, ForeignKey("policy_versions.version")),
    Column("retraining", String(64), ForeignKey("retrainings.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("documents", JSON, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("sha256", String(64)),
    Column("manifest_sha256", String(64)),
    Column("created", Moment, nullable=False),
    UniqueConstraint("retraining", "round"),
)

live_policy = Table(
    "live_policy",
    metadata,
    Column("subject", String(16), primary_key=True),
    Column("version", Integer, ForeignKey("policy_versions.version")),
)

policy_moves = Table(
    "policy_moves",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(16), nullable=False, server_default="passage"),
    Column("kind", String(16), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("reason", Text),
    Column("at", Moment, nullable=False),
)

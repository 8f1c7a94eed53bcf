"""The tables. Types are portable: the same schema serves SQLite and Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From what the database gives, as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("collection", String(63), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("source", Text),
    Column("supersedes", String(64), ForeignKey("documents.id")),
    Column("metadata", JSON, nullable=False),
    Column("passages", JSON, nullable=False),
    Column("created", Moment, nullable=False),
    Column("forgotten", Moment),
    UniqueConstraint("collection", "sha256"),
)

adaptations = Table(
    "adaptations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(16), nullable=False, server_default="learn"),
    Column("collection", String(63), nullable=False),
    Column("forgets", String(64)),
    Column("status", String(16), nullable=False, index=True),
    Column("version", Integer),
    Column("parent", Integer),
    Column("figures", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("cancel_requested", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("finished", Moment),
)

adaptation_documents = Table(
    "adaptation_documents",
    metadata,
    Column("adaptation", String(64), ForeignKey("adaptations.id"), primary_key=True),
    Column("document", String(64), ForeignKey("documents.id"), primary_key=True, index=True),
    Column("place", Integer, nullable=False),
)

adaptation_events = Table(
    "adaptation_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("adaptation", String(64), ForeignKey("adaptations.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "adaptation", "seq"),
)

probes = Table(
    "probes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("collection", String(63), nullable=False),
    Column("document", String(64), ForeignKey("documents.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("question", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("wrong", Text, nullable=False, server_default=""),
    Column("origin", String(16), nullable=False),
    Column("split", String(8), nullable=False, server_default="guard"),
    Column("passage", Integer),
)

self_edits = Table(
    "self_edits",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("adaptation", String(64), ForeignKey("adaptations.id"), nullable=False, index=True),
    Column("document", String(64), ForeignKey("documents.id"), nullable=False, index=True),
    Column("collection", String(63), nullable=False),
    Column("position", Integer),
    Column("body", JSON, nullable=False),
    UniqueConstraint("collection", "position"),
)

adapter_versions = Table(
    "adapter_versions",
    metadata,
    Column("collection", String(63), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("parent", Integer),
    Column("replaces", Integer),
    Column("repairs", Integer, nullable=False, server_default="0"),
    Column("adaptation", String(64), ForeignKey("adaptations.id"), nullable=False, unique=True),
    Column("documents", JSON, nullable=False),
    Column("sha256", String(64)),
    Column("manifest_sha256", String(64)),
    Column("created", Moment, nullable=False),
    ForeignKeyConstraint(["collection", "parent"], ["adapter_versions.collection", "adapter_versions.version"]),
    ForeignKeyConstraint(["collection", "replaces"], ["adapter_versions.collection", "adapter_versions.version"]),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("collection", String(63), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("guard", String(32), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("figures", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["collection", "version"], ["adapter_versions.collection", "adapter_versions.version"]),
)

live = Table(
    "live",
    metadata,
    Column("collection", String(63), primary_key=True),
    Column("version", Integer),
    ForeignKeyConstraint(["collection", "version"], ["adapter_versions.collection", "adapter_versions.version"]),
)

live_moves = Table(
    "live_moves",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("collection", String(63), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("reason", Text),
    Column("at", Moment, nullable=False),
)

answered = Table(
    "answered",
    metadata,
    Column("request", String(128), primary_key=True),
    Column("asker", String(64), primary_key=True, server_default="local"),
    Column("collection", String(63), nullable=False),
    Column("version", Integer),
    Column("at", Moment, nullable=False, index=True),
)

feedback = Table(
    "feedback",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("request", String(128), nullable=False),
    Column("asker", String(64), nullable=False, server_default="local"),
    Column("collection", String(63), nullable=False),
    Column("version", Integer),
    Column("rating", Integer, nullable=False),
    Column("comment", Text),
    Column("at", Moment, nullable=False),
    UniqueConstraint("request", "asker"),
    Index(None, "collection", "version"),
)

watches = Table(
    "watches",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("collection", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("probes", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "collection", "version"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("document", String(64), ForeignKey("documents.id"), primary_key=True),
    Column("adaptation", String(64), ForeignKey("adaptations.id"), nullable=False),
    Column("body", JSON, nullable=False),
    Column("scrubbed", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
)

collections = Table(
    "collections",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("changed", Moment, nullable=False),
)

Row = Any
"""SQLAlchemy's rows are typed by no more than their columns' names."""

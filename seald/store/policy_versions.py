"""Rows of learned policies, and which of them learned from what. For use inside a wider transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from seald.domain.policy_version import PolicyVersion
from seald.errors import NotFound
from seald.store.retraining_tables import live_policy
from seald.store.retraining_tables import policy_versions as rows
from seald.store.tables import documents


def every(connection: Connection) -> list[PolicyVersion]:
    """Oldest first, each with whether it is live."""
    live = connection.scalar(select(live_policy.c.version))
    found = connection.execute(select(rows).order_by(rows.c.version)).all()
    return [_read(dict(row._mapping), live) for row in found]


def find(connection: Connection, version: int) -> PolicyVersion:
    """Raises NotFound."""
    row = connection.execute(select(rows).where(rows.c.version == version)).one_or_none()
    if row is None:
        raise NotFound(f"there is no learned policy {version}", param="version")
    return _read(dict(row._mapping), connection.scalar(select(live_policy.c.version)))


def this(version: int) -> Any:
    """An update of one version, without its values."""
    return update(rows).where(rows.c.version == version)


def learned_from(connection: Connection, document: str) -> list[PolicyVersion]:
    """Every version that learned from the document, or started from one that did, oldest first."""
    return [version for version in every(connection) if document in version.documents]


def tainted(connection: Connection) -> list[PolicyVersion]:
    """Every version that learned from any document that was taken back, oldest first."""
    forgotten = set(connection.scalars(select(documents.c.id).where(documents.c.forgotten.is_not(None))))
    return [version for version in every(connection) if forgotten.intersection(version.documents)]


def _read(values: dict[str, Any], live: int | None) -> PolicyVersion:
    values["retraining_id"] = values.pop("retraining")
    return PolicyVersion.model_validate({**values, "live": values["version"] == live})

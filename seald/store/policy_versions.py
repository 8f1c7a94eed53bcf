"""Rows of learned policies, and which of them learned from what. For use inside a wider transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from seald.domain.adapter import AdapterStatus
from seald.domain.policy_version import PolicyVersion
from seald.errors import NotFound
from seald.store import supersession
from seald.store.retraining_tables import live_policy
from seald.store.retraining_tables import policy_versions as rows

END_OF_WEIGHTS = {AdapterStatus.APPROVED: AdapterStatus.RETIRED, AdapterStatus.CANDIDATE: AdapterStatus.REJECTED}


def every(connection: Connection) -> list[PolicyVersion]:
    """Oldest first, each with whether it is live."""
    live = _live(connection)
    found = connection.execute(select(rows).order_by(rows.c.version)).all()
    return [_read(dict(row._mapping), live) for row in found]


def find(connection: Connection, version: int) -> PolicyVersion:
    """Raises NotFound."""
    row = connection.execute(select(rows).where(rows.c.version == version)).one_or_none()
    if row is None:
        raise NotFound(f"there is no learned policy {version}", param="version")
    return _read(dict(row._mapping), _live(connection))


def this(version: int) -> Any:
    """An update of one version, without its values."""
    return update(rows).where(rows.c.version == version)


def learned_from(connection: Connection, document: str) -> list[PolicyVersion]:
    """Every version that learned from the document (or task), or started from one that did, oldest first."""
    return [version for version in every(connection) if document in version.documents]


def tainted(connection: Connection) -> list[PolicyVersion]:
    """Every version that learned from any document or task that was taken back, oldest first."""
    versions = every(connection)
    forgotten = supersession.forgotten(connection, [*{id for version in versions for id in version.documents}])
    return [version for version in versions if forgotten.intersection(version.documents)]


def end(connection: Connection, version: PolicyVersion) -> None:
    """It has no weights any more: approved → retired, candidate → rejected."""
    ended = END_OF_WEIGHTS.get(version.status, version.status)
    connection.execute(this(version.version).values(status=ended, sha256=None, manifest_sha256=None))


def _live(connection: Connection) -> set[int | None]:
    return set(connection.scalars(select(live_policy.c.version)))


def _read(values: dict[str, Any], live: set[int | None]) -> PolicyVersion:
    values["retraining_id"] = values.pop("retraining")
    return PolicyVersion.model_validate({**values, "live": values["version"] in live})

"""Which versions a database names whose files must be beside it, and where these lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from seald.domain.adapter import AdapterVersion
from seald.domain.policy_version import PolicyVersion
from seald.errors import StoreError
from seald.store import policy_versions, versions
from seald.store.adapter_files import AdapterFolders
from seald.store.policy_files import PolicyFolders
from seald.store.tables import adapter_versions


class Held(NamedTuple):
    """What a copy of the database names."""

    revision: str
    """Of the copy's schema."""
    adapters: list[AdapterVersion]
    policies: list[PolicyVersion]


def held(connection: Connection, revision: str | None) -> Held:
    """Every version with weights. Raises StoreError for a database that holds nothing of ours."""
    if revision is None:
        raise StoreError("the database is empty: no seald has used it yet")
    query = select(adapter_versions).where(adapter_versions.c.sha256.is_not(None))
    adapters = [versions.read(connection, row) for row in connection.execute(query).all()]
    return Held(revision, adapters, [one for one in policy_versions.every(connection) if one.sha256 is not None])


def adapter_folders(root: Path) -> AdapterFolders:
    """Of a data folder, or of a backup, which is laid out alike."""
    return AdapterFolders(root / "adapters")


def policy_folders(root: Path) -> PolicyFolders:
    """Of a data folder, or of a backup."""
    return PolicyFolders(root / "policies" / "learned")

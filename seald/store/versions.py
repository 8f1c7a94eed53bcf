"""Rows of adapter versions, for use inside a wider transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from seald.domain.adapter import AdapterStatus, AdapterVersion
from seald.errors import NotFound
from seald.store import live
from seald.store.tables import Row
from seald.store.tables import adapter_versions as rows


def find(connection: Connection, collection: str, version: int) -> AdapterVersion:
    """Raises NotFound."""
    query = select(rows).where(rows.c.collection == collection, rows.c.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"collection {collection!r} has no version {version}", param="version")
    return read(connection, row)


def read(connection: Connection, row: Row) -> AdapterVersion:
    """A row, with whether it is live."""
    values = dict(row._mapping)
    values["adaptation_id"] = values.pop("adaptation")
    is_live = live.version_of(connection, row.collection) == row.version
    return AdapterVersion.model_validate({**values, "live": is_live})


def this(collection: str, version: int) -> Any:
    """An update of one version, without its values."""
    return update(rows).where(rows.c.collection == collection, rows.c.version == version)


def shut(connection: Connection, collection: str, numbers: Sequence[int]) -> None:
    """Nobody may ask for these versions any more, and none can come to serve."""
    these = rows.c.collection == collection, rows.c.version.in_(numbers)
    ends = {AdapterStatus.APPROVED: AdapterStatus.RETIRED, AdapterStatus.CANDIDATE: AdapterStatus.REJECTED}
    for before, after in ends.items():
        connection.execute(update(rows).where(*these, rows.c.status == before).values(status=after))

"""Which versions knew a document: what learned it, and whatever started from such weights. Inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from seald.domain.adapter import AdapterStatus
from seald.store import live
from seald.store.tables import adapter_versions as rows


def numbers(connection: Connection, collection: str, document: str) -> list[int]:
    """The versions whose weights saw the document, oldest first.

    A version's list of documents does not tell: what superseded a document took it off the list, not out of the
    weights that a version started from.
    """
    knowing: list[int] = []
    for row in _lineage(connection, collection):
        if document in row.documents or row.parent in knowing:
            knowing.append(row.version)
    return knowing


def ways_back(connection: Connection, collection: str, document: str) -> list[int] | None:
    """Approved ancestors of the live version that never saw the document, nearest first; None: no need."""
    knowing = set(numbers(connection, collection, document))
    at = live.version_of(connection, collection)
    if at not in knowing:
        return None
    versions = {row.version: row for row in _lineage(connection, collection)}
    found: list[int] = []
    while at is not None:
        if at not in knowing and versions[at].status == AdapterStatus.APPROVED:
            found.append(at)
        at = versions[at].replaces
    return found


def _lineage(connection: Connection, collection: str) -> Sequence[Any]:
    query = select(rows.c.version, rows.c.status, rows.c.parent, rows.c.replaces, rows.c.documents)
    return connection.execute(query.where(rows.c.collection == collection).order_by(rows.c.version)).all()

"""Collections: their names are those of documents, versions and settings; only the settings are kept of them."""

from __future__ import annotations

import json
from collections.abc import Collection as Names
from typing import Any

from sqlalchemy import Connection, func, select

from seald.domain.collection import Collection, CollectionSettings
from seald.domain.task import LINEAGE
from seald.errors import NotFound
from seald.ports import Clock
from seald.store import audit
from seald.store.session import Session
from seald.store.tables import adapter_versions as version_rows
from seald.store.tables import collections as rows
from seald.store.tables import documents as document_rows


class SqlCollections:
    """Fulfils the port `CollectionStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def all(self, *, within: Names[str] | None = None) -> list[Collection]:
        """By name."""
        with self._session.read() as connection:
            return [found for found in _all(connection) if within is None or found.name in within]

    def get(self, name: str, *, within: Names[str] | None = None) -> Collection:
        """Raises NotFound."""
        found = next((collection for collection in self.all(within=within) if collection.name == name), None)
        if found is None:
            raise NotFound(f"there is no collection {name[:200]!r}; GET /v1/collections lists them", param="name")
        return found

    def settings(self, name: str) -> CollectionSettings:
        """Those that were put, or the defaults."""
        with self._session.read() as connection:
            kept = connection.scalar(select(rows.c.settings).where(rows.c.name == name))
        return CollectionSettings.model_validate(kept or {})

    def put(self, name: str, settings: CollectionSettings) -> Collection:
        """Replace the settings."""
        with self._session.write() as connection:
            before = connection.scalar(select(rows.c.settings).where(rows.c.name == name))
            connection.execute(rows.delete().where(rows.c.name == name))
            # What is left at its default is not kept: it follows the default.
            kept = settings.model_dump(mode="json", exclude_defaults=True)
            connection.execute(rows.insert().values(name=name, settings=kept, changed=self._clock.now()))
            texts = {"from_value": _text(before) if before is not None else None, "to_value": _text(kept)}
            audit.append(connection, self._clock, action="settings", target=name, **texts)
        return self.get(name)


def _text(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _all(connection: Connection) -> list[Collection]:
    kept = {row.name: row for row in connection.execute(select(rows)).all()}
    there = document_rows.c.forgotten.is_(None)
    counted = select(document_rows.c.collection, func.count()).where(there).group_by(document_rows.c.collection)
    counts = {name: n for name, n in connection.execute(counted).all()}
    names = {*kept, *connection.scalars(select(document_rows.c.collection).distinct())}
    of_collections = ~version_rows.c.collection.startswith(LINEAGE, autoescape=True)
    names |= {*connection.scalars(select(version_rows.c.collection).where(of_collections).distinct())}
    return [
        Collection(
            name=name,
            documents=counts.get(name, 0),
            settings=CollectionSettings.model_validate(kept[name].settings if name in kept else {}),
            changed=kept[name].changed if name in kept else None,
        )
        for name in sorted(names)
    ]

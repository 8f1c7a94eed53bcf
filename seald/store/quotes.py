"""Adaptations of one document that quote another: what contradicts it. For use inside a transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select

from seald.store.tables import adaptation_events as events
from seald.store.tables import adaptations


def quoting(connection: Connection, collection: str, document: str) -> list[str]:
    """Ids of the adaptations whose events or figures hold a sentence of `document` beside one of their own."""
    said = (
        select(events.c.adaptation, events.c.data)
        .join(adaptations, adaptations.c.id == events.c.adaptation)
        .where(adaptations.c.collection == collection, events.c.type == "contradiction")
    )
    found = [(row.adaptation, row.data) for row in connection.execute(said)]
    counted = select(adaptations.c.id, adaptations.c.figures).where(adaptations.c.collection == collection)
    for row in connection.execute(counted):
        found += [(row.id, entry) for entry in row.figures.get("contradictions", ())]
    return sorted({id for id, entry in found if document in (entry.get("document"), entry.get("other"))})

"""Documents that were live once and must come back. For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select

from seald.domain.adaptation import RUNNABLE, Adaptation
from seald.ports import Clock
from seald.store import adaptations, documents, live, supersession
from seald.store.tables import adapter_versions


def missing(connection: Connection, adaptation: Adaptation) -> list[str]:
    """Of the documents that it was to rebuild, those that what is live does not know and that still count."""
    now = live.version_of(connection, adaptation.collection)
    query = select(adapter_versions.c.documents).where(
        adapter_versions.c.collection == adaptation.collection, adapter_versions.c.version == now
    )
    known = connection.scalar(query) or []
    # Together, so that what is live may supersede what it does not know.
    counting = supersession.remaining(connection, (*adaptation.documents, *known))
    return [id for id in counting if id not in known]


def mend(connection: Connection, clock: Clock, adaptation: Adaptation) -> None:
    """What a rebuild that came to nothing should have brought back is learned one by one."""
    for id in missing(connection, adaptation):
        learn_again(connection, clock, id)


def learn_again(connection: Connection, clock: Clock, id: str) -> None:
    """Queue it, unless it was forgotten or is waiting or being worked on."""
    document = documents.find(connection, id)
    latest = documents.latest(connection, id)
    if document.forgotten is None and (latest.status not in RUNNABLE or latest.cancel_requested):
        adaptations.queue(connection, document.collection, (document.id,), clock)

"""Documents with their passages; storing one queues its adaptation in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.document import Document
from seald.domain.probe import Probe
from seald.errors import NotFound
from seald.ports import Clock, Page
from seald.store import adaptations
from seald.store.probes import insert as insert_probes
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row
from seald.store.tables import adaptation_documents as links
from seald.store.tables import adaptations as adaptation_rows
from seald.store.tables import documents as rows

QUEUED_AGAIN = {AdaptationStatus.FAILED, AdaptationStatus.CANCELLED}
"""Sent again, content whose adaptation ended so is tried again. A rejected one would be judged the same."""


class SqlDocuments:
    """Fulfils the port `DocumentStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def add(self, document: Document, probes: Sequence[Probe]) -> tuple[Document, Adaptation, bool]:
        """Store a document, its probes and a queued adaptation, or find what is there."""
        with self._session.write() as connection:
            known = connection.execute(select(rows).where(rows.c.id == document.id)).one_or_none()
            if known is not None:
                return _document(known), self._take_up_again(connection, document), False
            self._insert(connection, document)
            insert_probes(connection, probes)
            return document, adaptations.queue(connection, document.collection, (document.id,), self._clock), True

    def get(self, id: str) -> Document:
        """Raises NotFound."""
        with self._session.read() as connection:
            row = connection.execute(select(rows).where(rows.c.id == id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no document {id!r}", param="id")
        return _document(row)

    def latest_adaptation(self, id: str) -> Adaptation:
        """The adaptation that last took up this document. Raises NotFound."""
        with self._session.read() as connection:
            return _latest(connection, id)

    def page(self, *, collection: str | None, after: str | None, limit: int) -> Page[Document]:
        """Oldest first, those after the document `after`. Raises NotFound when `after` is none."""
        query = select(rows)
        if collection is not None:
            query = query.where(rows.c.collection == collection)
        with self._session.read() as connection:
            found, more = numbered_page(connection, rows, query, after=after, limit=limit, noun="document")
        return Page(data=[_document(row) for row in found], has_more=more)

    def _insert(self, connection: Connection, document: Document) -> None:
        if document.supersedes is not None:
            old = select(rows.c.id).where(rows.c.id == document.supersedes, rows.c.collection == document.collection)
            if connection.scalar(old) is None:
                raise NotFound(
                    f"there is no document {document.supersedes!r} in collection {document.collection!r} to supersede",
                    param="supersedes",
                )
        values = document.model_dump(mode="json", exclude={"created"})
        number = next_number(connection, rows.c.number)
        connection.execute(rows.insert().values(**values, created=document.created, number=number))

    def _take_up_again(self, connection: Connection, document: Document) -> Adaptation:
        latest = _latest(connection, document.id)
        if latest.status in QUEUED_AGAIN:
            return adaptations.queue(connection, document.collection, (document.id,), self._clock)
        return latest


def _latest(connection: Connection, id: str) -> Adaptation:
    # A compaction takes all documents up again, and what becomes of it says nothing about any of them.
    query = (
        select(adaptation_rows)
        .join(links, links.c.adaptation == adaptation_rows.c.id)
        .where(links.c.document == id, adaptation_rows.c.kind == AdaptationKind.LEARN)
        .order_by(adaptation_rows.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no document {id!r}", param="id")
    return adaptations.read(connection, row)


def _document(row: Row) -> Document:
    values = dict(row._mapping)
    del values["number"]
    return Document.model_validate(values)

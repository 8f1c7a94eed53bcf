"""Documents with their passages; storing one queues its adaptation in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select, update

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.document import Document
from seald.domain.probe import Probe
from seald.errors import Conflict, NotFound
from seald.ports import Clock, Page
from seald.store import adaptations, supersession
from seald.store.probes import insert as insert_probes
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row
from seald.store.tables import adaptation_documents as links
from seald.store.tables import adaptations as adaptation_rows
from seald.store.tables import certificates as certificate_rows
from seald.store.tables import documents as rows
from seald.store.within import kept_in

QUEUED_AGAIN = {AdaptationStatus.FAILED, AdaptationStatus.CANCELLED}
"""Sent again, content whose adaptation ended so is tried again. A rejected one would be judged the same."""


class SqlDocuments:
    """Fulfils the port `DocumentStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def add(self, document: Document, probes: Sequence[Probe]) -> tuple[Document, Adaptation, bool]:
        """Store a document, its probes and a queued adaptation, or find what is there.

        What was forgotten is as new. Raises Conflict (code `being_forgotten`) until the forgetting is over.
        """
        with self._session.write() as connection:
            known = connection.execute(select(rows).where(rows.c.id == document.id)).one_or_none()
            if known is not None and known.forgotten is None:
                return read(known), self._take_up_again(connection, document), False
            if known is not None:
                _clear_tombstone(connection, document.id)
            supersession.check(connection, document)
            _put(connection, document, new=known is None)
            insert_probes(connection, probes)
            return document, adaptations.queue(connection, document.collection, (document.id,), self._clock), True

    def get(self, id: str, *, within: Collection[str] | None = None) -> Document:
        """Raises NotFound."""
        with self._session.read() as connection:
            return find(connection, id, within)

    def latest_adaptation(self, id: str) -> Adaptation:
        """The adaptation that last took up this document. Raises NotFound."""
        with self._session.read() as connection:
            return latest(connection, id)

    def superseded_by(self, id: str) -> str | None:
        """The document that supersedes this one, unless it was forgotten."""
        with self._session.read() as connection:
            return supersession.successor(connection, id)

    def page(
        self, *, collection: str | None, after: str | None, limit: int, within: Collection[str] | None = None
    ) -> Page[Document]:
        """Oldest first, those after the document `after`, without forgotten ones. Raises NotFound when `after` is
        none."""
        query, there = select(rows).where(rows.c.forgotten.is_(None)), kept_in(rows.c.collection, within)
        if collection is not None:
            query = query.where(rows.c.collection == collection)
        with self._session.read() as connection:
            found, more = numbered_page(connection, rows, query, after=after, limit=limit, noun="document", there=there)
        return Page(data=[read(row) for row in found], has_more=more)

    def _take_up_again(self, connection: Connection, document: Document) -> Adaptation:
        last = latest(connection, document.id)
        if last.status in QUEUED_AGAIN:
            return adaptations.queue(connection, document.collection, (document.id,), self._clock)
        return last


def find(connection: Connection, id: str, within: Collection[str] | None = None) -> Document:
    """For use inside a wider transaction. Raises NotFound."""
    query = select(rows).where(rows.c.id == id, kept_in(rows.c.collection, within))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no document {id!r}", param="id")
    return read(row)


def _clear_tombstone(connection: Connection, id: str) -> None:
    """The certificate said that nobody knows it, and what superseded it superseded what it was: no longer."""
    over = certificate_rows.c.document == id
    if connection.scalar(select(certificate_rows.c.scrubbed).where(over)) is not True:
        raise Conflict(f"{id} is being forgotten; send it again when that is over", code="being_forgotten")
    connection.execute(certificate_rows.delete().where(over))
    connection.execute(update(rows).where(rows.c.supersedes == id).values(supersedes=None))


def _put(connection: Connection, document: Document, *, new: bool) -> None:
    values = document.model_dump(mode="json", exclude={"created"})
    values |= {"created": document.created, "number": next_number(connection, rows.c.number)}
    connection.execute((rows.insert() if new else update(rows).where(rows.c.id == document.id)).values(**values))


def latest(connection: Connection, id: str) -> Adaptation:
    """What last set out to learn it, for use inside a wider transaction. Raises NotFound."""
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


def read(row: Row) -> Document:
    """A row as a document."""
    values = dict(row._mapping)
    del values["number"]
    return Document.model_validate(values)

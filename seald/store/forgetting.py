"""Taking documents back: the tombstone with all that must happen in its transaction, and the certificate at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from seald.domain.adaptation import FINAL, RUNNABLE, Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterVersion
from seald.domain.certificate import Certificate
from seald.domain.document import Document
from seald.errors import NotFound
from seald.ports import Clock
from seald.store import (
    adaptations,
    audit,
    documents,
    erasure,
    live,
    relearning,
    supersession,
    taint,
    unlearning,
    versions,
)
from seald.store.session import Session
from seald.store.tables import adaptations as adaptation_rows
from seald.store.tables import certificates as rows
from seald.store.tables import documents as document_rows
from seald.store.tables import self_edits as edit_rows

STOPPED = {"message": "a document that it knows was taken back", "code": "document_forgotten"}


class SqlForgetting:
    """Fulfils the port `ForgettingStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def known_by(self, document: str) -> list[AdapterVersion]:
        """Every version whose weights saw the document, oldest first. Raises NotFound for an unknown document."""
        with self._session.read() as connection:
            collection = documents.find(connection, document).collection
            known = taint.numbers(connection, collection, document)
            return [versions.find(connection, collection, version) for version in known]

    def ways_back(self, document: str) -> list[AdapterVersion] | None:
        """Approved ancestors of the live version that never saw it, nearest first; None: live does not know it."""
        with self._session.read() as connection:
            collection = documents.find(connection, document).collection
            found = taint.ways_back(connection, collection, document)
            return [versions.find(connection, collection, v) for v in found] if found is not None else None

    def dropped_as_copies(self, document: str) -> list[Document]:
        """Documents of its collection of which lines, or all, were dropped because they were there already."""
        with self._session.read() as connection:
            collection = documents.find(connection, document).collection
            others = (document_rows.c.collection == collection) & document_rows.c.forgotten.is_(None)
            query = select(document_rows).where(others, document_rows.c.id != document)
            found = [documents.read(row) for row in connection.execute(query.order_by(document_rows.c.number)).all()]
            return [other for other in found if _dropped_copies(connection, other)]

    def learned_by(self, document: str) -> list[str]:
        """Adaptations that were to learn it, whatever became of them."""
        with self._session.read() as connection:
            return erasure.learning(connection, document)

    def retrained_by(self, document: str) -> list[str]:
        """Retrainings that had a passage of it as a lesson, or went by a policy that learned from it."""
        with self._session.read() as connection:
            return unlearning.touched(connection, document)

    def begin(
        self, document: str, *, to: int | None, copies: Sequence[str], reason: str | None = None
    ) -> tuple[Adaptation, bool]:
        """The tombstone, and all that may never be undone, in one transaction. Twice is once: then `False`."""
        with self._session.write() as connection:
            known = documents.find(connection, document)
            if known.forgotten is not None:
                return _adaptation_of(connection, document), False
            knowing = taint.numbers(connection, known.collection, document)
            rest = _known_beside(connection, known, knowing)
            erasure.bury(connection, self._clock, document)
            why = {"from_value": known.collection, "reason": reason}
            audit.append(connection, self._clock, action="deletion", target=document, **why)
            withdrawn = unlearning.stop(connection, self._clock, document)
            again, more = self._stop(connection, known, knowing)
            versions.shut(connection, known.collection, knowing)
            if live.version_of(connection, known.collection) in knowing:
                live.move(connection, self._clock, known.collection, to, kind="forget", reason=document)
            made = adaptations.queue_forgetting(connection, self._clock, known, [*dict.fromkeys((*rest, *more))])
            for id in dict.fromkeys((*again, *copies)):
                relearning.learn_again(connection, self._clock, id)
            told: dict[str, Any] = {"document": document, "versions": knowing, "queued_again": [*again, *copies]}
            told["self_edits_withdrawn"] = withdrawn
            told["live"] = live.version_of(connection, known.collection)
            adaptations.note(connection, self._clock, made.id, "forgetting", told)
            return made, True

    def adaptation_of(self, document: str) -> Adaptation:
        """The adaptation that took the document back. Raises NotFound when none did."""
        with self._session.read() as connection:
            return _adaptation_of(connection, document)

    def has_to_rebuild(self, adaptation: Adaptation) -> bool:
        """Whether something that was live beside the document is no longer, and must be learned again."""
        with self._session.read() as connection:
            return bool(relearning.missing(connection, adaptation))

    def unsettled(self) -> list[Adaptation]:
        """Those that are over without a certificate, where none of their collection is still at work."""
        done = select(rows.c.document).where(rows.c.scrubbed)
        over = select(document_rows.c.id).where(document_rows.c.forgotten.is_not(None), document_rows.c.id.not_in(done))
        with self._session.read() as connection:
            found = [_adaptation_of(connection, id) for id in connection.scalars(over.order_by(document_rows.c.number))]
            forgets = adaptation_rows.c.kind == AdaptationKind.FORGET
            query = select(adaptation_rows.c.collection).where(forgets, adaptation_rows.c.status.in_(RUNNABLE))
            busy = set(connection.scalars(query))
        return [one for one in found if one.status in FINAL and one.collection not in busy]

    def erase(self, certificate: Certificate) -> Certificate:
        """Empty or delete every row that could quote the document, and store the certificate, in one transaction."""
        with self._session.write() as connection:
            known = connection.scalar(select(rows.c.body).where(rows.c.document == certificate.document))
            if known is not None:
                return Certificate.model_validate(known)
            tombstone = documents.find(connection, certificate.document)
            knowing = taint.numbers(connection, certificate.collection, certificate.document)
            self._stop(connection, tombstone, knowing)
            versions.shut(connection, certificate.collection, knowing)
            counted = erasure.empty(connection, certificate.collection, certificate.document, knowing)
            counted |= unlearning.empty(connection, certificate.document)
            removed = certificate.removed.model_copy(update={"rows": counted})
            stored = certificate.model_copy(update={"removed": removed})
            values = {"document": stored.document, "adaptation": stored.adaptation, "at": stored.at, "scrubbed": False}
            connection.execute(rows.insert().values(**values, body=stored.model_dump(mode="json")))
            adaptation = adaptations.fetch(connection, certificate.adaptation)
            if adaptation.status is AdaptationStatus.FAILED:
                relearning.mend(connection, self._clock, adaptation)
            return stored

    def scrub(self, document: str) -> None:
        """Leave no byte of it in the database's files. Raises StoreError: not yet, try again."""
        self._session.scrub()
        with self._session.write() as connection:
            connection.execute(update(rows).where(rows.c.document == document).values(scrubbed=True))

    def certificate(self, document: str) -> Certificate | None:
        """None: there is none yet."""
        with self._session.read() as connection:
            body = connection.scalar(select(rows.c.body).where(rows.c.document == document))
        return Certificate.model_validate(body) if body is not None else None

    def _stop(self, connection: Connection, document: Document, knowing: Sequence[int]) -> tuple[list[str], list[str]]:
        """Stop whatever is being made of the document or of a version that knew it.

        Returns what else was being learned there, and what else was being rebuilt.
        """
        again: list[str] = []
        rebuilt: list[str] = []
        for one in adaptations.open_of(connection, document.collection):
            waits = one.version is None and (one.kind is AdaptationKind.FORGET or document.id not in one.documents)
            if waits or (one.version is not None and one.version not in knowing):
                continue
            adaptations.stop(connection, self._clock, one, STOPPED)
            others = [id for id in one.documents if id != document.id]
            again += others if one.kind is AdaptationKind.LEARN else []
            rebuilt += others if one.kind is AdaptationKind.FORGET else []
        return again, rebuilt


def _adaptation_of(connection: Connection, document: str) -> Adaptation:
    query = select(adaptation_rows).where(adaptation_rows.c.forgets == document)
    row = connection.execute(query.order_by(adaptation_rows.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound(f"{document} was not forgotten", param="id")
    return adaptations.read(connection, row)


def _known_beside(connection: Connection, document: Document, knowing: Sequence[int]) -> list[str]:
    """What the live version knows besides, where it knows the document, and what it knew before that replaced it."""
    now = live.version_of(connection, document.collection)
    if now not in knowing or now is None:
        return []
    beside = [id for id in versions.find(connection, document.collection, now).documents if id != document.id]
    older = supersession.predecessor(connection, document.id)
    if older is None or documents.latest(connection, older).status is not AdaptationStatus.PROMOTED:
        return beside
    return [*beside, older]


def _dropped_copies(connection: Connection, document: Document) -> bool:
    latest = documents.latest(connection, document.id)
    if latest.status is AdaptationStatus.FAILED:
        return (latest.error or {}).get("code") == "nothing_to_learn"
    if latest.status is not AdaptationStatus.PROMOTED:  # what was rejected or waits for a person is not revived
        return False
    query = select(edit_rows.c.body).where(edit_rows.c.adaptation == latest.id)
    return any(d["reason"] == "duplicate" for body in connection.scalars(query) for d in body["dropped"])

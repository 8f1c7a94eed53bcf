"""Which documents have been replaced by a newer one of the same collection. For use inside a wider transaction.

A replaced document leaves the list of a version's documents as soon as one that supersedes it, at whatever remove, is
among them. What is made of that list (replay, rebuilds, retention's probes) then does without it; and where the newer
document was never promoted, or a rollback went behind it, the older one still counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from seald.domain.document import Document
from seald.domain.task import TASK_ID
from seald.errors import Conflict, IllegalTransition, NotFound
from seald.store.tables import documents as rows
from seald.store.task_tables import tasks as task_rows


def current(connection: Connection, documents: Sequence[str]) -> list[str]:
    """Those of `documents`, each once and in their order, that none of the others supersedes."""
    replaced: set[str] = set()
    for document in documents:
        older = _older(connection, document)
        while older is not None and older not in replaced:
            replaced.add(older)
            older = _older(connection, older)
    return [document for document in dict.fromkeys(documents) if document not in replaced]


def remaining(connection: Connection, documents: Sequence[str]) -> list[str]:
    """Those that are neither forgotten nor superseded by another of them."""
    gone = forgotten(connection, documents)
    return [id for id in current(connection, documents) if id not in gone]


def forgotten(connection: Connection, documents: Sequence[str]) -> set[str]:
    """Those that were taken back; of tasks, which policies learn from as they do from documents, those not there."""
    query = select(rows.c.id).where(rows.c.id.in_(documents), rows.c.forgotten.is_not(None))
    tasks = {id for id in documents if id.startswith(TASK_ID)}
    known = set(connection.scalars(select(task_rows.c.id).where(task_rows.c.id.in_(tasks)))) if tasks else set()
    return set(connection.scalars(query)) | (tasks - known)


def require_kept(connection: Connection, who: str, documents: Iterable[str]) -> None:
    """Raise IllegalTransition (code `document_forgotten`) where `who` knows one that was taken back."""
    if gone := forgotten(connection, [*dict.fromkeys(documents)]):
        message = f"{who} knows {', '.join(sorted(gone))}, which was taken back: nothing can be made of it"
        raise IllegalTransition(message, code="document_forgotten")


def successor(connection: Connection, document: str) -> str | None:
    """The document that supersedes this one, unless it was forgotten."""
    query = select(rows.c.id).where(rows.c.supersedes == document, rows.c.forgotten.is_(None))
    return connection.scalar(query.order_by(rows.c.number).limit(1))


def predecessor(connection: Connection, document: str) -> str | None:
    """The nearest of those that it supersedes, at whatever remove, that was not forgotten."""
    older = _older(connection, document)
    while older is not None and forgotten(connection, [older]):
        older = _older(connection, older)
    return older


def check(connection: Connection, document: Document) -> None:
    """Raise NotFound where it supersedes none of its collection, Conflict where another supersedes that already."""
    if document.supersedes is None:
        return
    query = select(rows.c.id).where(rows.c.id == document.supersedes, rows.c.collection == document.collection)
    if document.supersedes == document.id or connection.scalar(query.where(rows.c.forgotten.is_(None))) is None:
        raise NotFound(
            f"there is no document {document.supersedes!r} in collection {document.collection!r} to supersede",
            param="supersedes",
        )
    newer = successor(connection, document.supersedes)
    if newer is not None:
        raise Conflict(
            f"{document.supersedes} is superseded by {newer} already; supersede that one, or forget it first",
            param="supersedes",
            code="already_superseded",
        )


def _older(connection: Connection, document: str) -> str | None:
    return connection.scalar(select(rows.c.supersedes).where(rows.c.id == document))

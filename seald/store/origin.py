"""What a new version starts from, whose place it takes, and what it is to know. Inside a wider transaction."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from seald.domain.adaptation import Adaptation, AdaptationKind
from seald.domain.adapter import AdapterVersion
from seald.errors import Conflict, IllegalTransition
from seald.store import adaptations, live, supersession
from seald.store.task_tables import tasks
from seald.store.versions import find


class Origin(NamedTuple):
    """What a new version starts from, whose place it takes, and what it is to know."""

    parent: int | None
    replaces: int | None
    documents: list[str]


def origin_of(connection: Connection, adaptation: Adaptation) -> Origin:
    """Raises Conflict (`nothing_to_compact`, `superseded`), or IllegalTransition (`document_forgotten`,
    `task_deleted`)."""
    if adaptation.kind is AdaptationKind.TASK:
        require_task(connection, adaptation)
        return Origin(None, live.version_of(connection, adaptation.collection), [])
    if adaptation.kind is AdaptationKind.COMPACT:
        replaced = replaceable(connection, adaptation.collection)
        # What was queued before it may have been promoted since: it must not be lost with the version it replaces.
        documents = supersession.current(connection, replaced.documents)
        adaptations.link(connection, adaptation.id, documents)
        return Origin(None, replaced.version, documents)
    now = live.version_of(connection, adaptation.collection)
    inherited = find(connection, adaptation.collection, now).documents if now is not None else ()
    if adaptation.kind is AdaptationKind.FORGET:
        documents = supersession.remaining(connection, (*adaptation.documents, *inherited))
        adaptations.link(connection, adaptation.id, documents)
        return Origin(None, now, documents)
    require_nothing_forgotten(connection, adaptation)
    documents = supersession.current(connection, (*inherited, *adaptation.documents))
    for id in adaptation.documents:
        if id not in documents:
            raise Conflict(f"{id} is superseded by what is live already", code="superseded")
    return Origin(now, now, documents)


def require_nothing_forgotten(connection: Connection, adaptation: Adaptation) -> None:
    """Raises IllegalTransition (code `document_forgotten`)."""
    known = adaptation.documents
    if adaptation.version is not None:
        known += find(connection, adaptation.collection, adaptation.version).documents
    supersession.require_kept(connection, adaptation.id, known)


def require_task(connection: Connection, adaptation: Adaptation) -> None:
    """Of an adaptation that learns a task: raise IllegalTransition (code `task_deleted`) unless its task is there, and
    it is the one that learns it. A task that was deleted may have been followed by one of the same name."""
    if adaptation.kind is not AdaptationKind.TASK:
        return
    if connection.scalar(select(tasks.c.id).where(tasks.c.adaptation == adaptation.id)) is None:
        message = f"{adaptation.id} learns a task that was deleted: nothing can be made of it"
        raise IllegalTransition(message, code="task_deleted")


def replaceable(connection: Connection, collection: str) -> AdapterVersion:
    """What is live. Raises Conflict (code `nothing_to_compact`) when that is the base."""
    version = live.version_of(connection, collection)
    if version is None:
        message = f"collection {collection!r} answers from the base: there is no adapter to rebuild"
        raise Conflict(message, code="nothing_to_compact")
    return find(connection, collection, version)

"""Adaptations: moved by guarded updates, each with its event row in the same transaction."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, case, func, select, update

from seald.domain.adaptation import (
    RUNNABLE,
    TERMINAL,
    Adaptation,
    AdaptationEvent,
    AdaptationKind,
    AdaptationStatus,
    check_transition,
)
from seald.domain.audit import AuditAction
from seald.domain.document import Document
from seald.errors import IllegalTransition, NotFound
from seald.ports import Clock, Page
from seald.store import audit
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row
from seald.store.tables import adaptation_documents as links
from seald.store.tables import adaptation_events as event_rows
from seald.store.tables import adaptations as rows
from seald.store.within import made_in

AT_ONCE = {AdaptationStatus.QUEUED, AdaptationStatus.HELD}
"""States in which nobody works on an adaptation, so that cancelling it is done at once."""
DECISIONS: dict[AdaptationStatus, AuditAction] = {
    AdaptationStatus.QUEUED: "approval",
    AdaptationStatus.PROMOTING: "approval",
    AdaptationStatus.REJECTED: "rejection",
}
"""Where a held one goes on a person's word."""


class SqlAdaptations:
    """Fulfils the port `AdaptationStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def get(self, id: str, *, within: Collection[str] | None = None) -> Adaptation:
        """Raises NotFound."""
        with self._session.read() as connection:
            return fetch(connection, id, within)

    def page(
        self,
        *,
        collection: str | None,
        status: AdaptationStatus | None,
        after: str | None,
        limit: int,
        within: Collection[str] | None = None,
    ) -> Page[Adaptation]:
        """Oldest first, those after the adaptation `after`. Raises NotFound when `after` is none."""
        query, there = select(rows), made_in(rows.c.collection, rows.c.created, within)
        if collection is not None:
            query = query.where(rows.c.collection == collection)
        if status is not None:
            query = query.where(rows.c.status == status)
        with self._session.read() as connection:
            found, more = numbered_page(
                connection, rows, query, after=after, limit=limit, noun="adaptation", there=there
            )
            return Page(data=[read(connection, row) for row in found], has_more=more)

    def next_runnable(self) -> Adaptation | None:
        """One that was begun before one that is queued, of these one that forgets; the oldest of each first."""
        queued = rows.c.status == AdaptationStatus.QUEUED
        begun_first = case((queued & (rows.c.kind == AdaptationKind.FORGET), 1), (queued, 2), else_=0)
        query = select(rows).where(rows.c.status.in_(RUNNABLE)).order_by(begun_first, rows.c.number).limit(1)
        with self._session.read() as connection:
            row = connection.execute(query).one_or_none()
            return read(connection, row) if row is not None else None

    def move(
        self,
        id: str,
        before: AdaptationStatus,
        after: AdaptationStatus,
        *,
        figures: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> Adaptation:
        """`UPDATE … WHERE status = before`, with the event beside it. Raises IllegalTransition."""
        with self._session.write() as connection:
            return move(connection, self._clock, id, before, after, figures=figures, error=error, reason=reason)

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        """Append an event."""
        with self._session.write() as connection:
            note(connection, self._clock, id, type, data)

    def add_figures(self, id: str, figures: dict[str, Any]) -> None:
        """Merge figures into the adaptation's."""
        with self._session.write() as connection:
            add_figures(connection, id, figures)

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[AdaptationEvent]:
        """Events with a `seq` above `after`, oldest first. Raises NotFound for an unknown adaptation."""
        query = select(event_rows).where(event_rows.c.adaptation == id, event_rows.c.seq > after)
        with self._session.read() as connection:
            fetch(connection, id)
            found = connection.execute(query.order_by(event_rows.c.seq).limit(limit)).all()
        return [
            AdaptationEvent(seq=r.seq, adaptation_id=r.adaptation, at=r.at, type=r.type, data=r.data) for r in found
        ]

    def request_cancel(self, id: str, *, reason: str | None = None) -> Adaptation:
        """Queued and held ones are cancelled at once, running ones when the pipeline next looks."""
        with self._session.write() as connection:
            now = fetch(connection, id)
            if now.kind is AdaptationKind.FORGET:
                raise IllegalTransition(f"{id} takes a document back, which cannot be undone: it goes on to its end")
            if now.status in TERMINAL or now.status is AdaptationStatus.PROMOTING:
                raise IllegalTransition(f"{id} is {now.status}: too late to cancel it")
            if now.status in AT_ONCE or not now.cancel_requested:
                states = {"from_value": now.status, "to_value": AdaptationStatus.CANCELLED, "reason": reason}
                audit.append(connection, self._clock, action="cancellation", target=id, **states)
            if now.status in AT_ONCE:
                return move(connection, self._clock, id, now.status, AdaptationStatus.CANCELLED)
            connection.execute(update(rows).where(rows.c.id == id).values(cancel_requested=True))
            note(connection, self._clock, id, "cancel_requested", {})
            return fetch(connection, id)

    def latest_compaction(self, collection: str) -> Adaptation | None:
        """The compaction that was last queued, whatever became of it."""
        with self._session.read() as connection:
            return latest_compaction(connection, collection)

    def counts(self) -> dict[str, int]:
        """How many are queued, running and held."""
        query = select(rows.c.status, func.count()).group_by(rows.c.status)
        with self._session.read() as connection:
            found = Counter({AdaptationStatus(status): n for status, n in connection.execute(query).all()})
        running = sum(found[s] for s in RUNNABLE - {AdaptationStatus.QUEUED})
        return {"queued": found[AdaptationStatus.QUEUED], "running": running, "held": found[AdaptationStatus.HELD]}

    def training(self) -> dict[str, Any] | None:
        """`{adaptation, step, steps}` of the one that trains; None when none does."""
        of_training = (rows.c.status == AdaptationStatus.TRAINING) & (event_rows.c.type == "training")
        query = select(event_rows.c.adaptation, event_rows.c.data).join(rows, rows.c.id == event_rows.c.adaptation)
        query = query.where(of_training).order_by(event_rows.c.seq.desc()).limit(1)
        with self._session.read() as connection:
            last = connection.execute(query).one_or_none()
        if last is None:
            return None
        return {"adaptation": last.adaptation, "step": last.data["step"], "steps": last.data["steps"]}


def fetch(connection: Connection, id: str, within: Collection[str] | None = None) -> Adaptation:
    """Raises NotFound."""
    query = select(rows).where(rows.c.id == id, made_in(rows.c.collection, rows.c.created, within))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no adaptation {id!r}", param="id")
    return read(connection, row)


def read(connection: Connection, row: Row) -> Adaptation:
    """A row with its documents, in their order."""
    query = select(links.c.document).where(links.c.adaptation == row.id).order_by(links.c.place)
    values = dict(row._mapping)
    del values["number"]
    return Adaptation.model_validate({**values, "documents": connection.scalars(query).all()})


def queue(connection: Connection, collection: str, documents: Sequence[str], clock: Clock) -> Adaptation:
    """Insert a queued adaptation that learns these documents, with its first event."""
    return _insert(connection, clock, AdaptationKind.LEARN, collection, documents)


def queue_compaction(
    connection: Connection, clock: Clock, collection: str, documents: Sequence[str], why: dict[str, Any]
) -> Adaptation:
    """Insert a queued compaction of these documents, with the event `compaction` that says why."""
    made = _insert(connection, clock, AdaptationKind.COMPACT, collection, documents)
    note(connection, clock, made.id, "compaction", why)
    return made


def queue_forgetting(connection: Connection, clock: Clock, document: Document, rest: Sequence[str]) -> Adaptation:
    """Insert a queued adaptation that takes `document` back and rebuilds over the `rest`, ids of documents."""
    return _insert(connection, clock, AdaptationKind.FORGET, document.collection, rest, forgets=document.id)


def queue_task(connection: Connection, clock: Clock, lineage: str) -> Adaptation:
    """Insert a queued adaptation that learns the task of this lineage, `task/<name>`."""
    return _insert(connection, clock, AdaptationKind.TASK, lineage, ())


def open_of(connection: Connection, collection: str) -> list[Adaptation]:
    """Those that have not ended and are not about to, oldest first; for use inside a wider transaction."""
    query = select(rows).where(rows.c.collection == collection, rows.c.status.not_in(TERMINAL))
    found = connection.execute(query.order_by(rows.c.number)).all()
    return [read(connection, row) for row in found if not row.cancel_requested or row.status == AdaptationStatus.HELD]


def stop(connection: Connection, clock: Clock, one: Adaptation, why: dict[str, str]) -> None:
    """End an open one, for use inside a wider transaction: at once where nobody works on it; else the pipeline's next
    look at it is its last. `why`: `{message, code}`."""
    if one.status in AT_ONCE:
        move(connection, clock, one.id, one.status, AdaptationStatus.CANCELLED, error=why)
    elif one.status is AdaptationStatus.PROMOTING:
        move(connection, clock, one.id, one.status, AdaptationStatus.FAILED, error=why)
    else:
        connection.execute(update(rows).where(rows.c.id == one.id).values(cancel_requested=True))
        note(connection, clock, one.id, "cancel_requested", why)


def latest_compaction(connection: Connection, collection: str) -> Adaptation | None:
    """The one queued last, for use inside a wider transaction."""
    query = select(rows).where(rows.c.collection == collection, rows.c.kind == AdaptationKind.COMPACT)
    row = connection.execute(query.order_by(rows.c.number.desc()).limit(1)).one_or_none()
    return read(connection, row) if row is not None else None


def link(connection: Connection, id: str, documents: Sequence[str]) -> None:
    """Make these the adaptation's documents, in this order, instead of those it had."""
    connection.execute(links.delete().where(links.c.adaptation == id))
    for place, document in enumerate(documents):
        connection.execute(links.insert().values(adaptation=id, document=document, place=place))


def _insert(
    connection: Connection,
    clock: Clock,
    kind: AdaptationKind,
    collection: str,
    documents: Sequence[str],
    *,
    forgets: str | None = None,
) -> Adaptation:
    number = next_number(connection, rows.c.number)
    made = Adaptation(
        id=f"adp-{number:06d}-{secrets.token_hex(4)}",
        kind=kind,
        collection=collection,
        documents=tuple(documents),
        forgets=forgets,
        status=AdaptationStatus.QUEUED,
        created=clock.now(),
    )
    connection.execute(rows.insert().values(**made.model_dump(exclude={"documents"}), number=number))
    link(connection, made.id, made.documents)
    note(connection, clock, made.id, "status", {"from": None, "to": made.status})
    return made


def move(
    connection: Connection,
    clock: Clock,
    id: str,
    before: AdaptationStatus,
    after: AdaptationStatus,
    *,
    figures: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Adaptation:
    """The guarded update, for use inside a wider transaction. Raises IllegalTransition."""
    check_transition(before, after)
    values: dict[str, Any] = {"status": after, "error": error}
    if figures:
        values["figures"] = {**fetch(connection, id).figures, **figures}
    if after in TERMINAL:
        values["finished"] = clock.now()
    done = connection.execute(update(rows).where(rows.c.id == id, rows.c.status == before).values(**values))
    if done.rowcount != 1:
        raise IllegalTransition(f"{id} is not {before} any more: it is {fetch(connection, id).status}")
    more = {key: value for key, value in (("figures", figures), ("error", error)) if value}
    note(connection, clock, id, "status", {"from": before, "to": after, **more})
    if before is AdaptationStatus.HELD and after in DECISIONS:
        word = {"from_value": before, "to_value": after, "reason": reason}
        audit.append(connection, clock, action=DECISIONS[after], target=id, **word)
    return fetch(connection, id)


def add_figures(connection: Connection, id: str, figures: dict[str, Any]) -> None:
    """Merge figures into the adaptation's, for use inside a wider transaction."""
    merged = {**fetch(connection, id).figures, **figures}
    connection.execute(update(rows).where(rows.c.id == id).values(figures=merged))


def note(connection: Connection, clock: Clock, id: str, type: str, data: dict[str, Any]) -> None:
    """Append an event, for use inside a wider transaction."""
    connection.execute(event_rows.insert().values(adaptation=id, at=clock.now(), type=type, data=data))

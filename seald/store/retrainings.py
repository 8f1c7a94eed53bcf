"""Retrainings with their lessons: moved by guarded updates, each with its event row in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, null, or_, select, update

from seald.domain.adapter import AdapterStatus
from seald.domain.retraining import (
    RUNNABLE,
    TERMINAL,
    Context,
    Exam,
    Lesson,
    Retraining,
    RetrainingEvent,
    RetrainingSpec,
    RetrainingStatus,
    check_retraining_transition,
)
from seald.errors import IllegalTransition, NotFound
from seald.ports import Clock, Page
from seald.store import audit, policy_versions, supersession
from seald.store.retraining_tables import lessons as lesson_rows
from seald.store.retraining_tables import policy_versions as version_rows
from seald.store.retraining_tables import retraining_events as event_rows
from seald.store.retraining_tables import retrainings as rows
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row


class SqlRetrainings:
    """Fulfils the port `RetrainingStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def queue(self, spec: RetrainingSpec, key: str) -> tuple[Retraining, bool]:
        """A queued retraining; or the one of this key, or the one that is open (not terminal), `False`."""
        mine, is_open = rows.c.key == key, rows.c.status.in_(RUNNABLE)
        with self._session.write() as connection:
            # There is one open at most; the one of the key goes first.
            known = connection.execute(select(rows).where(or_(mine, is_open)).order_by(~mine).limit(1)).one_or_none()
            if known is not None:
                return read(known), False
            return self._insert(connection, spec, key), True

    def get(self, id: str) -> Retraining:
        """Raises NotFound."""
        with self._session.read() as connection:
            return fetch(connection, id)

    def page(self, *, after: str | None, limit: int) -> Page[Retraining]:
        """Oldest first, those after the retraining `after`. Raises NotFound when `after` is none."""
        with self._session.read() as connection:
            found, more = numbered_page(connection, rows, select(rows), after=after, limit=limit, noun="retraining")
        return Page(data=[read(row) for row in found], has_more=more)

    def next_runnable(self) -> Retraining | None:
        """The oldest one that is not terminal."""
        query = select(rows).where(rows.c.status.in_(RUNNABLE)).order_by(rows.c.number).limit(1)
        with self._session.read() as connection:
            row = connection.execute(query).one_or_none()
        return read(row) if row is not None else None

    def begin(self, id: str, lessons: Sequence[Lesson], *, incumbent: int | None, start: int | None) -> Retraining:
        """queued → sampling, with its lessons and the policies that it goes by.

        Raises IllegalTransition, also (code `document_forgotten`) where one of them knows what was taken back.
        """
        with self._session.write() as connection:
            move(connection, self._clock, id, RetrainingStatus.QUEUED, RetrainingStatus.SAMPLING)
            known = [document for lesson in lessons if (document := lesson.context.document) is not None]
            for version in (incumbent, start):
                known += policy_versions.find(connection, version).documents if version is not None else ()
            supersession.require_kept(connection, id, known)
            connection.execute(update(rows).where(rows.c.id == id).values(incumbent=incumbent, start=start))
            for lesson in lessons:
                connection.execute(lesson_rows.insert().values(retraining=id, **_lesson_values(lesson)))
            return fetch(connection, id)

    def move(
        self,
        id: str,
        before: RetrainingStatus,
        after: RetrainingStatus,
        *,
        round: int | None = None,
        figures: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> Retraining:
        """`UPDATE … WHERE status = before`, with the event beside it; with its end, what has not won by then never
        will. Raises IllegalTransition."""
        with self._session.write() as connection:
            if after in TERMINAL:
                reject_candidates(connection, id)
            return move(connection, self._clock, id, before, after, round=round, figures=figures, error=error)

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        """Append an event."""
        with self._session.write() as connection:
            note(connection, self._clock, id, type, data)

    def add_figures(self, id: str, figures: dict[str, Any]) -> None:
        """Merge figures into the retraining's."""
        with self._session.write() as connection:
            merged = {**fetch(connection, id).figures, **figures}
            connection.execute(update(rows).where(rows.c.id == id).values(figures=merged))

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[RetrainingEvent]:
        """Events with a `seq` above `after`, oldest first. Raises NotFound for an unknown retraining."""
        query = select(event_rows).where(event_rows.c.retraining == id, event_rows.c.seq > after)
        with self._session.read() as connection:
            fetch(connection, id)
            found = connection.execute(query.order_by(event_rows.c.seq).limit(limit)).all()
        return [
            RetrainingEvent(seq=r.seq, retraining_id=r.retraining, at=r.at, type=r.type, data=r.data) for r in found
        ]

    def request_cancel(self, id: str, *, reason: str | None = None) -> Retraining:
        """A queued one is cancelled at once, a running one when the pipeline next looks."""
        with self._session.write() as connection:
            now = fetch(connection, id)
            if now.status in TERMINAL:
                raise IllegalTransition(f"{id} is {now.status}: too late to cancel it")
            if not now.cancel_requested:
                states = {"from_value": now.status, "to_value": RetrainingStatus.CANCELLED, "reason": reason}
                audit.append(connection, self._clock, action="cancellation", target=id, **states)
            if now.status is RetrainingStatus.QUEUED:
                return move(connection, self._clock, id, now.status, RetrainingStatus.CANCELLED)
            connection.execute(update(rows).where(rows.c.id == id).values(cancel_requested=True))
            note(connection, self._clock, id, "cancel_requested", {})
            return fetch(connection, id)

    def lessons(self, id: str) -> list[Lesson]:
        """In their places."""
        with self._session.read() as connection:
            return lessons_of(connection, id)

    def set_exam(self, id: str, context_id: str, exam: Exam) -> None:
        """Once: an exam that is there stays. Raises NotFound where there is no such lesson."""
        mine = (lesson_rows.c.retraining == id) & (lesson_rows.c.context == context_id)
        first = update(lesson_rows).where(mine, lesson_rows.c.exam.is_(null()))
        with self._session.write() as connection:
            if connection.scalar(select(lesson_rows.c.place).where(mine)) is None:
                raise NotFound(f"{id} has no lesson {context_id!r}", param="context")
            connection.execute(first.values(exam=exam.model_dump(mode="json")))

    def _insert(self, connection: Connection, spec: RetrainingSpec, key: str) -> Retraining:
        number = next_number(connection, rows.c.number)
        made = Retraining(
            id=f"ret-{number:06d}-{secrets.token_hex(4)}",
            key=key,
            status=RetrainingStatus.QUEUED,
            spec=spec,
            created=self._clock.now(),
        )
        values = {**made.model_dump(exclude={"spec"}), "spec": spec.model_dump(mode="json")}
        connection.execute(rows.insert().values(**values, number=number))
        note(connection, self._clock, made.id, "status", {"from": None, "to": made.status})
        audit.append(connection, self._clock, action="retraining", target=made.id, to_value=made.status)
        return made


def fetch(connection: Connection, id: str) -> Retraining:
    """For use inside a wider transaction. Raises NotFound."""
    row = connection.execute(select(rows).where(rows.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no retraining {id!r}", param="id")
    return read(row)


def require_open(connection: Connection, id: str) -> None:
    """Raise NotFound, or IllegalTransition for one that has ended: a document of it may have been taken back."""
    status = fetch(connection, id).status
    if status in TERMINAL:
        raise IllegalTransition(f"{id} is {status}: nothing more comes of it")


def read(row: Row) -> Retraining:
    """A row as a retraining."""
    values = dict(row._mapping)
    del values["number"]
    return Retraining.model_validate(values)


def lessons_of(connection: Connection, id: str) -> list[Lesson]:
    """In their places, for use inside a wider transaction."""
    query = select(lesson_rows).where(lesson_rows.c.retraining == id).order_by(lesson_rows.c.place)
    return [_lesson(row) for row in connection.execute(query).all()]


def move(
    connection: Connection,
    clock: Clock,
    id: str,
    before: RetrainingStatus,
    after: RetrainingStatus,
    *,
    round: int | None = None,
    figures: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> Retraining:
    """The guarded update, for use inside a wider transaction. Raises IllegalTransition."""
    check_retraining_transition(before, after)
    values: dict[str, Any] = {"status": after, "error": error}
    if figures:
        values["figures"] = {**fetch(connection, id).figures, **figures}
    if round is not None:
        values["round"] = round
    if after in TERMINAL:
        values["finished"] = clock.now()
    done = connection.execute(update(rows).where(rows.c.id == id, rows.c.status == before).values(**values))
    if done.rowcount != 1:
        raise IllegalTransition(f"{id} is not {before} any more: it is {fetch(connection, id).status}")
    more = {key: value for key, value in (("round", round), ("figures", figures), ("error", error)) if value}
    note(connection, clock, id, "status", {"from": before, "to": after, **more})
    return fetch(connection, id)


def reject_candidates(connection: Connection, id: str) -> None:
    """Of a retraining; for use inside a wider transaction."""
    candidates = (version_rows.c.retraining == id) & (version_rows.c.status == AdapterStatus.CANDIDATE)
    connection.execute(update(version_rows).where(candidates).values(status=AdapterStatus.REJECTED))


def note(connection: Connection, clock: Clock, id: str, type: str, data: dict[str, Any]) -> None:
    """Append an event, for use inside a wider transaction."""
    connection.execute(event_rows.insert().values(retraining=id, at=clock.now(), type=type, data=data))


def _lesson_values(lesson: Lesson) -> dict[str, Any]:
    return {
        "context": lesson.id,
        "place": lesson.place,
        "held_out": lesson.held_out,
        "document": lesson.context.document,
        "body": lesson.context.model_dump(mode="json"),
        "exam": lesson.exam.model_dump(mode="json") if lesson.exam is not None else None,
    }


def _lesson(row: Row) -> Lesson:
    return Lesson(
        retraining_id=row.retraining,
        place=row.place,
        context=Context.model_validate(row.body),
        held_out=row.held_out,
        exam=Exam.model_validate(row.exam) if row.exam is not None else None,
    )

"""Tasks with their examples; storing one queues its adaptation in the same transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select, update

from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.task import Task
from seald.errors import Conflict, NotFound
from seald.ports import Clock, Page
from seald.store import adaptations, audit, live, unlearning, versions
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row
from seald.store.tables import adapter_versions as version_rows
from seald.store.task_tables import tasks as rows
from seald.store.within import kept_in

QUEUED_AGAIN = {AdaptationStatus.FAILED, AdaptationStatus.CANCELLED}
"""Sent again, a task whose adaptation ended so is tried again. A rejected one would be judged the same."""
DELETED = {"message": "its task was deleted", "code": "task_deleted"}


class SqlTasks:
    """Fulfils the port `TaskStore`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def add(self, task: Task) -> tuple[Task, Adaptation, bool]:
        """Store a task and a queued adaptation, or find what is there. Raises Conflict (code `name_taken`)."""
        with self._session.write() as connection:
            known = connection.execute(select(rows).where(rows.c.name == task.name)).one_or_none()
            if known is None:
                adaptation = adaptations.queue_task(connection, self._clock, task.lineage)
                connection.execute(rows.insert().values(**_values(connection, task), adaptation=adaptation.id))
                return task, adaptation, True
            if known.id != task.id:
                message = f"there is another task {task.name!r}: take another name, or delete that one first"
                raise Conflict(message, param="name", code="name_taken")
            return _read(known), self._take_up_again(connection, known), False

    def get(self, name: str, *, within: Collection[str] | None = None) -> Task:
        """By name or by id. Raises NotFound."""
        with self._session.read() as connection:
            return _read(_find(connection, name, within=within))

    def latest_adaptation(self, task: Task) -> Adaptation:
        """The one that last set out to learn it. Raises NotFound where the task was deleted."""
        with self._session.read() as connection:
            return adaptations.fetch(connection, _find(connection, task.id).adaptation)

    def page(
        self, *, collection: str | None, after: str | None, limit: int, within: Collection[str] | None = None
    ) -> Page[Task]:
        """Oldest first, those after the task `after` (name or id). Raises NotFound when `after` is none."""
        query = select(rows) if collection is None else select(rows).where(rows.c.collection == collection)
        with self._session.read() as connection:
            last = None if after is None else _find(connection, after, param="after", within=within).id
            there = kept_in(rows.c.collection, within)
            found, more = numbered_page(connection, rows, query, after=last, limit=limit, noun="task", there=there)
        return Page(data=[_read(row) for row in found], has_more=more)

    def delete(self, task: Task, reason: str | None = None) -> tuple[int, ...]:
        """All or none: no example is left, nothing of it goes on, and nothing of it can be asked for."""
        with self._session.write() as connection:
            if connection.execute(rows.delete().where(rows.c.id == task.id)).rowcount == 0:
                return ()
            why = {"from_value": task.lineage, "reason": reason}
            audit.append(connection, self._clock, action="deletion", target=task.id, **why)
            for one in adaptations.open_of(connection, task.lineage):
                adaptations.stop(connection, self._clock, one, DELETED)
            live.move(connection, self._clock, task.lineage, None, kind="forget", reason=DELETED["message"])
            unlearning.withdraw(connection, self._clock, task.id)
            return _retire(connection, task.lineage)

    def _take_up_again(self, connection: Connection, known: Row) -> Adaptation:
        last = adaptations.fetch(connection, known.adaptation)
        if last.status not in QUEUED_AGAIN:
            return last
        again = adaptations.queue_task(connection, self._clock, _read(known).lineage)
        connection.execute(update(rows).where(rows.c.id == known.id).values(adaptation=again.id))
        return again


def _find(connection: Connection, name: str, *, param: str = "id", within: Collection[str] | None = None) -> Row:
    # An id cannot be mistaken for a name unless somebody names a task after another one's id: then the name counts.
    query = select(rows).where(or_(rows.c.name == name, rows.c.id == name), kept_in(rows.c.collection, within))
    row = connection.execute(query.order_by(rows.c.name != name).limit(1)).one_or_none()
    if row is None:
        raise NotFound(f"there is no task {name[:200]!r}; GET /v1/tasks lists them", param=param)
    return row


def _values(connection: Connection, task: Task) -> dict[str, Any]:
    values = task.model_dump(mode="json", exclude={"created"})
    return {**values, "created": task.created, "number": next_number(connection, rows.c.number)}


def _read(row: Row) -> Task:
    values = dict(row._mapping)
    del values["number"], values["adaptation"]
    return Task.model_validate(values)


def _retire(connection: Connection, lineage: str) -> tuple[int, ...]:
    """Leave of the lineage's versions their numbers, so that none is used again; those that had files."""
    mine = version_rows.c.collection == lineage
    found = connection.execute(select(version_rows.c.version, version_rows.c.sha256).where(mine)).all()
    versions.shut(connection, lineage, [row.version for row in found])
    connection.execute(update(version_rows).where(mine).values(sha256=None, manifest_sha256=None))
    return tuple(sorted(row.version for row in found if row.sha256 is not None))

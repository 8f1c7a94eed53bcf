"""Which version answered a request: noted in memory on the way of a chat, written down by whoever calls `flush`."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, tuple_

from seald.domain.actor import acting
from seald.domain.feedback import Answer, unknown_answer, version_of
from seald.ports import Clock
from seald.store.session import Session, forget_old
from seald.store.tables import answered as rows

MOST_NOTED = 100_000
"""Held in memory while the database does not take them; more are forgotten, oldest first."""
AT_ONCE = 250
"""Answers in one statement: databases bound their number."""


class _Asked(NamedTuple):
    request: str
    asker: str


class _Note(NamedTuple):
    model: str
    label: str
    at: datetime


class SqlAnswered:
    """Fulfils the port `Answers`. Any thread may call it."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._state = threading.Lock()
        self._noted: dict[_Asked, _Note] = {}
        self._writing: dict[_Asked, _Note] = {}

    def note(self, request: str, model: str, label: str) -> None:
        """Remember it, in memory for now, as the answer to whoever is `acting`."""
        asked, note = _Asked(request, acting.get().name), _Note(model, label, self._clock.now())
        with self._state:
            self._noted.pop(asked, None)
            self._noted[asked] = note
            if len(self._noted) > MOST_NOTED:
                del self._noted[next(iter(self._noted))]

    def find(self, request: str) -> Answer:
        """That of whoever is `acting`, else the latest to anybody; also what was noted this moment.

        Raises NotFound (code `unknown_request`).
        """
        with self._state:
            noted = {**self._writing, **self._noted}
        with self._session.read() as connection:
            written = connection.execute(select(rows).where(rows.c.request == request)).mappings().all()
        known = {answer.asker: answer for answer in map(Answer.model_validate, map(dict, written))}
        known |= {asked.asker: _answer(asked, note) for asked, note in noted.items() if asked.request == request}
        if not known:
            raise unknown_answer(request)
        return known.get(acting.get().name) or max(known.values(), key=lambda answer: answer.at)

    def flush(self) -> None:
        """Write down what was noted, in one transaction. Raises StoreError; what was noted is then kept."""
        with self._state:
            # What an earlier call could not write goes first; a later answer of the same id takes its place.
            self._writing, self._noted = {**self._writing, **self._noted}, {}
            for asked in list(self._writing)[:-MOST_NOTED]:
                del self._writing[asked]
            batch = dict(self._writing)
        if not batch:
            return
        with self._session.write() as connection:
            _replace(connection, [_answer(asked, note) for asked, note in batch.items()])
        with self._state:
            self._writing = {}

    def prune(self, keep: timedelta, most: int) -> int:
        """Forget answers older than `keep`, and all but the latest `most`; how many went."""
        with self._session.write() as connection:
            return forget_old(connection, rows, before=self._clock.now() - keep, most=most)


def _answer(asked: _Asked, note: _Note) -> Answer:
    collection, version = version_of(note.model, note.label)
    return Answer(**asked._asdict(), collection=collection, version=version, at=note.at)


def _replace(connection: Connection, answers: list[Answer]) -> None:
    for start in range(0, len(answers), AT_ONCE):
        part = answers[start : start + AT_ONCE]
        asked = [(answer.request, answer.asker) for answer in part]
        connection.execute(delete(rows).where(tuple_(rows.c.request, rows.c.asker).in_(asked)))
        connection.execute(rows.insert(), [answer.model_dump() for answer in part])

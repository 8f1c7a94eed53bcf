"""Which version answered a request: noted in memory on the way of a chat, written down by whoever calls `flush`."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from seald.domain.feedback import Answer, unknown_answer, version_of
from seald.ports import Clock
from seald.store.session import Session
from seald.store.tables import answered as rows

MOST_NOTED = 100_000
"""Held in memory while the database does not take them; more are forgotten, oldest first."""
AT_ONCE = 500
"""Ids in one statement: databases bound their number."""


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
        self._noted: dict[str, _Note] = {}
        self._writing: dict[str, _Note] = {}

    def note(self, request: str, model: str, label: str) -> None:
        """Remember it, in memory for now."""
        note = _Note(model, label, self._clock.now())
        with self._state:
            self._noted.pop(request, None)
            self._noted[request] = note
            if len(self._noted) > MOST_NOTED:
                del self._noted[next(iter(self._noted))]

    def find(self, request: str) -> Answer:
        """Also what was noted this moment. Raises NotFound (code `unknown_request`)."""
        with self._state:
            note = self._noted.get(request) or self._writing.get(request)
        if note is not None:
            return _answer(request, note)
        with self._session.read() as connection:
            row = connection.execute(select(rows).where(rows.c.request == request)).mappings().one_or_none()
        if row is None:
            raise unknown_answer(request)
        return Answer.model_validate(dict(row))

    def flush(self) -> None:
        """Write down what was noted, in one transaction. Raises StoreError; what was noted is then kept."""
        with self._state:
            # What an earlier call could not write goes first; a later answer of the same id takes its place.
            self._writing, self._noted = {**self._writing, **self._noted}, {}
            for request in list(self._writing)[:-MOST_NOTED]:
                del self._writing[request]
            batch = dict(self._writing)
        if not batch:
            return
        with self._session.write() as connection:
            _replace(connection, [_answer(request, note) for request, note in batch.items()])
        with self._state:
            self._writing = {}

    def prune(self, keep: timedelta, most: int) -> int:
        """Forget answers older than `keep`, and all but the latest `most`; how many went."""
        with self._session.write() as connection:
            first_beyond = select(rows.c.at).order_by(rows.c.at.desc()).offset(most).limit(1)
            bounds = [self._clock.now() - keep, connection.scalar(first_beyond)]
            newest_to_go = max(bound for bound in bounds if bound is not None)
            return int(connection.execute(delete(rows).where(rows.c.at <= newest_to_go)).rowcount)


def _answer(request: str, note: _Note) -> Answer:
    collection, version = version_of(note.model, note.label)
    return Answer(request=request, collection=collection, version=version, at=note.at)


def _replace(connection: Connection, answers: list[Answer]) -> None:
    for start in range(0, len(answers), AT_ONCE):
        part = answers[start : start + AT_ONCE]
        connection.execute(delete(rows).where(rows.c.request.in_([answer.request for answer in part])))
        connection.execute(rows.insert(), [answer.model_dump() for answer in part])

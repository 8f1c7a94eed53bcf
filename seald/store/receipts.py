"""Answers to requests that came with an Idempotency-Key, kept for a day."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import Connection, delete, select, update

from seald.domain.receipt import Receipt
from seald.ports import Clock
from seald.store.receipt_tables import receipts as rows
from seald.store.session import Session, forget_old

KEPT = timedelta(hours=24)
MOST = 10_000
"""Receipts that are kept, the latest."""


class SqlReceipts:
    """Fulfils the port `Receipts`. Any thread may call it.

    Which ones are being worked on is in memory alone: what a daemon that ended left without an answer is no longer.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._state = threading.Lock()
        self._running: set[str] = set()

    def begin(self, id: str, fingerprint: str, *, repeatable: bool) -> Receipt | None:
        """What there is under `id`; None: nothing, and the caller, who must end with one of the others, is at work
        on it now. `repeatable`: what was broken off may be begun again."""
        with self._state:
            with self._session.write() as connection:
                known = self._known(connection, id)
                if known is None:
                    connection.execute(rows.insert().values(id=id, fingerprint=fingerprint, at=self._clock.now()))
            again = repeatable and known is not None and known == Receipt(fingerprint=fingerprint)
            if known is not None and not again:
                return known
            self._running.add(id)
            return None

    def keep(self, id: str, status: int, body: str | None) -> None:
        """This was answered. `body` None: it may not be kept."""
        with self._state:
            self._running.discard(id)
            with self._session.write() as connection:
                connection.execute(update(rows).where(rows.c.id == id).values(status=status, body=body))

    def drop(self, id: str) -> None:
        """Nothing was done."""
        with self._state:
            self._running.discard(id)
            with self._session.write() as connection:
                connection.execute(delete(rows).where(rows.c.id == id))

    def leave(self, id: str) -> None:
        """Nobody knows what was done: as if the daemon had ended meanwhile."""
        with self._state:
            self._running.discard(id)

    def prune(self) -> int:
        """Forget those older than a day, and all but the latest `MOST`; how many went."""
        with self._session.write() as connection:
            return forget_old(connection, rows, before=self._clock.now() - KEPT, most=MOST)

    def _known(self, connection: Connection, id: str) -> Receipt | None:
        connection.execute(delete(rows).where(rows.c.id == id, rows.c.at <= self._clock.now() - KEPT))
        columns = rows.c.fingerprint, rows.c.status, rows.c.body
        row = connection.execute(select(*columns).where(rows.c.id == id)).mappings().one_or_none()
        return None if row is None else Receipt(**row, running=id in self._running)

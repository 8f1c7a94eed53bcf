"""What the database and the data folder say at a scrape, and whether the database takes writes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import get_args

from sqlalchemy import Connection, false, func, select, text, update

from seald.domain.adaptation import TERMINAL, AdaptationKind, AdaptationStatus
from seald.domain.sample import Sample
from seald.domain.watch import MoveKind
from seald.errors import StoreError
from seald.ports import Clock
from seald.store.session import Session
from seald.store.tables import adaptations, live, live_moves, verdicts

SILENT_SECONDS = 60.0
"""Without a write for so long the database is taken not to accept any. A lock that it waits for may last half of it."""


class SqlSight:
    """Counts rows at the moment of the scrape: what they say outlives the daemon."""

    def __init__(self, session: Session, clock: Clock, data_dir: Path) -> None:
        self._session = session
        self._clock = clock
        self._data_dir = data_dir

    def samples(self) -> Iterator[Sample]:
        """Raises StoreError."""
        with self._session.read() as connection:
            yield from _ended(connection)
            yield from _moves(connection)
            yield from _verdicts(connection)
            yield Sample("seald_queue_age_seconds", self._oldest(connection).total_seconds())
            yield Sample("seald_database_bytes", self._size(connection))
            revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
            yield Sample("seald_schema_info", 1, {"revision": str(revision)})
        disk = shutil.disk_usage(self._data_dir)
        yield Sample("seald_disk_free_bytes", disk.free)
        yield Sample("seald_disk_bytes", disk.total)

    def _oldest(self, connection: Connection) -> timedelta:
        query = select(func.min(adaptations.c.created)).where(adaptations.c.status == AdaptationStatus.QUEUED)
        created = connection.scalar(query)
        return max(self._clock.now() - created, timedelta(0)) if created is not None else timedelta(0)

    def _size(self, connection: Connection) -> int:
        engine = self._session.engine
        if engine.dialect.name != "sqlite":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        files = (Path(f"{engine.url.database}{ending}") for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())


class Pulse:
    """Whether the database takes writes: found out by whoever calls `beat` every few seconds, so that nobody who asks
    has to wait for it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._failure: str | None = None
        self._last = time.monotonic()

    def beat(self) -> None:
        """Begin a transaction that would write, and write nothing. Raises StoreError, which `why_not` then says."""
        try:
            with self._session.write() as connection:
                connection.execute(update(live).where(false()).values(version=None))
        except StoreError as error:
            self._failure = error.message
            raise
        self._failure, self._last = None, time.monotonic()

    def why_not(self) -> str | None:
        """Why nothing can be written now; None: it can. Never waits."""
        silent = time.monotonic() - self._last
        if self._failure is None and silent > SILENT_SECONDS:
            return f"the database has taken no write for {silent:.0f} s"
        return self._failure


def _ended(connection: Connection) -> Iterator[Sample]:
    kind, status = adaptations.c.kind, adaptations.c.status
    query = select(kind, status, func.count()).where(status.in_(TERMINAL)).group_by(kind, status)
    counted = {(found, outcome): n for found, outcome, n in connection.execute(query).all()}
    # The zeros too: to Prometheus a counter that begins at one has not grown.
    for of in product(AdaptationKind, sorted(TERMINAL)):
        yield Sample("seald_adaptations_ended", counted.get(of, 0), dict(zip(("kind", "outcome"), of, strict=True)))


def _moves(connection: Connection) -> Iterator[Sample]:
    query = select(live_moves.c.kind, func.count()).group_by(live_moves.c.kind)
    counted = {kind: n for kind, n in connection.execute(query).all()}
    for kind in get_args(MoveKind):
        yield Sample("seald_live_moves", counted.get(kind, 0), {"kind": kind})


def _verdicts(connection: Connection) -> Iterator[Sample]:
    of = verdicts.c.guard, verdicts.c.verdict
    for guard, verdict, n in connection.execute(select(*of, func.count()).group_by(*of)).all():
        yield Sample("seald_verdicts", n, {"guard": guard, "verdict": verdict})

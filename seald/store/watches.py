"""What watching found of live versions, and the moves that it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from seald.domain.watch import LiveMove, Watch
from seald.ports import Page
from seald.store.session import Session
from seald.store.tables import live_moves
from seald.store.tables import watches as rows

WITHOUT_PROBES = tuple(column for column in rows.c if column.name != "probes")


class SqlWatches:
    """Fulfils the port `WatchStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, watch: Watch) -> Watch:
        """Store it, giving it its number."""
        with self._session.write() as connection:
            done = connection.execute(rows.insert().values(**watch.model_dump(exclude={"seq"})))
            (seq,) = done.inserted_primary_key or (0,)
        return watch.model_copy(update={"seq": seq})

    def baseline(self, collection: str, version: int) -> Watch | None:
        """The watch that the version's later ones are compared with."""
        query = select(rows).where(rows.c.collection == collection, rows.c.version == version)
        return self._first(query.where(rows.c.outcome == "baseline").order_by(rows.c.seq.desc()))

    def last(self, collection: str, version: int | None = None) -> Watch | None:
        """The latest, of this version or of any; without its probes."""
        query = select(*WITHOUT_PROBES).where(rows.c.collection == collection)
        if version is not None:
            query = query.where(rows.c.version == version)
        return self._first(query.order_by(rows.c.seq.desc()))

    def last_pause(self, collection: str) -> datetime | None:
        """When watching last paused, whether it still does or not."""
        query = select(func.max(rows.c.at)).where(rows.c.collection == collection, rows.c.action == "paused")
        with self._session.read() as connection:
            found: datetime | None = connection.scalar(query)
        return found

    def page(self, collection: str, *, after: int, limit: int) -> Page[Watch]:
        """Oldest first, those with a number above `after`; without their probes."""
        query = select(*WITHOUT_PROBES).where(rows.c.collection == collection, rows.c.seq > after)
        with self._session.read() as connection:
            found = connection.execute(query.order_by(rows.c.seq).limit(limit + 1)).mappings().all()
        return Page(data=[Watch.model_validate(dict(row)) for row in found[:limit]], has_more=len(found) > limit)

    def moves(self, collection: str) -> list[LiveMove]:
        """Every move of the live pointer, oldest first."""
        columns = live_moves.c.kind, live_moves.c.to_version.label("to"), live_moves.c.at
        query = select(*columns).where(live_moves.c.collection == collection).order_by(live_moves.c.seq)
        with self._session.read() as connection:
            return [LiveMove.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def _first(self, query: Select[Any]) -> Watch | None:
        with self._session.read() as connection:
            row = connection.execute(query.limit(1)).mappings().one_or_none()
        return Watch.model_validate(dict(row)) if row is not None else None

"""The live pointers and the history of their moves. For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from seald.ports import Clock
from seald.store.tables import live as pointers
from seald.store.tables import live_moves as moves


def version_of(connection: Connection, collection: str) -> int | None:
    """The live version; None is the base model."""
    return connection.scalar(select(pointers.c.version).where(pointers.c.collection == collection))


def before(connection: Connection, collection: str, version: int) -> int | None:
    """The version that was live before `version` was last promoted; None is the base.

    Rolling back again and again so walks further back instead of going to and fro.
    """
    query = (
        select(moves.c.from_version)
        .where(moves.c.collection == collection, moves.c.to_version == version, moves.c.kind == "promotion")
        .order_by(moves.c.seq.desc())
        .limit(1)
    )
    return connection.scalar(query)


def move(
    connection: Connection, clock: Clock, collection: str, to: int | None, *, kind: str, reason: str | None
) -> None:
    """Point `collection` at `to` and write the move down."""
    now = version_of(connection, collection)
    done = connection.execute(update(pointers).where(pointers.c.collection == collection).values(version=to))
    if done.rowcount == 0:
        connection.execute(pointers.insert().values(collection=collection, version=to))
    values = {"collection": collection, "kind": kind, "from_version": now, "to_version": to, "reason": reason}
    connection.execute(moves.insert().values(**values, at=clock.now()))

"""The live pointers and the history of their moves. For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from seald.domain.adapter import AdapterStatus
from seald.ports import Clock
from seald.store.tables import adapter_versions as versions
from seald.store.tables import live as pointers
from seald.store.tables import live_moves as moves


def version_of(connection: Connection, collection: str) -> int | None:
    """The live version; None is the base model."""
    return connection.scalar(select(pointers.c.version).where(pointers.c.collection == collection))


def before(connection: Connection, collection: str) -> int | None:
    """The version that was live before the one that is live now; None is the base, also when the base is live. What
    has been retired since is passed over.

    The moves are retraced as steps along a trail: one to a version on the trail goes back to it and forgets what came
    after. Rolling back again and again therefore walks further back instead of going to and fro.
    """
    query = select(moves.c.to_version).where(moves.c.collection == collection).order_by(moves.c.seq)
    trail: list[int | None] = [None]
    for version in connection.scalars(query):
        if version in trail:
            del trail[trail.index(version) :]
        trail.append(version)
    approved = (versions.c.collection == collection) & (versions.c.status == AdapterStatus.APPROVED)
    there = {None, *connection.scalars(select(versions.c.version).where(approved))}
    return next((version for version in trail[-2::-1] if version in there), None)


def move(
    connection: Connection, clock: Clock, collection: str, to: int | None, *, kind: str, reason: str | None
) -> None:
    """Point `collection` at `to` and write the move down. Where it points there already, nothing moves."""
    now = version_of(connection, collection)
    if now == to:
        return
    done = connection.execute(update(pointers).where(pointers.c.collection == collection).values(version=to))
    if done.rowcount == 0:
        connection.execute(pointers.insert().values(collection=collection, version=to))
    values = {"collection": collection, "kind": kind, "from_version": now, "to_version": to, "reason": reason}
    connection.execute(moves.insert().values(**values, at=clock.now()))

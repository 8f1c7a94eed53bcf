"""The live pointers and the history of their moves. For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from seald.domain.adapter import AdapterStatus
from seald.domain.audit import AuditAction
from seald.domain.watch import MoveKind
from seald.ports import BASE, Clock
from seald.store import audit, trail
from seald.store.tables import adapter_versions as versions
from seald.store.tables import live as pointers
from seald.store.tables import live_moves as moves


def version_of(connection: Connection, collection: str) -> int | None:
    """The live version; None is the base model."""
    return connection.scalar(select(pointers.c.version).where(pointers.c.collection == collection))


def before(connection: Connection, collection: str) -> int | None:
    """The version that was live before the one that is live now; None is the base, also when the base is live. What
    has been retired since is passed over."""
    query = select(moves.c.to_version).where(moves.c.collection == collection).order_by(moves.c.seq)
    approved = (versions.c.collection == collection) & (versions.c.status == AdapterStatus.APPROVED)
    there = set(connection.scalars(select(versions.c.version).where(approved)))
    return trail.before(connection.scalars(query), there)


def move(
    connection: Connection, clock: Clock, collection: str, to: int | None, *, kind: MoveKind, reason: str | None
) -> None:
    """Point `collection` at `to` and write the move down, for the audit too. Where it points there already, nothing
    moves."""
    now = version_of(connection, collection)
    if now == to:
        return
    done = connection.execute(update(pointers).where(pointers.c.collection == collection).values(version=to))
    if done.rowcount == 0:
        connection.execute(pointers.insert().values(collection=collection, version=to))
    values = {"collection": collection, "kind": kind, "from_version": now, "to_version": to, "reason": reason}
    connection.execute(moves.insert().values(**values, at=clock.now()))
    action: AuditAction = "promotion" if kind == "promotion" else "rollback"
    named = {"from_value": _label(collection, now), "to_value": _label(collection, to)}
    audit.append(connection, clock, action=action, target=collection, reason=reason, **named)


def _label(collection: str, version: int | None) -> str:
    return f"{collection}@{version}" if version is not None else BASE

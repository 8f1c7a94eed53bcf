"""The pointer to the learned policy that writes, and the history of its moves. For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from seald.domain.adapter import AdapterStatus
from seald.ports import Clock
from seald.store import policy_versions, trail
from seald.store.retraining_tables import live_policy as pointer
from seald.store.retraining_tables import policy_moves as moves

ONLY_ROW = 1


def version_of(connection: Connection) -> int | None:
    """The learned policy that writes; None is the seed policy."""
    return connection.scalar(select(pointer.c.version))


def may_write(connection: Connection) -> set[int]:
    """Those that won their tournament and learned from nothing that was taken back since."""
    won = {one.version for one in policy_versions.every(connection) if one.status is AdapterStatus.APPROVED}
    return won - {one.version for one in policy_versions.tainted(connection)}


def before(connection: Connection) -> int | None:
    """The learned policy that wrote before and still may; None is the seed policy, also when that writes."""
    led_to = connection.scalars(select(moves.c.to_version).order_by(moves.c.seq))
    return trail.before(led_to, may_write(connection))


def move(connection: Connection, clock: Clock, to: int | None, *, kind: str, reason: str | None) -> None:
    """Let `to` write, and write the move down. Where it writes already, nothing moves."""
    now = version_of(connection)
    if now == to:
        return
    if connection.execute(update(pointer).values(version=to)).rowcount == 0:
        connection.execute(pointer.insert().values(id=ONLY_ROW, version=to))
    values = {"kind": kind, "from_version": now, "to_version": to, "reason": reason}
    connection.execute(moves.insert().values(**values, at=clock.now()))

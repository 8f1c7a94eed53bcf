"""The pointers to the learned policies that write, one of passages and one of tasks, and the history of their moves.
For use inside a wider transaction."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from seald.config.retraining import Subject
from seald.domain.adapter import AdapterStatus
from seald.domain.audit import AuditAction
from seald.domain.policy_version import PREFIX
from seald.ports import Clock
from seald.store import audit, policy_versions, trail
from seald.store.retraining_tables import live_policy as pointer
from seald.store.retraining_tables import policy_moves as moves


def version_of(connection: Connection, subject: Subject) -> int | None:
    """The learned policy that writes about `subject`; None is the seed policy."""
    return connection.scalar(select(pointer.c.version).where(pointer.c.subject == subject))


def may_write(connection: Connection, subject: Subject) -> set[int]:
    """Those for the subject that won their tournament and learned from nothing that was taken back since."""
    every = (one for one in policy_versions.every(connection) if one.subject == subject)
    won = {one.version for one in every if one.status is AdapterStatus.APPROVED}
    return won - {one.version for one in policy_versions.tainted(connection)}


def before(connection: Connection, subject: Subject) -> int | None:
    """The learned policy that wrote before and still may; None is the seed policy, also when that writes."""
    mine = select(moves.c.to_version).where(moves.c.subject == subject)
    return trail.before(connection.scalars(mine.order_by(moves.c.seq)), may_write(connection, subject))


def move(
    connection: Connection, clock: Clock, subject: Subject, to: int | None, *, kind: str, reason: str | None
) -> None:
    """Let `to`, a policy for the subject, write, and write the move down, for the audit too. Where it writes already,
    nothing moves."""
    now = version_of(connection, subject)
    if now == to:
        return
    mine = update(pointer).where(pointer.c.subject == subject)
    if connection.execute(mine.values(version=to)).rowcount == 0:
        connection.execute(pointer.insert().values(subject=subject, version=to))
    values = {"subject": subject, "kind": kind, "from_version": now, "to_version": to, "reason": reason}
    connection.execute(moves.insert().values(**values, at=clock.now()))
    action: AuditAction = "promotion" if kind == "promotion" else "rollback"
    named = {"from_value": _label(now), "to_value": _label(to)}
    audit.append(connection, clock, action=action, target=f"policy/{subject}", reason=reason, **named)


def _label(version: int | None) -> str:
    return f"{PREFIX}{version}" if version is not None else "seed"

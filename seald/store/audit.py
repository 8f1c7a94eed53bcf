"""The audit's chain: an entry is written in the transaction of the change that it tells of, or neither is."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection, RowMapping, func, select, update

from seald.domain.actor import acting
from seald.domain.audit import GENESIS, AuditAction, Entry, Head, Verification, digest, verify
from seald.errors import StoreError
from seald.ports import Clock, Page
from seald.store.audit_tables import audit as rows
from seald.store.audit_tables import audit_head as heads
from seald.store.session import Session

AT_ONCE = 1000
"""Entries that are held in memory while the chain is walked."""


class SqlAudit:
    """Fulfils the port `AuditTrail`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, *, target: str | None, action: AuditAction | None, after: int, limit: int) -> Page[Entry]:
        """Oldest first, those with a number above `after`."""
        query = select(rows).where(rows.c.number > after).order_by(rows.c.number).limit(limit + 1)
        if target is not None:
            query = query.where(rows.c.target == target)
        if action is not None:
            query = query.where(rows.c.action == action)
        with self._session.read() as connection:
            found = connection.execute(query).mappings().all()
        return Page(data=[*map(_read, found[:limit])], has_more=len(found) > limit)

    def head(self) -> Head:
        """Where the chain ends. Raises StoreError where that is lost."""
        with self._session.read() as connection:
            return _head(connection)

    def verify(self, noted: str | None = None) -> Verification:
        """Walk the chain; does it have the hash `noted`? Raises StoreError."""
        with self._session.read() as connection:
            head = _head(connection)
            walk = select(rows).where(rows.c.number <= head.entries).order_by(rows.c.number)
            with connection.execute(walk, execution_options={"yield_per": AT_ONCE}) as found:
                bad = verify(map(_read, found.mappings()), head)
            bad = bad or connection.scalar(select(func.min(rows.c.number)).where(rows.c.number > head.entries))
            contains = None if noted is None else _contains(connection, noted)
        return Verification(**head.model_dump(), first_bad=bad, contains=contains)


def append(
    connection: Connection,
    clock: Clock,
    *,
    action: AuditAction,
    target: str,
    from_value: str | None = None,
    to_value: str | None = None,
    reason: str | None = None,
) -> None:
    """Write the next entry, for whoever is `acting`; for use inside the transaction of what it tells of.

    Never hand in words of a document: an entry is kept for good. Raises StoreError.
    """
    head, actor = _head(connection), acting.get()
    bare = Entry(
        number=head.entries + 1,
        at=clock.now().astimezone(UTC).isoformat(timespec="microseconds"),
        action=action,
        target=target,
        from_value=from_value,
        to_value=to_value,
        reason=reason,
        who=actor.name,
        request_id=actor.request_id,
        previous=head.hash,
    )
    entry = bare.model_copy(update={"hash": digest(bare)})
    connection.execute(rows.insert().values(**entry.model_dump()))
    connection.execute(update(heads).values(entries=entry.number, hash=entry.hash))


def _read(row: RowMapping) -> Entry:
    """What somebody has made no text of is shown as Python writes it, which its hash does not stand for."""
    values = {name: value if isinstance(value, str | int | None) else repr(value) for name, value in row.items()}
    return Entry.model_validate(values)


def _head(connection: Connection) -> Head:
    row = connection.execute(select(heads.c.entries, heads.c.hash)).one_or_none()
    if row is None:
        raise StoreError("the head of the audit is gone from the database: restore a backup")
    return Head(entries=row.entries, hash=row.hash)


def _contains(connection: Connection, hash: str) -> bool:
    there = select(rows.c.number).where(rows.c.hash == hash).limit(1)
    return hash == GENESIS or connection.scalar(there) is not None

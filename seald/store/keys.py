"""Keys, by the hashes of their secrets; all of them are held in memory, too, since every request asks for one."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, func, select, update

from seald.domain.key import Key, KeyAsk, hash_of
from seald.errors import NotFound, StoreError
from seald.ports import Clock, Page
from seald.store import audit
from seald.store.key_tables import keys as rows
from seald.store.session import Session, next_number, numbered_page
from seald.store.tables import Row

MOMENTS = ("created", "expires", "revoked")


class SqlKeys:
    """Fulfils the port `KeyStore`. Raises StoreError where the keys that are there cannot be read."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._known = self._all()

    def create(self, ask: KeyAsk, secret: str) -> Key:
        """Store a key. Raises InvalidRequest."""
        key = Key.of(ask, secret, self._clock.now())
        with self._remembering(key) as connection:
            if connection.scalar(select(func.count()).select_from(rows)) == 0:
                ask.require_first()
            values = key.model_dump(mode="json", exclude={*MOMENTS}) | {name: getattr(key, name) for name in MOMENTS}
            connection.execute(rows.insert().values(**values, number=next_number(connection, rows.c.number)))
            granted = {"to_value": key.granted(), "reason": ask.reason}
            audit.append(connection, self._clock, action="key_created", target=key.id, **granted)
        return key

    def find(self, secret: str) -> Key | None:
        """By the hash, whose bits whoever asks cannot choose: how long a look-up takes says nothing of a secret."""
        digest = hash_of(secret)
        key = self._known.get(digest)
        if key is None or not hmac.compare_digest(key.sha256, digest) or not key.usable(self._clock.now()):
            return None
        return key

    def ever(self) -> bool:
        """Whether any key was ever created."""
        return bool(self._known)

    def any_usable(self) -> bool:
        """Whether any key is neither revoked nor expired."""
        now = self._clock.now()
        return any(key.usable(now) for key in list(self._known.values()))

    def get(self, id: str) -> Key:
        """Raises NotFound."""
        with self._session.read() as connection:
            return _find(connection, id)

    def page(self, *, after: str | None, limit: int) -> Page[Key]:
        """Oldest first, revoked ones, too. Raises NotFound when `after` is none."""
        with self._session.read() as connection:
            found, more = numbered_page(connection, rows, select(rows), after=after, limit=limit, noun="key")
        return Page(data=[_read(row) for row in found], has_more=more)

    def revoke(self, id: str, *, reason: str | None = None) -> Key:
        """Twice is once. Raises NotFound."""
        now, key = self._clock.now(), self.get(id)
        with self._remembering(key if key.revoked else key.model_copy(update={"revoked": now})) as connection:
            unrevoked = (rows.c.id == id) & rows.c.revoked.is_(None)
            done = connection.execute(update(rows).where(unrevoked).values(revoked=now))
            key = _find(connection, id)
            if done.rowcount:
                states = {"from_value": "usable", "to_value": "revoked"}
                audit.append(connection, self._clock, action="key_revoked", target=id, reason=reason, **states)
        return key

    @contextmanager
    def _remembering(self, key: Key) -> Iterator[Connection]:
        """A transaction that leaves `key` so, also in memory. Where nobody can say whether it was made, the database is
        asked; where that says nothing, `key` counts: a key may be revoked too early, never too late."""
        try:
            with self._session.write() as connection:
                yield connection
        except StoreError:
            self._known[key.sha256] = key
            with suppress(StoreError):
                there = self._all().get(key.sha256)
                if there is None:
                    del self._known[key.sha256]
                else:
                    self._known[key.sha256] = there
            raise
        self._known[key.sha256] = key

    def _all(self) -> dict[str, Key]:
        with self._session.read() as connection:
            return {row.sha256: _read(row) for row in connection.execute(select(rows))}


def _find(connection: Connection, id: str) -> Key:
    row = connection.execute(select(rows).where(rows.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no key {id[:200]!r}; GET /v1/keys lists them", param="id")
    return _read(row)


def _read(row: Row) -> Key:
    values = dict(row._mapping)
    del values["number"]
    return Key.model_validate(values)

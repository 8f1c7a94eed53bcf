"""Keys, by the hashes of their secrets; all of them are held in memory, too, since every request asks for one."""

from __future__ import annotations

import hmac

from sqlalchemy import Connection, func, select, update

from seald.domain.key import Key, KeyAsk, hash_of
from seald.errors import NotFound
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
        with session.read() as connection:
            self._known = {row.sha256: _read(row) for row in connection.execute(select(rows))}

    def create(self, ask: KeyAsk, secret: str) -> Key:
        """Store a key. Raises InvalidRequest."""
        key = Key.of(ask, secret, self._clock.now())
        with self._session.write() as connection:
            if connection.scalar(select(func.count()).select_from(rows)) == 0:
                ask.require_first()
            values = key.model_dump(mode="json", exclude={*MOMENTS}) | {name: getattr(key, name) for name in MOMENTS}
            connection.execute(rows.insert().values(**values, number=next_number(connection, rows.c.number)))
            audit.append(connection, self._clock, action="key_created", target=key.id)
        self._known[key.sha256] = key
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

    def revoke(self, id: str) -> Key:
        """Twice is once. Raises NotFound."""
        with self._session.write() as connection:
            unrevoked = (rows.c.id == id) & rows.c.revoked.is_(None)
            done = connection.execute(update(rows).where(unrevoked).values(revoked=self._clock.now()))
            key = _find(connection, id)
            if done.rowcount:
                audit.append(connection, self._clock, action="key_revoked", target=id)
        self._known[key.sha256] = key
        return key


def _find(connection: Connection, id: str) -> Key:
    row = connection.execute(select(rows).where(rows.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no key {id[:200]!r}; GET /v1/keys lists them", param="id")
    return _read(row)


def _read(row: Row) -> Key:
    values = dict(row._mapping)
    del values["number"]
    return Key.model_validate(values)

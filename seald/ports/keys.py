"""Keys, as they are kept."""

from __future__ import annotations

from typing import Protocol

from seald.domain.key import Key, KeyAsk
from seald.ports.documents import Page


class KeyStore(Protocol):
    """Keys, of whose secrets only hashes are kept."""

    def create(self, ask: KeyAsk, secret: str) -> Key:
        """Store a key with this secret, which must be new.

        Raises InvalidRequest: it would have expired already; or, code `first_key_must_be_admin`, no key was there
        before and this one could make no others.
        """
        ...

    def find(self, secret: str) -> Key | None:
        """The key with this secret, if it is neither revoked nor expired. Waits for no disk."""
        ...

    def ever(self) -> bool:
        """Whether any key was ever created. Waits for no disk."""
        ...

    def any_usable(self) -> bool:
        """Whether any key is neither revoked nor expired."""
        ...

    def get(self, id: str) -> Key:
        """Raises NotFound."""
        ...

    def page(self, *, after: str | None, limit: int) -> Page[Key]:
        """Oldest first, those after the key `after`, revoked ones, too. Raises NotFound when `after` is none."""
        ...

    def revoke(self, id: str, *, reason: str | None = None) -> Key:
        """From now on nobody finds it; `reason` goes into the audit. Twice is once. Raises NotFound."""
        ...

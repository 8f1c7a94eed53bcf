"""What keeps a request that is sent twice from being done twice, as a Protocol."""

from __future__ import annotations

from typing import Protocol

from seald.domain.receipt import Receipt


class Receipts(Protocol):
    """Answers to requests that came with an Idempotency-Key, for a day. Raises StoreError."""

    def begin(self, id: str, fingerprint: str, *, repeatable: bool) -> Receipt | None:
        """What there is under `id`; None: nothing, and the caller, who must end with one of the others, is at work
        on it now. `repeatable`: what was broken off may be begun again."""
        ...

    def keep(self, id: str, status: int, body: str | None) -> None:
        """This was answered. `body` None: it may not be kept."""
        ...

    def drop(self, id: str) -> None:
        """Nothing was done."""
        ...

    def leave(self, id: str) -> None:
        """Nobody knows what was done: as if the daemon had ended meanwhile."""
        ...

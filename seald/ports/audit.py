"""The audit, as it is kept."""

from __future__ import annotations

from typing import Protocol

from seald.domain.audit import AuditAction, Entry, Head, Verification
from seald.ports.documents import Page


class AuditTrail(Protocol):
    """Who decided what. Entries are written by the other stores, each in the transaction of its change."""

    def page(self, *, target: str | None, action: AuditAction | None, after: int, limit: int) -> Page[Entry]:
        """Oldest first, those with a number above `after`."""
        ...

    def head(self) -> Head:
        """Where the chain ends. Raises StoreError where that is lost."""
        ...

    def verify(self, noted: str | None = None) -> Verification:
        """Read the whole chain; does it have the hash `noted`? Raises StoreError."""
        ...

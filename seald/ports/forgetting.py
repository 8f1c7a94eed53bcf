"""Taking documents back, as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion
from seald.domain.certificate import Certificate
from seald.domain.document import Document


class ForgettingStore(Protocol):
    """Tombstones, who knew what, and certificates."""

    def known_by(self, document: str) -> list[AdapterVersion]:
        """Every version whose weights saw the document: it learned it, or it started from one that did, oldest first.

        Raises NotFound for an unknown document.
        """
        ...

    def ways_back(self, document: str) -> list[AdapterVersion] | None:
        """Approved ancestors of the live version that never saw the document, nearest first; behind the last of them
        is the base. None: what is live does not know it."""
        ...

    def dropped_as_copies(self, document: str) -> list[Document]:
        """Documents of its collection of which lines were not trained on because they were there already, or none at
        all was left."""
        ...

    def learned_by(self, document: str) -> list[str]:
        """Adaptations that were to learn it, whatever became of them."""
        ...

    def retrained_by(self, document: str) -> list[str]:
        """Retrainings that had a passage of it as a lesson, or went by a policy that learned from it, oldest first."""
        ...

    def begin(
        self, document: str, *, to: int | None, copies: Sequence[str], reason: str | None = None
    ) -> tuple[Adaptation, bool]:
        """In one transaction: the document becomes a tombstone, versions that knew it are retired or rejected,
        whatever else was being made of it is stopped (and begun anew where it learns something else), the live
        pointer moves to `to` (None: the base) if what is live knows it, `copies` are queued to be learned again,
        and the adaptation that rebuilds without it is queued. Retrainings under way that `retrained_by` lists fail
        (code `document_forgotten`), and a learned policy that learned from it no longer writes. `reason` goes
        into the audit. Twice is once: then `False`.

        Raises NotFound for an unknown document.
        """
        ...

    def adaptation_of(self, document: str) -> Adaptation:
        """The adaptation that took the document back. Raises NotFound when none did."""
        ...

    def has_to_rebuild(self, adaptation: Adaptation) -> bool:
        """Whether something that was live beside the document is no longer, and must be learned again."""
        ...

    def unsettled(self) -> list[Adaptation]:
        """Those that took back a document, are over, and have not left a certificate with every byte gone, in
        collections where no other is still at work."""
        ...

    def erase(self, certificate: Certificate) -> Certificate:
        """In one transaction: delete or empty every row that could quote the document, and store the certificate with
        the number of these. Documents whose rebuild came to nothing are queued to be learned again.
        There already: that one is returned."""
        ...

    def scrub(self, document: str) -> None:
        """Leave no byte of it in the database's files. Raises StoreError: not yet, try again."""
        ...

    def certificate(self, document: str) -> Certificate | None:
        """None: there is none yet."""
        ...

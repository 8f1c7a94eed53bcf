"""Documents, probes, the ledger and adaptations, as they are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from seald.domain.adaptation import Adaptation, AdaptationEvent, AdaptationStatus
from seald.domain.document import Document
from seald.domain.probe import Probe, Split
from seald.domain.self_edit import SelfEdit

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, oldest first."""

    data: list[T]
    has_more: bool


class DocumentStore(Protocol):
    """Documents with their passages.

    Here as in the other stores, `within` names the collections of which there is anything for whoever asks; None: of
    all. What is not of them is not found, as if it were not there.
    """

    def add(self, document: Document, probes: Sequence[Probe]) -> tuple[Document, Adaptation, bool]:
        """Store a document, the client's probes and a queued adaptation in one transaction.

        Content that is there already adds nothing and returns what is there, `False`; only where its last
        adaptation failed or was cancelled is a new one queued.
        Content that was forgotten is as new.
        Raises NotFound when `document.supersedes` names no document of the collection, Conflict when another one
        supersedes that already (code `already_superseded`) or while the content is being forgotten
        (`being_forgotten`).
        """
        ...

    def get(self, id: str, *, within: Collection[str] | None = None) -> Document:
        """Raises NotFound."""
        ...

    def latest_adaptation(self, id: str) -> Adaptation:
        """The adaptation that last took up this document. Raises NotFound."""
        ...

    def superseded_by(self, id: str) -> str | None:
        """The document that supersedes this one, unless it was forgotten."""
        ...

    def page(
        self, *, collection: str | None, after: str | None, limit: int, within: Collection[str] | None = None
    ) -> Page[Document]:
        """Oldest first, those after the document `after`, without forgotten ones. Raises NotFound when `after` is
        none."""
        ...


class AdaptationStore(Protocol):
    """Adaptations, moved by guarded updates, with an event row in the same transaction."""

    def get(self, id: str, *, within: Collection[str] | None = None) -> Adaptation:
        """Raises NotFound."""
        ...

    def page(
        self,
        *,
        collection: str | None,
        status: AdaptationStatus | None,
        after: str | None,
        limit: int,
        within: Collection[str] | None = None,
    ) -> Page[Adaptation]:
        """Oldest first, those after the adaptation `after`."""
        ...

    def next_runnable(self) -> Adaptation | None:
        """The oldest one that is neither terminal nor held; one that was begun before one that is queued."""
        ...

    def move(
        self,
        id: str,
        before: AdaptationStatus,
        after: AdaptationStatus,
        *,
        figures: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> Adaptation:
        """`UPDATE … WHERE status = before`, figures merged in, event `status` written beside it; `reason` goes into the
        audit where a person decides.

        Raises IllegalTransition when the move is not legal or somebody moved it first.
        """
        ...

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        """Append an event."""
        ...

    def add_figures(self, id: str, figures: dict[str, Any]) -> None:
        """Merge figures into the adaptation's."""
        ...

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[AdaptationEvent]:
        """Events with a `seq` above `after`, oldest first. Raises NotFound for an unknown adaptation."""
        ...

    def request_cancel(self, id: str, *, reason: str | None = None) -> Adaptation:
        """Queued and held ones become cancelled at once, running ones when the pipeline next looks. `reason` goes into
        the audit.

        Raises NotFound; IllegalTransition from `promoting` on.
        """
        ...

    def latest_compaction(self, collection: str) -> Adaptation | None:
        """The compaction that was last queued, whatever became of it."""
        ...


class ProbeStore(Protocol):
    """Probes, frozen at ingest."""

    def add(self, probes: Sequence[Probe]) -> None:
        """Store those not yet there."""
        ...

    def of_documents(self, ids: Sequence[str], *, split: Split | None = "guard") -> list[Probe]:
        """These documents' probes of one split (None: of both), in a stable order. What judges asks for no other than
        `guard`, what pays the policy for no other than `reward`."""
        ...


class Ledger(Protocol):
    """Every self-edit of every adaptation, in order."""

    def add(self, edit: SelfEdit) -> SelfEdit:
        """Store it once per `edit.key`, giving it the collection's next position when it has lines."""
        ...

    def of_adaptation(self, id: str) -> list[SelfEdit]:
        """In the order they were written."""
        ...

    def promoted(self, collection: str, documents: Sequence[str]) -> list[SelfEdit]:
        """Entries for these documents whose adaptation was promoted, by position. Compactions write none."""
        ...

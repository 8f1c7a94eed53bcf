"""The documented objects, as clients see them. Times are Unix seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, Field

from seald.domain.adaptation import Adaptation, AdaptationEvent, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterStatus, AdapterVersion, Manifest
from seald.domain.collection import Collection, CollectionSettings
from seald.domain.document import Document
from seald.domain.verdict import Verdict
from seald.ports import BASE

T = TypeVar("T")


def unix(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())


class Listing(BaseModel, Generic[T]):
    """One page, oldest first."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool = False


class ModelObject(BaseModel):
    """A model id that may be asked for, and the version that would answer now."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["seald"] = "seald"
    adapter: str


class DocumentObject(BaseModel):
    """A document. `status` is that of `adaptation`, the one that last took it up."""

    id: str
    object: Literal["document"] = "document"
    title: str
    collection: str
    sha256: str
    status: AdaptationStatus
    adaptation: str
    source: str | None
    supersedes: str | None
    metadata: dict[str, Any]
    created: int

    @classmethod
    def of(cls, document: Document, adaptation: Adaptation, **more: Any) -> Self:
        """Shape a document."""
        known = document.model_dump(include={"id", "title", "collection", "sha256", "source", "supersedes", "metadata"})
        created = unix(document.created)
        return cls(**known, status=adaptation.status, adaptation=adaptation.id, created=created, **more)


class DocumentDetail(DocumentObject):
    """A document with its text, and the number of passages it is studied in."""

    text: str
    passages: int


class VerdictObject(BaseModel):
    """What one guard found."""

    guard: str
    verdict: str
    figures: dict[str, Any]
    reason: str

    @classmethod
    def all_of(cls, verdicts: list[Verdict]) -> list[VerdictObject]:
        """Shape a version's verdicts."""
        return [cls(**verdict.model_dump()) for verdict in verdicts]


class AdaptationObject(BaseModel):
    """An adaptation. `version` and `parent` are numbers; a `parent` of null is the base model."""

    id: str
    object: Literal["adaptation"] = "adaptation"
    kind: AdaptationKind
    status: AdaptationStatus
    collection: str
    documents: list[str]
    version: int | None
    parent: int | None
    verdicts: list[VerdictObject]
    figures: dict[str, Any]
    error: dict[str, Any] | None
    created: int
    finished: int | None

    @classmethod
    def of(cls, adaptation: Adaptation, verdicts: list[Verdict]) -> AdaptationObject:
        """Shape an adaptation."""
        return cls(
            **adaptation.model_dump(include={"id", "kind", "status", "collection", "version", "parent"}),
            **adaptation.model_dump(include={"figures", "error"}),
            documents=list(adaptation.documents),
            verdicts=VerdictObject.all_of(verdicts),
            created=unix(adaptation.created),
            finished=unix(adaptation.finished) if adaptation.finished is not None else None,
        )


class EventObject(BaseModel):
    """Something that happened to an adaptation. `at` is in Unix seconds, with fractions."""

    seq: int
    at: float
    type: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: AdaptationEvent) -> EventObject:
        """Shape an event."""
        return cls(seq=event.seq, at=event.at.timestamp(), type=event.type, data=event.data)


class AdapterObject(BaseModel):
    """An adapter version. `id` is its label; `replaces` is the version that it was to take the place of (null: the
    base), which is its `parent`, too, unless a compaction rebuilt it from the base."""

    id: str
    object: Literal["adapter"] = "adapter"
    collection: str
    version: int
    live: bool
    status: AdapterStatus
    parent: int | None
    replaces: int | None
    adaptation: str
    documents: list[str]
    sha256: str | None
    created: int
    verdicts: list[VerdictObject]

    @classmethod
    def of(cls, version: AdapterVersion, verdicts: list[Verdict], **more: Any) -> Self:
        """Shape a version."""
        return cls(
            **version.model_dump(include={"collection", "version", "live", "status", "parent", "replaces", "sha256"}),
            id=version.label,
            adaptation=version.adaptation_id,
            documents=list(version.documents),
            created=unix(version.created),
            verdicts=VerdictObject.all_of(verdicts),
            **more,
        )


class AdapterDetail(AdapterObject):
    """A version with its manifest (null: no files). `verified` is null unless verification was asked for."""

    manifest: Manifest | None
    verified: bool | None = None
    verify_error: str | None = None


class CollectionObject(BaseModel):
    """A collection. `live` is the label that answers now; `changed` is null where nothing was ever set."""

    id: str
    object: Literal["collection"] = "collection"
    name: str
    live: str
    documents: int
    settings: CollectionSettings
    changed: int | None

    @classmethod
    def of(cls, collection: Collection, live: AdapterVersion | None) -> Self:
        """Shape a collection."""
        return cls(
            id=collection.name,
            name=collection.name,
            live=live.label if live is not None else BASE,
            documents=collection.documents,
            settings=collection.settings,
            changed=unix(collection.changed) if collection.changed is not None else None,
        )


class RollbackObject(BaseModel):
    """A rollback that was done. Versions are numbers, 0 is the base; `live` is the label that answers now."""

    object: Literal["rollback"] = "rollback"
    collection: str
    from_: int = Field(serialization_alias="from")
    to: int
    live: str
    seconds: float

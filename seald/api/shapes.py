"""The documented objects, as clients see them. Times are Unix seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, Field

from seald.domain.adaptation import Adaptation, AdaptationKind, AdaptationStatus
from seald.domain.adapter import AdapterStatus, AdapterVersion, Manifest
from seald.domain.certificate import Certificate
from seald.domain.collection import Collection, CollectionSettings
from seald.domain.document import Document
from seald.domain.explanation import Explanation, explain
from seald.domain.feedback import Feedback, Rating, Ratings
from seald.domain.verdict import Verdict
from seald.domain.watch import Watch, WatchAction, WatchOutcome
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
    """A document. `status` is that of `adaptation`, the one that last took it up. `superseded_by` is the document that
    takes its place once that is promoted."""

    id: str
    object: Literal["document"] = "document"
    title: str
    collection: str
    sha256: str
    status: AdaptationStatus
    adaptation: str
    source: str | None
    supersedes: str | None
    superseded_by: str | None
    metadata: dict[str, Any]
    created: int

    @classmethod
    def of(cls, document: Document, adaptation: Adaptation, superseded_by: str | None, **more: Any) -> Self:
        """Shape a document."""
        known = document.model_dump(include={"id", "title", "collection", "sha256", "source", "supersedes", "metadata"})
        created = unix(document.created)
        taken_up = {"status": adaptation.status, "adaptation": adaptation.id}
        return cls(**known, **taken_up, superseded_by=superseded_by, created=created, **more)


class DocumentDetail(DocumentObject):
    """A document with its text, and the number of passages it is studied in."""

    text: str
    passages: int


class DeletedDocument(BaseModel):
    """A document that no live version knows any more. `adaptation` rebuilds without it."""

    id: str
    object: Literal["document"] = "document"
    deleted: Literal[True] = True
    adaptation: str


class ForgottenDocument(DeletedDocument):
    """What is left of a document. `certificate` is null until the adaptation has been rebuilt and checked."""

    collection: str
    forgotten: int
    certificate: Certificate | None


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
    """An adaptation. `version` and `parent` are numbers; a `parent` of null is the base model. `forgets` is the
    document that it takes back; `documents` are then those that it rebuilds."""

    id: str
    object: Literal["adaptation"] = "adaptation"
    kind: AdaptationKind
    status: AdaptationStatus
    collection: str
    documents: list[str]
    forgets: str | None
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
            **adaptation.model_dump(include={"figures", "error", "forgets"}),
            documents=list(adaptation.documents),
            verdicts=VerdictObject.all_of(verdicts),
            created=unix(adaptation.created),
            finished=unix(adaptation.finished) if adaptation.finished is not None else None,
        )


class AdaptationDetail(AdaptationObject):
    """An adaptation with what a person would want to read of it."""

    explanation: Explanation

    @classmethod
    def explained(cls, adaptation: Adaptation, verdicts: list[Verdict]) -> AdaptationDetail:
        """Shape an adaptation, and say how it came to stand where it stands."""
        shaped = AdaptationObject.of(adaptation, verdicts)
        return cls(**shaped.model_dump(), explanation=explain(adaptation, verdicts))


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
    feedback: Ratings

    @classmethod
    def of(cls, version: AdapterVersion, verdicts: list[Verdict], feedback: Ratings, **more: Any) -> Self:
        """Shape a version."""
        return cls(
            **version.model_dump(include={"collection", "version", "live", "status", "parent", "replaces", "sha256"}),
            id=version.label,
            adaptation=version.adaptation_id,
            documents=list(version.documents),
            created=unix(version.created),
            verdicts=VerdictObject.all_of(verdicts),
            feedback=feedback,
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


class FeedbackObject(BaseModel):
    """A rating of an answer. `adapter` is the label of what answered; a `version` of null is the base, and `collection`
    is null, too, where the model `base` itself was asked."""

    object: Literal["feedback"] = "feedback"
    request_id: str
    rating: Rating
    adapter: str
    collection: str | None
    version: int | None

    @classmethod
    def of(cls, given: Feedback) -> FeedbackObject:
        """Shape a rating."""
        return cls(
            request_id=given.request,
            rating=given.rating,
            adapter=given.label,
            collection=given.collection or None,
            version=given.version,
        )


class FeedbackDetail(FeedbackObject):
    """A rating with what was said to it. `id` is its number in letters, to list after."""

    id: str
    comment: str | None
    at: int

    @classmethod
    def numbered(cls, seq: int, given: Feedback) -> FeedbackDetail:
        """Shape a rating of a list."""
        plain = FeedbackObject.of(given).model_dump()
        return cls(**plain, id=str(seq), comment=given.comment, at=unix(given.at))


class WatchObject(BaseModel):
    """One look at a live version after its promotion. `id` is its number in letters, to list after."""

    id: str
    object: Literal["watch"] = "watch"
    collection: str
    version: int
    outcome: WatchOutcome
    action: WatchAction
    reason: str
    figures: dict[str, Any]
    at: int

    @classmethod
    def of(cls, watch: Watch) -> WatchObject:
        """Shape a watch; which probes it put is nobody's business."""
        known = watch.model_dump(exclude={"seq", "probes", "at"})
        return cls(id=str(watch.seq), at=unix(watch.at), **known)

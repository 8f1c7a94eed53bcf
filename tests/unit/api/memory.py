"""The stores' Protocols in memory: the routes are tested apart from SQL and from the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from seald.domain.adaptation import RUNNABLE, Adaptation, AdaptationEvent, AdaptationStatus, check_transition
from seald.domain.adapter import AdapterStatus, AdapterVersion, Manifest
from seald.domain.collection import Collection, CollectionSettings
from seald.domain.document import Document, Passage, content_hash, document_id
from seald.domain.feedback import Answer, Feedback, Rating, Ratings, version_of
from seald.domain.task import LINEAGE
from seald.domain.verdict import Verdict
from seald.domain.watch import Watch
from seald.errors import Conflict, IllegalTransition, IntegrityError, NotFound
from seald.ports import Page

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
S = AdaptationStatus
T = TypeVar("T")


def page_of(items: Sequence[T], key: Callable[[T], str], after: str | None, limit: int) -> Page[T]:
    keys = [key(item) for item in items]
    if after is not None and after not in keys:
        raise NotFound(f"there is no {after}", param="after")
    rest = items[keys.index(after) + 1 if after is not None else 0 :]
    return Page(list(rest[:limit]), has_more=len(rest) > limit)


class MemoryAdaptations:
    def __init__(self) -> None:
        self.rows: dict[str, Adaptation] = {}
        self.log: list[AdaptationEvent] = []

    def add(self, id: str, status: S = S.QUEUED, **more: Any) -> Adaptation:
        row = {"id": id, "collection": "default", "documents": ("doc-1",), "status": status, "created": NOON, **more}
        self.rows[id] = Adaptation.model_validate(row)
        self.note(id, "status", {"status": str(status)})
        return self.rows[id]

    def get(self, id: str) -> Adaptation:
        if id not in self.rows:
            raise NotFound(f"there is no adaptation {id}")
        return self.rows[id]

    def page(self, *, collection: str | None, status: S | None, after: str | None, limit: int) -> Page[Adaptation]:
        rows = [r for r in self.rows.values() if collection in (None, r.collection) and status in (None, r.status)]
        return page_of(rows, lambda row: row.id, after, limit)

    def next_runnable(self) -> Adaptation | None:
        return next((row for row in self.rows.values() if row.status in RUNNABLE), None)

    def move(
        self, id: str, before: S, after: S, *, figures: Any = None, error: Any = None, reason: Any = None
    ) -> Adaptation:
        if self.get(id).status is not before:
            raise IllegalTransition(f"{id} is {self.get(id).status}, not {before}")
        check_transition(before, after)
        figures = {**self.rows[id].figures, **(figures or {})}
        self.rows[id] = self.rows[id].model_copy(update={"status": after, "error": error, "figures": figures})
        self.note(id, "status", {"status": str(after)})
        return self.rows[id]

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        self.log.append(AdaptationEvent(seq=len(self.log) + 1, adaptation_id=id, at=NOON, type=type, data=data))

    def add_figures(self, id: str, figures: dict[str, Any]) -> None:
        self.rows[id] = self.rows[id].model_copy(update={"figures": figures})

    def events(self, id: str, *, after: int = 0, limit: int = 1000) -> list[AdaptationEvent]:
        self.get(id)
        return [event for event in self.log if event.adaptation_id == id and event.seq > after][:limit]

    def request_cancel(self, id: str, *, reason: str | None = None) -> Adaptation:
        if self.get(id).status in (S.QUEUED, S.HELD):
            return self.move(id, self.get(id).status, S.CANCELLED)
        if self.get(id).status not in RUNNABLE - {S.PROMOTING}:
            raise IllegalTransition(f"{id} is {self.get(id).status}")
        self.rows[id] = self.rows[id].model_copy(update={"cancel_requested": True})
        return self.rows[id]


class MemoryDocuments:
    def __init__(self, adaptations: MemoryAdaptations) -> None:
        self.rows: dict[str, Document] = {}
        self.probes: list[Any] = []
        self._adaptations = adaptations

    def add(self, document: Document, probes: Sequence[Any]) -> tuple[Document, Adaptation, bool]:
        if document.id in self.rows:
            return self.rows[document.id], self.latest_adaptation(document.id), False
        self.rows[document.id] = document
        self.probes += probes
        about = {"documents": (document.id,), "collection": document.collection}
        return document, self._adaptations.add(f"adaptation-{len(self.rows)}", **about), True

    def get(self, id: str) -> Document:
        if id not in self.rows:
            raise NotFound(f"there is no document {id}")
        return self.rows[id]

    def latest_adaptation(self, id: str) -> Adaptation:
        return [row for row in self._adaptations.rows.values() if id in row.documents][-1]

    def superseded_by(self, id: str) -> str | None:
        return next((row.id for row in self.rows.values() if row.supersedes == id), None)

    def page(self, *, collection: str | None, after: str | None, limit: int) -> Page[Document]:
        rows = [row for row in self.rows.values() if collection in (None, row.collection)]
        return page_of(rows, lambda row: row.id, after, limit)


class MemoryAdapters:
    def __init__(self, adaptations: MemoryAdaptations) -> None:
        self.rows: list[AdapterVersion] = []
        self.found: dict[tuple[str, int], list[Verdict]] = {}
        self.reasons: list[str | None] = []
        self._adaptations = adaptations

    def add(self, version: int, status: AdapterStatus = AdapterStatus.APPROVED, **more: Any) -> AdapterVersion:
        row = {"collection": "default", "version": version, "status": status, "parent": None, "created": NOON}
        about = {"adaptation_id": f"adaptation-{version}", "documents": ("doc-1",), "sha256": f"{version:064x}"}
        self.rows.append(AdapterVersion.model_validate({**row, **about, **more}))
        return self.rows[-1]

    def get(self, collection: str, version: int) -> AdapterVersion:
        for row in self.of_collection(collection):
            if row.version == version:
                return row
        raise NotFound(f"there is no {collection}@{version}")

    def of_collection(self, collection: str) -> list[AdapterVersion]:
        return [row for row in self.rows if row.collection == collection]

    def collections(self) -> list[str]:
        return sorted({row.collection for row in self.rows if not row.collection.startswith(LINEAGE)})

    def lineages(self) -> list[str]:
        return sorted({row.collection for row in self.rows})

    def live(self, collection: str) -> AdapterVersion | None:
        return next((row for row in self.of_collection(collection) if row.live), None)

    def all_live(self) -> list[AdapterVersion]:
        return [row for row in self.rows if row.live]

    def verdicts(self, collection: str, version: int) -> list[Verdict]:
        return self.found.get((collection, version), [])

    def reject(self, adaptation_id: str, *, error: dict[str, Any] | None, reason: str | None = None) -> None:
        self._adaptations.move(adaptation_id, S.HELD, S.REJECTED, error=error)

    def roll_back(self, collection: str, to: int | None, reason: str | None) -> AdapterVersion | None:
        self.reasons.append(reason)
        live = self.live(collection)
        if live is None:
            raise Conflict("there is nothing to go back to")
        target = (live.parent or 0) if to is None else to
        found = self.get(collection, target) if target else None
        self.rows = [
            row.model_copy(update={"live": row == found}) if row.collection == collection else row for row in self.rows
        ]
        return found and self.get(collection, target)


class NoKeys:
    """No key was ever created: the daemon is open."""

    def ever(self) -> bool:
        return False


class MemoryCollections:
    def __init__(self) -> None:
        self.rows: dict[str, Collection] = {}

    def all(self) -> list[Collection]:
        return list(self.rows.values())

    def get(self, name: str) -> Collection:
        if name not in self.rows:
            raise NotFound(f"there is no collection {name}", param="name")
        return self.rows[name]

    def settings(self, name: str) -> CollectionSettings:
        return self.rows[name].settings if name in self.rows else CollectionSettings()

    def put(self, name: str, settings: CollectionSettings) -> Collection:
        self.rows[name] = Collection(name=name, settings=settings, changed=NOON)
        return self.rows[name]


class FolderFiles:
    """Folders below a temporary one; `verify` believes the manifest unless `broken`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.broken = False

    def folder(self, collection: str, version: int) -> Path:
        return self.root / collection / str(version)

    def verify(self, version: AdapterVersion) -> Manifest:
        path = self.folder(version.collection, version.version) / "manifest.json"
        if not path.exists():
            raise IntegrityError("there is no folder")
        if self.broken:
            raise IntegrityError("adapter_model.safetensors is not what its manifest says")
        return Manifest.model_validate_json(path.read_bytes())


class MemoryAnswers:
    """Notes are there at once; `flush` has nothing to do."""

    def __init__(self) -> None:
        self.noted: dict[str, Answer] = {}

    def note(self, request: str, model: str, label: str) -> None:
        collection, version = version_of(model, label)
        self.noted[request] = Answer(request=request, collection=collection, version=version, at=NOON)

    def find(self, request: str) -> Answer:
        if request not in self.noted:
            raise NotFound(f"no answer {request}", param="request_id", code="unknown_request")
        return self.noted[request]

    def flush(self) -> None:
        return

    def prune(self, keep: timedelta, most: int) -> int:
        return 0


class MemoryFeedback:
    def __init__(self) -> None:
        self.rows: dict[str, Feedback] = {}

    def rate(self, answer: Answer, rating: Rating, comment: str | None) -> tuple[Feedback, bool]:
        first = answer.request not in self.rows
        self.rows[answer.request] = Feedback(**answer.model_dump(), rating=rating, comment=comment)
        return self.rows[answer.request], first

    def of_collection(self, collection: str) -> dict[int | None, Ratings]:
        rows = [row for row in self.rows.values() if row.collection == collection]
        return {
            row.version: Ratings(
                up=sum(r.rating == 1 for r in rows if r.version == row.version),
                down=sum(r.rating == -1 for r in rows if r.version == row.version),
            )
            for row in rows
        }

    def page(self, *, collection: str | None, after: int, limit: int) -> Page[tuple[int, Feedback]]:
        rows = [(n, row) for n, row in enumerate(self.rows.values(), 1) if collection in (None, row.collection)]
        rows = [row for row in rows if row[0] > after]
        return Page(rows[:limit], has_more=len(rows) > limit)


class MemoryWatches:
    def __init__(self) -> None:
        self.rows: list[Watch] = []

    def add(self, watch: Watch) -> Watch:
        self.rows.append(watch.model_copy(update={"seq": len(self.rows) + 1}))
        return self.rows[-1]

    def page(self, collection: str, *, after: int, limit: int) -> Page[Watch]:
        rows = [row for row in self.rows if row.collection == collection and row.seq > after]
        return Page(rows[:limit], has_more=len(rows) > limit)


class PlainIngest:
    """Stores what it is given, and keeps the arguments."""

    def __init__(self, documents: MemoryDocuments) -> None:
        self._documents = documents
        self.seen: list[dict[str, Any]] = []
        self.fails: Exception | None = None

    def text(self, **given: Any) -> tuple[Document, Adaptation, bool]:
        if self.fails is not None:
            raise self.fails
        self.seen.append(given)
        sha256, kept = content_hash(given["text"]), ("collection", "title", "text", "source", "supersedes", "metadata")
        passage = Passage(index=0, text=given["text"], start=0, end=len(given["text"]))
        about = {"id": document_id(given["collection"], sha256), "sha256": sha256, "created": NOON}
        document = Document(**{name: given[name] for name in kept}, **about, passages=(passage,))
        return self._documents.add(document, given["probes"])

    def file(self, *, name: str, content: bytes, title: str | None, **given: Any) -> tuple[Document, Adaptation, bool]:
        return self.text(text=content.decode(), title=title or name, **given)

"""What the pipeline needs from outside, as Protocols. `daemon.py` injects what fulfils them.

The pipeline runs in a thread of its own and all of this is synchronous; only the path of a chat request
(`api/chat.py` → `serving/`) is asynchronous.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from seald.domain.adaptation import Adaptation, AdaptationEvent, AdaptationStatus
from seald.domain.adapter import AdapterVersion, Manifest
from seald.domain.document import Document
from seald.domain.probe import AnswerScore, Probe
from seald.domain.self_edit import SelfEdit
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.domain.verdict import Verdict

T = TypeVar("T")

BASE = "base"
"""The engine's name for the base model."""


@dataclass(frozen=True)
class Sampling:
    """How text is generated. `temperature` 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Continuation:
    """An answer to be scored: the user's `question`, the reply's first words `lead`, then `answer`."""

    question: str
    lead: str
    answer: str


@dataclass(frozen=True)
class Choice:
    """Two ways to go on after `lead`, told apart by their first tokens."""

    question: str
    lead: str
    answer: str
    wrong: str


@dataclass(frozen=True)
class Preference:
    """Log-probabilities (nats) of the first tokens of a choice's two ways, and of the most probable token of all; what
    is not among the engine's 20 most probable tokens has the log-probability of the last of them."""

    answer: float
    wrong: float
    best: float


@dataclass(frozen=True)
class Reply:
    """What a model answered, and whether it ended there by itself."""

    text: str
    ended: bool


class Engine(Protocol):
    """What serves, as the pipeline and the guards use it. `model` is BASE or an adapter's engine name.

    Raises EngineUnavailable or EngineRefused.
    """

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        """Answer each question as a chat of one user turn; same length and order as `questions`."""
        ...

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        """As `ask`, the likeliest token each time, and whether the reply ended by itself within `max_tokens`."""
        ...

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        """Log-probabilities of each item's answer tokens; same length and order as `items`."""
        ...

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        """How probable the two ways of each choice are; same length and order as `choices`."""
        ...


class Serving(Protocol):
    """Which adapter versions are resident in the engine, and which one answers for each collection."""

    def staged(self, version: AdapterVersion) -> AbstractContextManager[str]:
        """Verify the files, load them, run the canary; gives the engine name. Inside, it stays loaded.

        Raises IntegrityError, CanaryMismatch, EngineUnavailable or EngineRefused.
        """
        ...

    def route(self, collection: str, version: AdapterVersion | None) -> None:
        """Send new requests of `collection` to a staged version (None: base). Requests in flight finish where
        they began; versions no longer in use stay resident only up to `engine.keep_loaded`."""
        ...

    def discard(self, version: AdapterVersion) -> None:
        """Unload a version that will not serve (a rejected candidate)."""
        ...


@dataclass(frozen=True)
class Route:
    """Where one request goes: decided once, at its beginning, and true until its last byte."""

    model: str
    """The model id that the client asked for."""
    label: str
    """`<collection>@<n>` or `base`: the header `x-seald-adapter` and the `system_fingerprint`."""
    engine_name: str
    """What the engine is asked for."""
    replica: int = 0
    """Which of the engines answers."""


class Upstream(Protocol):
    """The engine's answer to one forwarded request, its body not yet read."""

    @property
    def status(self) -> int:
        """The engine's HTTP status."""
        ...

    async def read(self) -> bytes:
        """The whole body. Raises EngineUnavailable when the engine dies in the middle."""
        ...

    def parts(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes. Raises EngineUnavailable as `read` does."""
        ...


class Gateway(Protocol):
    """The chat side of serving: model ids to versions, requests to the engine. Used from the event loop."""

    def ask(
        self, model: str, path: str, body: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[tuple[Route, Upstream]]:
        """Hold the version that `model` names (a pinned one is loaded if need be) and POST `body`, its `model`
        replaced, to its engine's `path`. Leaving the context cancels what is not answered, and lets the version go.

        Raises NotFound (code `model_not_found`) for an unknown id, EngineUnavailable when nothing answers.
        """
        ...

    async def close(self) -> None:
        """Close the connections to the engines."""
        ...

    def model_ids(self) -> list[tuple[str, str]]:
        """`(model id, label)` of everything a client may ask for: base, the collections, every approved version."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether requests can be answered now, and if not, why."""
        ...


class Trainer(Protocol):
    """Runs one job at a time in a process of its own."""

    def train(
        self, job: TrainingJob, on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> TrainingResult:
        """Block until the job is done. A job whose output folder is already there returns its result.

        Raises TrainerKilled, TrainerFailed, or TrainerStopped when `cancelled` is set.
        """
        ...


class Clock(Protocol):
    """Time, so that tests can hold it."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, oldest first."""

    data: list[T]
    has_more: bool


class DocumentStore(Protocol):
    """Documents with their passages."""

    def add(self, document: Document, probes: Sequence[Probe]) -> tuple[Document, Adaptation, bool]:
        """Store a document, the client's probes and a queued adaptation in one transaction.

        Content that is there already adds nothing and returns what is there, `False`; only where its last
        adaptation failed or was cancelled is a new one queued.
        Raises NotFound when `document.supersedes` names no document of the collection.
        """
        ...

    def get(self, id: str) -> Document:
        """Raises NotFound."""
        ...

    def latest_adaptation(self, id: str) -> Adaptation:
        """The adaptation that last took up this document. Raises NotFound."""
        ...

    def page(self, *, collection: str | None, after: str | None, limit: int) -> Page[Document]:
        """Oldest first, those after the document `after`. Raises NotFound when `after` is none."""
        ...


class AdaptationStore(Protocol):
    """Adaptations, moved by guarded updates, with an event row in the same transaction."""

    def get(self, id: str) -> Adaptation:
        """Raises NotFound."""
        ...

    def page(
        self, *, collection: str | None, status: AdaptationStatus | None, after: str | None, limit: int
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
    ) -> Adaptation:
        """`UPDATE … WHERE status = before`, figures merged in, event `status` written beside it.

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

    def request_cancel(self, id: str) -> Adaptation:
        """Queued and held ones become cancelled at once, running ones when the pipeline next looks.

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

    def of_documents(self, ids: Sequence[str]) -> list[Probe]:
        """All probes of these documents, in a stable order."""
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


class AdapterStore(Protocol):
    """Adapter versions, their verdicts, and the live pointer of each collection."""

    def allot(self, adaptation: Adaptation) -> AdapterVersion:
        """Give the adaptation its version number, once. It replaces the live version of the moment, which is its
        parent, too, and gives it its documents besides its own. A compaction has no parent, and the documents of the
        live version become its own. Sets `version` and `parent` of the adaptation in the same transaction.

        Raises Conflict (code `nothing_to_compact`) for a compaction when the base is live.
        """
        ...

    def record_weights(self, collection: str, version: int, sha256: str, manifest_sha256: str) -> AdapterVersion:
        """The files are in place. Doing it again with the same hashes changes nothing."""
        ...

    def get(self, collection: str, version: int) -> AdapterVersion:
        """Raises NotFound."""
        ...

    def of_collection(self, collection: str) -> list[AdapterVersion]:
        """All versions, oldest first; empty when there are none."""
        ...

    def collections(self) -> list[str]:
        """Names of all collections that hold a document or a version, sorted."""
        ...

    def live(self, collection: str) -> AdapterVersion | None:
        """The version that serves; None is the base model."""
        ...

    def all_live(self) -> list[AdapterVersion]:
        """The live version of each collection that has one."""
        ...

    def add_verdict(self, collection: str, version: int, verdict: Verdict) -> None:
        """One a guard; writing it again replaces it."""
        ...

    def verdicts(self, collection: str, version: int) -> list[Verdict]:
        """In the order of GuardName."""
        ...

    def reject(self, adaptation_id: str, *, error: dict[str, Any] | None) -> None:
        """Candidate → rejected and adaptation → rejected, in one transaction. Twice is once."""
        ...

    def promote(self, adaptation_id: str) -> AdapterVersion:
        """In one transaction: candidate → approved, the live pointer moves from what it replaces to it, the adaptation
        becomes promoted. Raises Conflict when the live version is no longer the one it replaces."""
        ...

    def queue_compaction(self, collection: str, why: dict[str, Any]) -> tuple[Adaptation, bool]:
        """In one transaction: a queued compaction of the live version's documents, with `why` as its event, `True`;
        or the collection's open one (neither ended nor held), `False`.

        Raises NotFound for an unknown collection, Conflict (code `nothing_to_compact`) when the base is live.
        """
        ...

    def roll_back(self, collection: str, to: int | None, *, reason: str | None) -> AdapterVersion | None:
        """Move the live pointer to `to` (0: the base; None: the version that was live before this one).

        Raises NotFound, or Conflict when `to` was never approved or there is nothing to go back to.
        """
        ...

    def rollback_target(self, collection: str, to: int | None) -> AdapterVersion | None:
        """Where `roll_back` would go. Same errors; changes nothing."""
        ...


class AdapterFiles(Protocol):
    """Folders of adapter versions: written whole or not at all, read only when the manifest vouches."""

    def folder(self, collection: str, version: int) -> Path:
        """`adapters/<collection>/<n>/`, whether there or not."""
        ...

    def draft(self, adaptation_id: str) -> Path:
        """Where the trainer of this adaptation leaves its files: on the same filesystem as the versions."""
        ...

    def hashes(self, draft: Path) -> dict[str, str]:
        """File name → sha256 of the files that a manifest vouches for. Raises IntegrityError when one is missing."""
        ...

    def publish(self, draft: Path, manifest: Manifest) -> str:
        """Write the manifest into the trainer's folder, fsync, rename into place; return the manifest's sha256.
        Twice is once."""
        ...

    def verify(self, version: AdapterVersion) -> Manifest:
        """Hash every file against the manifest, and the manifest against what the store recorded of it.

        Raises IntegrityError, also when there is no folder."""
        ...

    def remove(self, collection: str, version: int) -> None:
        """Delete a version's folder; none there is fine."""
        ...

    def sweep(self, known: Sequence[AdapterVersion], running: Iterable[str]) -> list[Path]:
        """Delete folders that no version with weights owns, and drafts of adaptations that are not `running`;
        return what went."""
        ...

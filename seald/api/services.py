"""What the HTTP surface is wired to. `daemon.py` fills it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, Request

from seald.api.metrics import Sight
from seald.config import Settings
from seald.config.retraining import Subject
from seald.domain.adaptation import Adaptation
from seald.domain.adapter import AdapterVersion
from seald.domain.document import Document
from seald.domain.policy_version import PolicyVersion
from seald.domain.retraining import Retraining, RetrainingAsk
from seald.domain.task import Solved, Task, TaskAsk, Value
from seald.errors import Draining
from seald.ports import (
    AdaptationStore,
    AdapterFiles,
    AdapterStore,
    Answers,
    AuditTrail,
    CollectionStore,
    DocumentStore,
    EpisodeStore,
    FeedbackStore,
    ForgettingStore,
    Gateway,
    KeyStore,
    PolicyFiles,
    PolicyStore,
    Receipts,
    RetrainingStore,
    TaskStore,
    WatchStore,
)

Ingested = tuple[Document, Adaptation, bool]
"""The document, the adaptation that last took it up, and whether the document is new."""


class Ingesting(Protocol):
    """Turns what a client sent into a stored document with a queued adaptation.

    Raises InvalidRequest, UnreadableDocument, UnsupportedDocument, TooLarge, or NotFound for `supersedes`.
    `probes` are pairs of question and answer.
    """

    def text(
        self,
        *,
        title: str,
        text: str,
        collection: str,
        source: str | None,
        supersedes: str | None,
        probes: Sequence[tuple[str, str]],
        metadata: dict[str, Any],
    ) -> Ingested:
        """Take a document that came as text."""
        ...

    def file(
        self,
        *,
        name: str,
        content: bytes,
        title: str | None,
        collection: str,
        source: str | None,
        supersedes: str | None,
        probes: Sequence[tuple[str, str]],
        metadata: dict[str, Any],
    ) -> Ingested:
        """Take a document that came as a file; its ending in `name` says what it is."""
        ...


@dataclass(frozen=True)
class Services:
    """Everything a route may use."""

    settings: Settings
    version: str
    keys: KeyStore
    gateway: Gateway
    documents: DocumentStore
    adaptations: AdaptationStore
    adapters: AdapterStore
    collections: CollectionStore
    files: AdapterFiles
    answers: Answers
    feedback: FeedbackStore
    watches: WatchStore
    audit: AuditTrail
    ingest: Ingesting
    rollback: Callable[[str, int | None, str | None], AdapterVersion | None]
    """`(collection, to, reason)` → the version that is live now, None for the base. Errors of `roll_back`."""
    compact: Callable[[str, str | None], tuple[Adaptation, bool]]
    """`(collection, message)` → its open compaction, and whether that is new. Errors of `request_compaction`."""
    forget: Callable[[str, str | None], tuple[Adaptation, bool]]
    """`(document, reason)` → the adaptation that rebuilds without it, and whether that is new. Errors of `forget`."""
    forgetting: ForgettingStore
    tasks: TaskStore
    submit_task: Callable[[TaskAsk], tuple[Task, Adaptation, bool]]
    """The task, the adaptation that last took it up, and whether the task is new. Errors of `tasks.submit`."""
    solve_task: Callable[[Task, Sequence[Value]], Solved]
    """Errors of `tasks.solve`."""
    remove_task: Callable[[Task, str | None], None]
    """`(task, reason)`. Errors of `tasks.remove`."""
    retrainings: RetrainingStore
    episodes: EpisodeStore
    policies: PolicyStore
    policy_files: PolicyFiles
    receipts: Receipts
    retrain: Callable[[RetrainingAsk, str], tuple[Retraining, bool]]
    """`(ask, key)` → the open retraining, and whether it is new. Errors of `ask_for_retraining`."""
    policy_rollback: Callable[[int | None, str | None, Subject], PolicyVersion | None]
    """`(to, reason, subject)` → the learned policy that writes now, None for the seed policy. Errors of
    `roll_back_policy`."""
    wake: Callable[[], None]
    """Tells the scheduler that there is work."""
    status: Callable[[], dict[str, Any]]
    """`{model, engine, collections: [{name, live, documents, watch}], adaptations: {queued, running, held},
    training, policy: {live, tasks, retraining: {id, status, round} | None}}`; `watch` as `standing` gives it,
    `policy.live` and `policy.tasks` are the ids of those that write of passages and of tasks, `policy.retraining` the
    open one."""
    draining: Callable[[], bool]
    sight: Sight

    def refuse_new_work_while_draining(self) -> None:
        """Raise Draining once the daemon is stopping."""
        if self.draining():
            raise Draining("the daemon is stopping and takes no new work; send it again when it is back")


def services_of(app: FastAPI) -> Services:
    """What `app` was wired to."""
    services: Services = app.state.services
    return services


SEEN = "seald.services"
"""Where a request's scope holds the services as its key sees them."""


def services_for(request: Request) -> Services:
    """What there is for whoever asks."""
    services: Services = request.scope[SEEN]
    return services


async def _services(request: Request) -> Services:
    return request.scope.get(SEEN) or services_of(request.app)


Wired = Annotated[Services, Depends(_services)]
"""A route's parameter of this type receives what there is for whoever asks."""

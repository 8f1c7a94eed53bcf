"""One run of the pipeline, its states, and the moves between them that are legal."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from seald.errors import IllegalTransition


class AdaptationKind(StrEnum):
    """What an adaptation is for: to learn new documents, to rebuild the adapter from the base over its ledger, to
    rebuild it without a document that was taken back, or to learn a task from its examples."""

    LEARN = "learn"
    COMPACT = "compact"
    FORGET = "forget"
    TASK = "task"


class AdaptationStatus(StrEnum):
    """Where an adaptation stands. `held` waits for a person or for the next compaction; one without a version was
    held before anything was written, since its source is in quarantine."""

    QUEUED = "queued"
    EDITING = "editing"
    TRAINING = "training"
    GUARDING = "guarding"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = AdaptationStatus

TRANSITIONS: dict[AdaptationStatus, frozenset[AdaptationStatus]] = {
    _S.QUEUED: frozenset({_S.EDITING, _S.HELD, _S.FAILED, _S.CANCELLED}),
    # To `promoting` at once goes what forgets a document without which nothing is left to be learned again.
    _S.EDITING: frozenset({_S.TRAINING, _S.PROMOTING, _S.FAILED, _S.CANCELLED}),
    _S.TRAINING: frozenset({_S.GUARDING, _S.FAILED, _S.CANCELLED}),
    _S.GUARDING: frozenset({_S.PROMOTING, _S.TRAINING, _S.REJECTED, _S.HELD, _S.FAILED, _S.CANCELLED}),
    _S.PROMOTING: frozenset({_S.PROMOTED, _S.HELD, _S.FAILED}),
    _S.HELD: frozenset({_S.QUEUED, _S.PROMOTING, _S.REJECTED, _S.CANCELLED}),
    _S.PROMOTED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}

TERMINAL = frozenset(status for status, after in TRANSITIONS.items() if not after)
FINAL = TERMINAL | {_S.HELD}
"""Where the pipeline leaves an adaptation alone."""
RUNNABLE = frozenset(TRANSITIONS) - FINAL
"""States that the pipeline carries on from, also after a kill."""


RELEASED = "released"
"""Key among an adaptation's figures: a person let it out of quarantine."""
APPROVED = "approved"
"""Likewise: a person let its candidate, or one before it, go live."""


def check_transition(before: AdaptationStatus, after: AdaptationStatus) -> None:
    """Raise IllegalTransition unless `before → after` is listed."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(f"an adaptation cannot go from {before} to {after}")


class Adaptation(BaseModel):
    """One run of the pipeline for one or more documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: AdaptationKind = AdaptationKind.LEARN
    collection: str
    documents: tuple[str, ...]
    forgets: str | None = None
    """The document that it takes back."""
    status: AdaptationStatus
    version: int | None = None
    """The version it made, once allotted."""
    parent: int | None = None
    """The version it started from; None is the base model."""
    figures: dict[str, Any] = {}
    error: dict[str, Any] | None = None
    """`{message, code}` of a failed or held adaptation."""
    cancel_requested: bool = False
    created: datetime
    finished: datetime | None = None

    @property
    def rebuilds(self) -> bool:
        """It writes nothing: it trains from the base on what the ledger holds already."""
        return self.kind in (AdaptationKind.COMPACT, AdaptationKind.FORGET)


class AdaptationEvent(BaseModel):
    """Something that happened to an adaptation. `seq` grows by time within one store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    adaptation_id: str
    at: datetime
    type: str
    """`status`, `compaction`, `probe`, `self_edit`, `training`, `verdict`, `trainer_restarted`, …"""
    data: dict[str, Any]

"""One retraining of the policy: its states, the moves between them that are legal, and what it was asked for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from seald.domain.probe import Probe, ProbeResult
from seald.errors import IllegalTransition


class RetrainingStatus(StrEnum):
    """Where a retraining stands. A round goes through `sampling`, `scoring` and `learning`; after the last one comes
    the tournament, `judging`. `refused`: it went to its end, and the policy that writes is the one from before."""

    QUEUED = "queued"
    SAMPLING = "sampling"
    SCORING = "scoring"
    LEARNING = "learning"
    JUDGING = "judging"
    PROMOTED = "promoted"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = RetrainingStatus
_ENDS = frozenset({_S.REFUSED, _S.FAILED, _S.CANCELLED})

TRANSITIONS: dict[RetrainingStatus, frozenset[RetrainingStatus]] = {
    _S.QUEUED: frozenset({_S.SAMPLING}) | _ENDS,
    _S.SAMPLING: frozenset({_S.SCORING}) | _ENDS,
    _S.SCORING: frozenset({_S.LEARNING}) | _ENDS,
    _S.LEARNING: frozenset({_S.SAMPLING, _S.JUDGING}) | _ENDS,
    _S.JUDGING: frozenset({_S.PROMOTED}) | _ENDS,
    _S.PROMOTED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}
TERMINAL = frozenset(status for status, after in TRANSITIONS.items() if not after)
RUNNABLE = frozenset(TRANSITIONS) - TERMINAL


def check_retraining_transition(before: RetrainingStatus, after: RetrainingStatus) -> None:
    """Raise IllegalTransition unless `before → after` is listed."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(f"a retraining cannot go from {before} to {after}")


class LabelledQuestion(BaseModel):
    """A question that a context answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class Context(BaseModel):
    """A passage that self-edits are written for. `edits` are ready-made ones, by writer, used in place of samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    context: str = Field(min_length=1)
    questions: tuple[LabelledQuestion, ...] = ()
    edits: dict[str, tuple[str, ...]] = {}
    document: str | None = None
    """The stored document that it is a passage of."""
    passage: int | None = None

    @property
    def id(self) -> str:
        """The same text under the same title has the same id."""
        return "ctx-" + hashlib.sha256(f"{self.title}\n{self.context}".encode()).hexdigest()[:16]


class Exam(BaseModel):
    """What is asked about a context, closed book, and what the base model made of it. `rewarded` questions pay;
    `hidden` ones never do: they judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rewarded: tuple[Probe, ...]
    hidden: tuple[Probe, ...]
    base: dict[str, ProbeResult] = {}
    """By probe id."""
    base_heldout: float = 0.0
    """Log-probability of the passage's text under the base, nats per token."""


class Lesson(BaseModel):
    """A context's place in one retraining. `exam` is set once, before anything is sampled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retraining_id: str
    place: int
    context: Context
    held_out: bool
    exam: Exam | None = None

    @property
    def id(self) -> str:
        """The context's."""
        return self.context.id


class RetrainingSpec(BaseModel):
    """What was asked for, fixed when it was queued."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(ge=1)
    contexts: int = Field(ge=2)
    """Trained on; those of the tournament come on top."""
    samples: int = Field(ge=2)
    writer: str | None = None
    """Take the ready-made edits of this writer instead of sampling."""
    given: tuple[Context, ...] = ()
    """Contexts that came with the request; none: passages of stored documents are drawn."""


def _given_how(contexts: Any) -> str:
    return "list" if isinstance(contexts, list | tuple) else "number"


Number = Annotated[int, Field(ge=2, le=1000), Tag("number")]
Given = Annotated[tuple[Context, ...], Field(strict=False, min_length=4, max_length=2000), Tag("list")]


class RetrainingAsk(BaseModel):
    """What a client asks for. None means the configured value."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rounds: int | None = Field(None, ge=1, le=20)
    contexts: Annotated[Number | Given, Discriminator(_given_how)] | None = None
    """How many to learn from, or the contexts themselves, out of which some are held out for the tournament."""
    samples: int | None = Field(None, ge=2, le=64)
    writer: str | None = Field(None, min_length=1, max_length=200)

    @field_validator("contexts")
    @classmethod
    def _are_the_clients_own(cls, contexts: int | tuple[Context, ...] | None) -> int | tuple[Context, ...] | None:
        """What a document is learned into, and forgotten from, is not for a client to say."""
        if isinstance(contexts, tuple):
            if any(context.document is not None or context.passage is not None for context in contexts):
                raise ValueError("a context that is sent along names neither document nor passage")
            if len({context.id for context in contexts}) < len(contexts):
                raise ValueError("the same context is there twice")
        return contexts


class Retraining(BaseModel):
    """One run of ReST-EM over one or more rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    key: str
    """Names what asked for it, so that a trigger that fires twice queues one."""
    status: RetrainingStatus
    round: int = 1
    spec: RetrainingSpec
    incumbent: int | None = None
    """The learned policy that wrote when it was begun; None: the seed policy."""
    start: int | None = None
    """The learned policy that its first round samples from."""
    version: int | None = None
    """The policy that its latest round has learned."""
    figures: dict[str, Any] = {}
    """`rounds`: one object a round; `tournament`."""
    error: dict[str, Any] | None = None
    """`{message, code}` of one that was refused or failed."""
    cancel_requested: bool = False
    created: datetime
    finished: datetime | None = None


RefusalCode = Literal["no_signal", "nothing_won", "reward_hacking", "collapsed", "not_better", "incumbent_changed"]


class RetrainingEvent(BaseModel):
    """Something that happened to a retraining. `seq` grows by time within one store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    retraining_id: str
    at: datetime
    type: str
    """`status`, `exam`, `sampled`, `scored`, `reliability`, `training`, `learned`, `contested`, …"""
    data: dict[str, Any]

"""One retraining of the policy: its states, the moves between them that are legal, and what it was asked for."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from seald.config.retraining import Subject
from seald.domain.probe import Probe, ProbeResult
from seald.domain.task import (
    MOST_EXAMPLES,
    MOST_TESTS,
    Pair,
    Question,
    TaskKind,
    check_kind,
    check_rule,
    known_tests,
)
from seald.errors import IllegalTransition, InvalidRequest


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


LEAST_TESTS = 2
"""Of a task with known outputs: one that pays and one that judges."""


class Context(BaseModel):
    """What self-edits are written for: a passage, `context` with `questions`, or a task, `examples` with `test`.
    `edits` are ready-made ones, by writer, used in place of samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    context: str = ""
    """Empty for a task, and only for one."""
    questions: tuple[LabelledQuestion, ...] = ()
    examples: tuple[Pair, ...] = Field((), max_length=MOST_EXAMPLES)
    test: tuple[Question, ...] = Field((), max_length=MOST_TESTS)
    edits: dict[str, tuple[str, ...]] = {}
    document: str | None = None
    """The stored document that it is a passage of, or the stored task that it is."""
    passage: int | None = None

    @model_validator(mode="after")
    def _is_a_passage_or_a_task(self) -> Context:
        if self.subject == "passage":
            if not self.context:
                raise ValueError("a passage needs its text under `context`, a task its `examples`")
            if self.test:
                raise ValueError("a `test` without `examples`: no task can be learned from it")
            return self
        if self.context or self.questions:
            raise ValueError("`examples` are a task's, `context` and `questions` a passage's: it is one of them")
        check_kind(self.examples, self.test)
        check_rule(self.examples)
        if len(self.tests) < LEAST_TESTS:
            raise ValueError(
                f"a task needs {LEAST_TESTS} different tests with their outputs, none of them an example: some pay and "
                "some judge"
            )
        return self

    @property
    def subject(self) -> Subject:
        """Which of the two it is."""
        return "task" if self.examples else "passage"

    @property
    def kind(self) -> TaskKind:
        """Of a task."""
        return check_kind(self.examples, self.test)

    @property
    def tests(self) -> tuple[Pair, ...]:
        """Of a task: what is asked, and never trained on."""
        return known_tests(self.examples, self.test)

    @property
    def id(self) -> str:
        """The same text, or the same examples, under the same title have the same id."""
        content = self.context if self.subject == "passage" else json.dumps([e.model_dump() for e in self.examples])
        return "ctx-" + hashlib.sha256(f"{self.title}\n{content}".encode()).hexdigest()[:16]


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
    """Contexts that came with the request; none: passages of stored documents, or stored tasks, are drawn."""
    subject: Subject = "passage"
    """What all contexts are, and what the policy that is retrained writes about."""


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
    subject: Subject | None = None
    """What to learn to write about; None: what the contexts are, passages where none are sent."""

    def about(self) -> Subject:
        """What the run is about. Raises InvalidRequest (code `mixed_contexts`): passages and tasks, or not the subject
        that it names, are among the contexts."""
        contexts = self.contexts if isinstance(self.contexts, tuple) else ()
        found: set[Subject] = {context.subject for context in contexts} | ({self.subject} if self.subject else set())
        if len(found) > 1:
            raise InvalidRequest(
                "one policy writes about passages and another about tasks: a run is over passages or over tasks, and "
                "`subject`, where it is sent, says which",
                param="contexts",
                code="mixed_contexts",
            )
        return found.pop() if found else "passage"

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

    @property
    def subject(self) -> Subject:
        """What its policy writes about."""
        return self.spec.subject


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

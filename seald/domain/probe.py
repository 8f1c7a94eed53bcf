"""Held-out questions and clozes: how learning and forgetting are measured. Never trained on."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ProbeKind = Literal["question", "cloze", "choice"]
ProbeOrigin = Literal["client", "model", "rule", "shipped"]
Split = Literal["guard", "reward"]
"""What a probe may be put for: to judge a candidate, or to pay the policy. Disjoint, so that no policy can learn to
please the guards."""


class Probe(BaseModel):
    """A question with its answer. It is put to the model as one user turn, closed book.

    A `question` is answered by greedy generation and graded. A `cloze` is scored by the log-probabilities of
    `answer` after `lead`, and is right when every answer token is the most probable one. A `choice` is right when
    `answer` is more probable after `lead` than `wrong`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    collection: str
    """`` for probes of the shipped general suite."""
    document_id: str | None
    kind: ProbeKind
    question: str = Field(min_length=1)
    lead: str = ""
    """Words that the reply begins with; the answer is scored as their continuation."""
    answer: str = Field(min_length=1)
    wrong: str = ""
    """For a choice: what the answer must beat; its first token differs from the answer's."""
    origin: ProbeOrigin
    split: Split = "guard"
    passage: int | None = None
    """Index of the passage that holds the answer; None where nobody says which."""


class AnswerScore(BaseModel):
    """Log-probabilities (nats) of each token of an answer, and whether greedy decoding would give it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    logprobs: tuple[float, ...]
    greedy: bool

    @property
    def mean(self) -> float:
        """Mean log-probability per token, nats."""
        return sum(self.logprobs) / max(len(self.logprobs), 1)


class ProbeResult(BaseModel):
    """What one model made of one probe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probe_id: str
    kind: ProbeKind = "question"
    correct: bool
    logprob: float
    """Mean log-probability per token of the right answer, nats; of its first token for a choice."""
    first: bool = False
    """For a choice: greedy decoding would say the answer, too."""
    reply: str | None = None
    """What was generated; None for clozes."""


def probe_id(document: str, question: str, answer: str) -> str:
    """The same probe of the same document has the same id, so that writing it twice stores it once."""
    return "probe-" + hashlib.sha256(f"{document}\n{question}\n{answer}".encode()).hexdigest()[:24]

"""Episodes: one self-edit of one context, what was trained on it, what it was paid, and what that cost."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from seald.domain.self_edit import Directives, Line

Component = Literal["accuracy", "logprob", "heldout", "proxy", "length", "retention", "size", "norm"]
POLICY_ARM = "policy"
"""Arm of the episodes that the policy learns from; others are contestants of the tournament."""
PASSAGE_ARM = "passage"
"""In the first round: nothing but the passage, which a self-edit is to add something to."""


class Score(BaseModel):
    """What one training of a self-edit gave. Every figure is a difference from the base model's on the same exam."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    accuracy: float
    """Rise in right answers to the rewarded questions, as a share. Of a configuration that could not be trained by: as
    though nothing were right any more."""
    logprob: float
    """Median rise of the rewarded answers' log-probability, nats per token."""
    hidden_accuracy: float
    hidden_logprob: float
    """The same of the hidden questions; the mean rise, not the median."""
    heldout: float
    """Rise of the log-probability of the passage's own text, nats per token."""
    retention: float
    """Fall in the probability of the answers to general questions."""
    norm: float
    """Frobenius norm of the weights' change."""
    tokens: int
    """Trained in all epochs."""
    seconds: float


class Episode(BaseModel):
    """One self-edit. Sampled first, then weighed by proxy, then perhaps scored, once a seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retraining_id: str
    round: int
    """0 in a tournament."""
    arm: str = POLICY_ARM
    """`policy`, `passage`; in a tournament `learned`, `incumbent`, or a form's name, of tasks `recipe`."""
    context_id: str
    document: str | None = None
    """The stored document, or task, that it is about."""
    sample: int
    policy: str
    """Version of the policy that wrote it."""
    form: str
    prompt: str
    """What the writer was asked, as one user turn."""
    raw: str
    """What it answered, with the directives that it, or the draw, put at its head."""
    directives: Directives = Directives()
    explored: bool = False
    """The directives, or the whole configuration, were drawn, not written."""
    lines: tuple[Line, ...] = ()
    dropped: dict[str, int] = {}
    """Reason → lines that the filter dropped; `unparseable`: a reply that was no configuration."""
    edit_tokens: int = 0
    """Tokens that its lines train on in one epoch, about."""
    proxy: dict[str, float] = {}
    """Parts of the rubric, 0 to 1 each, and their mean under `total`."""
    survived: bool = True
    scores: tuple[Score, ...] = ()
    reward: float | None = None
    """Mean over its scores of what the run's configuration paid; None until it was weighed."""
    learned: bool = False
    """The policy learned from it."""
    seconds: float = 0.0
    """Of sampling it."""

    @property
    def key(self) -> str:
        """Names the effect, so that the same episode is stored once."""
        return f"{self.retraining_id}/{self.round}/{self.arm}/{self.context_id}/{self.sample}"

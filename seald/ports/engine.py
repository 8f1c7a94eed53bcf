"""What serves, as the pipeline and the guards ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from seald.domain.probe import AnswerScore

BASE = "base"
"""The engine's name for the base model."""
Chat = str | tuple[str, ...]
"""What waits for a reply: the user's turn; or turns, the user's and the model's by turns, the user's last."""
AWAY = 7919
"""Between two seeds, so that the rows of one call and of the next share none."""


@dataclass(frozen=True)
class Sampling:
    """How text is generated. `temperature` 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: str | None = None
    """A JSON schema, as JSON: who can decode under one gives nothing else; who cannot is merely asked."""

    def again(self, times: int) -> Sampling:
        """The same with another seed: what is asked once more is to be drawn once more."""
        return replace(self, seed=(self.seed or 0) + AWAY * times)


@dataclass(frozen=True)
class Continuation:
    """An answer to be scored: the user's `question`, the reply's first words `lead`, then `answer`."""

    question: Chat
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


class Writer(Protocol):
    """Who writes self-edits: the engine, or another model somewhere.

    Raises EngineUnavailable or EngineRefused.
    """

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        """Answer each question as a chat of one user turn; same length and order as `questions`."""
        ...


class Engine(Writer, Protocol):
    """What serves, as the pipeline and the guards use it. `model` is BASE or an adapter's engine name.

    Raises EngineUnavailable or EngineRefused.
    """

    def ask(self, questions: Sequence[Chat], sampling: Sampling, *, model: str) -> list[str]:
        """As a writer, and within a chat of several turns, too."""
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

"""`seald bench stream`: documents one after another, and what is still known of each after every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

from seald.bench.graders import Grader
from seald.bench.ground import Ground, Trained
from seald.bench.passages import BenchPassage
from seald.bench.study import as_seald_does
from seald.config import Recipe
from seald.domain.policy import Form
from seald.guards import probing, suite
from seald.guards.paired import compare, losses
from seald.ports import BASE, Sampling

ANSWER_TOKENS = 40
ARMS = ("naive", "replay", "replay_compaction", "joint")
"""The new document only, from the last adapter; with replay and general replies; and rebuilt now and then from the base
on all so far; all documents at once."""


@dataclass
class Lineage:
    """What became of one arm."""

    matrix: list[list[float]] = field(default_factory=list)
    """R[i][j], j <= i: accuracy on document j just after document i was taught, before any compaction."""
    last: list[float] = field(default_factory=list)
    """Accuracy on each document at the very end."""
    general_drop: float = 0.0
    """Fall of the accuracy on the general questions, from the base's: the right answer is likelier than the wrong."""
    general_lost: float = 0.0
    """Fall of the probability of their answers, which the general guard judges."""
    seconds: float = 0.0
    tokens: int = 0

    @property
    def mean_just_after(self) -> float:
        """Mean of the diagonal."""
        return _mean([row[-1] for row in self.matrix])

    @property
    def mean_after_last(self) -> float:
        """Mean accuracy over all documents at the end."""
        return _mean(self.last)

    @property
    def retention_ratio(self) -> float:
        """What is known at the end over what was known just after each (both means); 0 where nothing was learned."""
        return self.mean_after_last / self.mean_just_after if self.mean_just_after else 0.0

    @property
    def backward_transfer(self) -> float:
        """Mean change on earlier documents between their own step and the end (Lopez-Paz and Ranzato 2017)."""
        return _mean([now - row[-1] for now, row in zip(self.last[:-1], self.matrix[:-1], strict=True)])


class Stream:
    """Teaches the same documents in the same order, one arm after another."""

    def __init__(
        self,
        ground: Ground,
        documents: Sequence[BenchPassage],
        forms: dict[str, Form],
        grader: Grader,
        tell: Callable[[str], None],
    ) -> None:
        self._ground = ground
        self._documents = documents
        self._grader = grader
        self._tell = tell
        self._lines = [as_seald_does(document, (), forms, ground.settings.policy) for document in documents]
        self._general = suite.load()
        self._base = probing.put(ground.engine, self._general, BASE)

    @property
    def recipe(self) -> Recipe:
        """The configured one."""
        return self._ground.settings.recipe

    def run(self, arm: str, compact_every: int, seed: int) -> Lineage:
        """One arm from the base to the last document. Raises KeyError for an unknown arm."""
        bare = self.recipe.model_copy(update={"replay_fraction": 0.0, "general_fraction": 0.0})
        plans: dict[str, Callable[[Lineage], Trained]] = {
            "naive": lambda lineage: self._sequence(lineage, arm, bare, 0, seed),
            "replay": lambda lineage: self._sequence(lineage, arm, self.recipe, 0, seed),
            "replay_compaction": lambda lineage: self._sequence(lineage, arm, self.recipe, compact_every, seed),
            "joint": lambda lineage: self._rebuild(lineage, arm, len(self._documents), seed),
        }
        lineage = Lineage()
        last = plans[arm](lineage)
        with self._ground.loaded(last) as model:
            lineage.last = self._known(model, len(self._documents))
            after = probing.put(self._ground.engine, self._general, model)
        lineage.general_drop = compare(self._base, after).drop
        lineage.general_lost = fmean(losses(self._base, after))
        self._tell(f"{arm}: {_percents(lineage.last)} at the end, general {-100 * lineage.general_drop:+.1f} points")
        return lineage

    def _sequence(self, lineage: Lineage, arm: str, recipe: Recipe, compact_every: int, seed: int) -> Trained:
        trained: Trained | None = None
        for number, document in enumerate(self._documents, 1):
            earlier = [line for lines in self._lines[: number - 1] for line in lines]
            trained = self._count(
                lineage,
                self._ground.train(
                    f"{arm}: {document.title}",
                    self._lines[number - 1],
                    recipe,
                    replay=earlier,
                    parent=trained,
                    seed=seed + number,
                ),
            )
            with self._ground.loaded(trained) as model:
                lineage.matrix.append(self._known(model, number))
            self._tell(f"{arm} {number}/{len(self._documents)} {document.title}: {_percents(lineage.matrix[-1])}")
            if compact_every and (number % compact_every == 0 or number == len(self._documents)):
                trained = self._rebuild(lineage, arm, number, seed)
        assert trained is not None, "there is at least one document"
        return trained

    def _rebuild(self, lineage: Lineage, arm: str, count: int, seed: int) -> Trained:
        """From the base on the first `count` documents, as a compaction does."""
        lines = [line for own in self._lines[:count] for line in own]
        return self._count(lineage, self._ground.train(f"{arm}: the first {count}", lines, self.recipe, seed=seed))

    def _count(self, lineage: Lineage, trained: Trained) -> Trained:
        lineage.seconds += trained.result.seconds
        lineage.tokens += trained.result.tokens
        return trained

    def _known(self, model: str, count: int) -> list[float]:
        """Accuracy on each of the first `count` documents."""
        documents = self._documents[:count]
        asked = [question.question for document in documents for question in document.questions]
        replies = iter(self._ground.engine.ask(asked, Sampling(max_tokens=ANSWER_TOKENS), model=model))
        scores = []
        for document in documents:
            own = islice(replies, len(document.questions))
            scores.append(_mean(self._grader.grade_all(document.answered(own))))
        return scores


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _percents(values: Sequence[float]) -> str:
    return " ".join(f"{value:.0%}" for value in values)

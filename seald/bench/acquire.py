"""`seald bench acquire`: what is known of a passage after training on it, ways of training side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from seald.bench.graders import Grader
from seald.bench.ground import Ground, Trained
from seald.bench.passages import BenchPassage
from seald.bench.study import as_seal_does, as_seald_does, passage_alone, written_now
from seald.config import Recipe
from seald.domain.policy import Form, Policy
from seald.domain.self_edit import Line, in_light_of
from seald.policy.coverage import Coverage, diversity, measure
from seald.ports import BASE, Sampling

ANSWER_TOKENS = 64
"""As SEAL samples answers, greedily."""
OWN = "own"
"""The writer that is our own policy, on the base model."""
UNTRAINED = ("none", "open_book")
ARMS = ("none", "passage_only", "seal_v1", "given_edits", "default", "open_book")
"""No update; the passage alone by our loop; SEAL's loop on SEAL's sequences; our loop on SEAL's sequences; our loop on
our lines; no update with the passage before the question."""


@dataclass(frozen=True)
class Options:
    """What is compared."""

    arms: Sequence[str] = ARMS
    writers: Sequence[str] = ("rewrite", "self_qa")
    edits: int = 1
    """Of each writer."""
    pad_sample: int | None = None
    """Of SEAL's padding: compute so many of its tokens; None computes all of it."""
    seed: int = 0


@dataclass
class Arm:
    """What one arm did over all passages so far."""

    right: list[list[bool]] = field(default_factory=list)
    """For each passage, for each question."""
    seconds: float = 0.0
    tokens: int = 0
    steps: int = 0
    covered: list[list[bool]] = field(default_factory=list)
    """For each passage, for each question: whether the gold answer stands in what was trained on."""
    coverage: list[Coverage] = field(default_factory=list)
    """For each passage, of its facts by what was trained on."""
    diversity: list[float] = field(default_factory=list)


class Acquire:
    """One passage at a time: every arm trains its own adapter from the base, then all answer in one mixed batch."""

    def __init__(
        self, ground: Ground, policy: tuple[Policy, dict[str, Form]], grader: Grader, options: Options
    ) -> None:
        self._ground = ground
        self._policy, self._forms = policy
        self._written: dict[str, list[tuple[str, str]]] = {}
        self._grader = grader
        self._options = options
        self.arms = {name: Arm() for name in options.arms}

    def study(self, passage: BenchPassage, tell: Callable[[str], None]) -> None:
        """Train and question every arm on one passage."""
        trained: dict[str, Trained] = {}
        for name in self._options.arms:
            if name not in UNTRAINED:
                trained[name] = self._train(name, passage)
        began = time.monotonic()
        for name, replies in self._answers(passage, trained).items():
            arm = self.arms[name]
            arm.right.append(self._grader.grade_all(passage.answered(replies)))
        scores = "  ".join(f"{name} {sum(arm.right[-1])}/{len(arm.right[-1])}" for name, arm in self.arms.items())
        tell(f"{passage.title}: {scores}  (answers in {time.monotonic() - began:.0f} s)")

    def full_step_seconds(self, passage: BenchPassage) -> float:
        """What one of SEAL's steps takes with all of its padding: the mean of four, measured."""
        recipe = self._ground.settings.recipes["seal-v1"].model_copy(update={"epochs": 4})
        result = self._ground.train("seal_v1: padding in full", passage_alone(passage), recipe).result
        return result.seconds / result.steps

    def _train(self, name: str, passage: BenchPassage) -> Trained:
        lines, recipe = self._lines(name, passage), self._recipe(name)
        trained = self._ground.train(f"{passage.title}: {name}", lines, recipe, seed=self._options.seed)
        arm = self.arms[name]
        arm.seconds += trained.result.seconds
        arm.tokens += trained.result.tokens
        arm.steps += trained.result.steps
        text = " ".join(f"{line.prompt or ''} {line.text}" for line in lines).lower()
        arm.covered.append([question.answer.lower() in text for question in passage.questions])
        phrasings = self._ground.settings.policy.phrasings
        arm.coverage.append(measure(passage.title, passage.context, lines, phrasings))
        arm.diversity.append(diversity(lines))
        return trained

    def _lines(self, name: str, passage: BenchPassage) -> list[Line]:
        if name == "passage_only":
            return passage_alone(passage)
        edits = self._edits(passage)
        if name in ("seal_v1", "given_edits"):
            return as_seal_does(passage, edits)
        settings = self._ground.settings
        return as_seald_does(passage, edits, self._forms, settings.policy, in_context=self._recipe(name).distill > 0)

    def _edits(self, passage: BenchPassage) -> list[tuple[str, str]]:
        """`(writer, text)`, the same for every arm; what the policy writes itself is written once."""
        if passage.context not in self._written:
            given = [w for w in self._options.writers if w != OWN]
            edits = [(writer, text) for writer in given for text in passage.edits_by(writer)[: self._options.edits]]
            if OWN in self._options.writers:
                edits += written_now(self._ground.engine, passage, self._policy, self._forms, self._options.seed)
            self._written = {passage.context: edits}
        return self._written[passage.context]

    def _recipe(self, name: str) -> Recipe:
        recipes = self._ground.settings.recipes
        if name == "seal_v1":
            return recipes["seal-v1"].model_copy(update={"pad_sample": self._options.pad_sample})
        return self._ground.settings.recipe

    def _answers(self, passage: BenchPassage, trained: dict[str, Trained]) -> dict[str, list[str]]:
        """Every arm at once: the engine mixes their adapters in its batches."""
        asked = [f"Topic: {passage.title}\n{question.question}" for question in passage.questions]
        with ExitStack() as stack:
            models = {name: stack.enter_context(self._ground.loaded(adapter)) for name, adapter in trained.items()}

            def answer(name: str) -> list[str]:
                questions = [in_light_of(passage.context, q) for q in asked] if name == "open_book" else asked
                sampling = Sampling(max_tokens=ANSWER_TOKENS)
                return self._ground.engine.ask(questions, sampling, model=models.get(name, BASE))

            with ThreadPoolExecutor(len(self._options.arms)) as pool:
                return dict(zip(self._options.arms, pool.map(answer, self._options.arms), strict=True))

"""What tasks are tested with: an engine whose adapters follow the rule of the lines that they were trained on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seald.domain.adapter import WEIGHTS
from seald.domain.probe import AnswerScore
from seald.domain.training import Canary, TrainingEvent, TrainingJob, TrainingResult
from seald.pipeline.task_train import SAY_AGAIN
from seald.ports import BASE, Chat, Continuation, Reply, Sampling
from tests.unit.pipeline.school import ASKED_TO_WRITE, KNOWN, UNKNOWN, ScriptedTrainer

CANARY = Canary(token_ids=(1, 2), base_logprobs=(-1.0,), adapter_logprobs=(-0.5,))


def turned(text: str) -> str:
    """The rule: read it backwards."""
    return text[::-1]


class CarefulTrainer(ScriptedTrainer):
    """Leaves canaries, too; what it was given, all of it, is in the weights."""

    def train_together(
        self, jobs: Sequence[TrainingJob], on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> tuple[TrainingResult, ...]:
        results = super().train_together(jobs, on_event, cancelled)
        for job, result in zip(jobs, results, strict=True):
            folder = Path(job.output)
            weights = {"rate": job.recipe.learning_rate, "prompts": [line.prompt for line in job.fresh], "id": job.id}
            known = json.loads((folder / WEIGHTS).read_text())
            (folder / WEIGHTS).write_text(json.dumps({"level": known["level"], **weights}))
            (folder / "result.json").write_text(result.model_copy(update={"canaries": (CANARY,)}).model_dump_json())
        return tuple(result.model_copy(update={"canaries": (CANARY,)}) for result in results)


@dataclass
class Apprentice:
    """Adapters know the rule if `learns` says so of the learning rate that they were trained with."""

    learns: Callable[[float], bool] = lambda rate: rate > 0
    in_context: Callable[[str], bool] = lambda _: False
    """Whether the base gets an input right behind examples."""
    writes: list[str] = field(default_factory=list)
    """Replies of who is asked for a configuration, over and over."""
    configures: Callable[[int, int], str] | None = None
    """The n-th reply of a policy that has learned in so many rounds, in place of `writes`: (rounds, n)."""
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Model and turns."""
    rates: dict[str, float] = field(default_factory=lambda: {BASE: 0.0})
    levels: dict[str, int] = field(default_factory=lambda: {BASE: 0})

    def load(self, name: str, folder: Path) -> None:
        weights = json.loads((folder / WEIGHTS).read_text())
        self.rates[name], self.levels[name] = weights["rate"], weights["level"]

    def unload(self, name: str) -> None:
        self.rates.pop(name, None)

    def ask(self, questions: Sequence[Chat], sampling: Sampling, *, model: str) -> list[str]:
        asked = [_turns(question) for question in questions]
        self.asked += [(model, turns) for turns in asked]
        return [self._reply(turns, n, model) for n, turns in enumerate(asked)]

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        return [Reply(text, ended=True) for text in self.ask(questions, Sampling(max_tokens), model=model)]

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        known = [self._knows(_turns(item.question), model) for item in items]
        return [AnswerScore(logprobs=(KNOWN if knows else UNKNOWN,), greedy=knows) for knows in known]

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        return [list(CANARY.base_logprobs if model == BASE else CANARY.adapter_logprobs) for model in models]

    def _reply(self, turns: tuple[str, ...], n: int, model: str) -> str:
        question = turns[-1]
        if ASKED_TO_WRITE in question:
            if self.configures is not None:
                return self.configures(self.levels[model], n)
            return self.writes[n % len(self.writes)] if self.writes else "I do not know."
        if question.endswith(SAY_AGAIN):
            return f"in other words {question.partition(chr(10))[0]}"
        return turned(question) if self._knows(turns, model) else question

    def _knows(self, turns: tuple[str, ...], model: str) -> bool:
        if model == BASE:
            return len(turns) > 1 and self.in_context(turns[-1])
        return self.learns(self.rates[model])


def _turns(asked: Chat) -> tuple[str, ...]:
    return (asked,) if isinstance(asked, str) else asked

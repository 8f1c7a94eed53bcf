"""What a task's adapter makes of inputs: several predictions of each, turned back and voted over."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from seald.domain.adapter import AdapterVersion
from seald.domain.task import OF_GRIDS, Asking, Pair, Practice, Solution, Solved, Task, Value
from seald.domain.task_explained import FIGURES
from seald.pipeline.task_ask import asked, replies
from seald.pipeline.task_size import require_askable
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import moved
from seald.policy.grids import STAY, Move, moves
from seald.policy.voting import attempts
from seald.ports import BASE


@dataclass(frozen=True)
class View:
    """One way to ask for an output: grids moved, the examples in some order."""

    asking: Asking
    move: Move
    pairs: tuple[Pair, ...]

    def prompt(self, value: Value) -> tuple[str, ...]:
        """For the output of an input."""
        return asked(self.asking, self.pairs, value if isinstance(value, str) else self.move.ahead(value))

    def back(self, value: Value | None) -> Value | None:
        """What was predicted in this view, as an output of the task."""
        return value if value is None or isinstance(value, str) else self.move.back(value)


def solve(shop: Workshop, task: Task, inputs: Sequence[Value]) -> Solved:
    """Solutions by the task's live version, which is kept loaded meanwhile; by the base in context where none is live.

    Raises:
        InvalidRequest: an input does not fit beside the examples, or speaks as others do.
        IntegrityError, CanaryMismatch, EngineUnavailable, EngineRefused: nothing was solved.
    """
    require_askable(shop, task, inputs)
    live = shop.adapters.live(task.lineage)
    if live is None:
        return Solved(adapter=BASE, solutions=solutions(shop, task, inputs, BASE, "among"))
    asking = _asking(shop, live)
    with shop.serving.staged(live) as model:
        return Solved(adapter=live.label, solutions=solutions(shop, task, inputs, model, asking))


def _asking(shop: Workshop, version: AdapterVersion) -> Asking:
    """The way of asking that was found best when it was made."""
    figures = shop.adaptations.get(version.adaptation_id).figures
    return Practice.model_validate(figures[FIGURES]).best[1]


def solutions(shop: Workshop, task: Task, inputs: Sequence[Value], model: str, asking: Asking) -> tuple[Solution, ...]:
    """Of each input, in their order, by what the engine knows as `model`.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    seen = views(task, shop.settings.tasks.votes, asking)
    prompts = [view.prompt(value) for value in inputs for view in seen]
    like = [pair for view in seen for pair in view.pairs]
    found = iter(replies(shop, prompts, like, model))
    return tuple(_solution(value, [view.back(next(found)) for view in seen]) for value in inputs)


def views(task: Task, most: int, best: Asking) -> list[View]:
    """The way that was found best first, then the other one; where examples are shown, moved or in other orders, so
    that there are `most` in all. An input alone cannot be moved: nothing would say what was done to it."""
    own = tuple(task.examples)
    alone, among = View("alone", STAY, own), View("among", STAY, own)
    if best == "alone":
        return [alone, among][:most]
    draw = random.Random(task.id)
    if task.kind == "grid":
        drawn = [move for move in moves(OF_GRIDS, 4 * most, draw) if move.keeps_size]
        others = [View("among", move, tuple(moved(pair, move) for pair in own)) for move in drawn]
    else:
        orders = dict.fromkeys(tuple(draw.sample(own, len(own))) for _ in range(most))
        others = [View("among", STAY, order) for order in orders if order != own]
    return [among, *others[: max(0, most - 2)], alone][:most]


def _solution(value: Value, predictions: Sequence[Value | None]) -> Solution:
    made = attempts(predictions)
    return Solution(
        input=value,
        attempts=tuple(attempt for attempt, _ in made),
        votes=tuple(votes for _, votes in made),
        asked=len(predictions),
    )

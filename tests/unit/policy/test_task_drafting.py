"""Configurations as self-edits: read, drawn in place of others, and turned into lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from seald.config import RECIPES
from seald.config import Policy as PolicySettings
from seald.config.tasks import Bounds, Tasks
from seald.domain.retraining import Context
from seald.domain.self_edit import Directives
from seald.errors import InvalidRequest
from seald.policy.augmenting import lines
from seald.policy.configuring import own, parse, written
from seald.policy.drafting import Draft, Drafting
from seald.policy.registry import load_policy
from seald.policy.task_drafting import configurations, draft_of, ready_made
from seald.ports import BASE, Sampling

POLICY, FORMS = load_policy("configuration", "task")
FORM = FORMS["configuration"]
RECIPE = RECIPES["task"]
GOOD = '{"augmentations": ["rotate", "reorder"], "loss": "all", "learning_rate": 0.002, "epochs": 3}'
GRIDS = [{"input": [[n, 1], [2, 3]], "output": [[1, n], [3, 2]]} for n in range(6)]
TASK = Context.model_validate({"title": "mirrored", "examples": GRIDS[:4], "test": GRIDS[4:]})


class Says:
    """Writes the same replies over and over."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies
        self.asked: list[tuple[str, Sampling]] = []

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        self.asked += [(question, sampling) for question in questions]
        return [self.replies[n % len(self.replies)] for n, _ in enumerate(questions)]


def how(explore: float = 0.0, **more: Any) -> Drafting:
    return Drafting(policy=POLICY, forms=FORMS, settings=PolicySettings(), model=BASE, explore=explore, **more)


def drafted(writer: Says, *, explore: float = 0.0, count: int = 4, named: str = "a") -> list[Draft]:
    return configurations(writer, TASK, how(explore), named=named, forms=[FORM] * count)


def test_a_configuration_becomes_lines_and_directives() -> None:
    writer = Says(f"Like this: {GOOD}", "No.")
    good, failed = drafted(writer, count=2)
    wanted = parse(GOOD, "grid", Bounds())
    assert wanted is not None
    assert good.lines == lines(TASK.examples, wanted, most=Tasks().lines, seed=0)
    assert good.directives == Directives(learning_rate=0.002, epochs=3, loss_scope="all")
    assert (good.raw, good.dropped, good.explored, good.edit_tokens > 0) == (f"Like this: {GOOD}", {}, False, True)
    assert (failed.raw, failed.lines, failed.dropped, failed.edit_tokens) == ("No.", (), {"unparseable": 1}, 0)
    assert failed.directives == Directives()
    (prompt, sampling), _ = writer.asked
    assert (good.prompt, failed.prompt, sampling.schema is not None) == (prompt, prompt, True)
    assert not any(str(grid) in prompt for grid in ("4 1", "5 1")), "its tests are not shown"


def test_draws_come_in_place_of_failed_replies_and_are_the_same_again() -> None:
    found = drafted(Says(GOOD, "No."), explore=0.5, count=64)
    explored, failed = [d for d in found if d.explored], [d for d in found if not d.lines]
    assert 20 <= len(explored) <= 44
    assert not failed or all(draft.dropped for draft in explored)
    assert all(draft.lines and parse(draft.raw, "grid", Bounds()) for draft in explored)
    assert sum("unparseable" in draft.dropped for draft in found) == 32
    assert [d.raw for d in drafted(Says(GOOD, "No."), explore=0.5, count=64)] == [d.raw for d in found]
    assert len({draft.raw for draft in explored}) > 10


def test_ready_made_ones_and_the_recipes_own() -> None:
    task = TASK.model_copy(update={"edits": {"gpt": (GOOD, "No.")}})
    first, second = ready_made(task, "gpt", how(), count=4)
    assert ((first.sample, first.raw), second.sample, second.dropped) == ((0, GOOD), 1, {"unparseable": 1})
    with pytest.raises(InvalidRequest, match="it has: gpt"):
        ready_made(task, "nobody", how(), count=4)
    theirs = own("grid", RECIPE, Tasks())
    draft = draft_of(TASK, how(), theirs)
    assert (draft.raw, draft.directives.epochs) == (written(theirs), RECIPE.epochs)

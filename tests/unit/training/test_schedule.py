"""The learning rate climbs, then falls."""

from __future__ import annotations

import pytest

from seald.config import Recipe
from seald.training.schedule import learning_rate


@pytest.mark.parametrize(("decay", "middle"), [("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)])
def test_warm_up_then_decay(decay: str, middle: float) -> None:
    recipe = Recipe.model_validate({"learning_rate": 1.0, "warmup_ratio": 0.1, "decay": decay})
    rates = [learning_rate(recipe, step, 110, warm_start=False) for step in range(110)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == pytest.approx(1.0)
    assert rates[11 + 49] == pytest.approx(middle, abs=0.02)
    assert all(rate > 0 for rate in rates)


def test_a_single_step_learns() -> None:
    assert learning_rate(Recipe(), 0, 1, warm_start=False) > 0


def test_a_parent_is_moved_less() -> None:
    recipe = Recipe(warm_start_factor=0.5)
    fresh, warm = (learning_rate(recipe, 3, 10, warm_start=warm) for warm in (False, True))
    assert warm == pytest.approx(fresh / 2)

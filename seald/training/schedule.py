"""The learning rate over a run: linear warm-up, then decay to zero; lower throughout where a parent is to be kept."""

from __future__ import annotations

import math

from seald.config import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int, *, warm_start: bool) -> float:
    """Rate of step `step` (from 0) of `steps`; `warm_start`: the run began with a parent's weights."""
    peak = recipe.learning_rate * (recipe.warm_start_factor if warm_start else 1.0)
    warmup = max(1, round(recipe.warmup_ratio * steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _remaining(recipe, (step - warmup) / max(1, steps - warmup))


def _remaining(recipe: Recipe, done: float) -> float:
    if recipe.decay == "constant":
        return 1.0
    if recipe.decay == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0 - done

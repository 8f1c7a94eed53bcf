"""The learning rate over a run: linear warm-up, then decay to zero."""

from __future__ import annotations

import math

from seald.config import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Rate of step `step` (from 0) of `steps`."""
    warmup = max(1, round(recipe.warmup_ratio * steps))
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    return recipe.learning_rate * _remaining(recipe, (step - warmup) / max(1, steps - warmup))


def _remaining(recipe: Recipe, done: float) -> float:
    if recipe.decay == "constant":
        return 1.0
    if recipe.decay == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0 - done

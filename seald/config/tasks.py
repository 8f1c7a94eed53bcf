"""How tasks are learned from a few examples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seald.config.section import Section

Augmentation = Literal[
    "rotate", "flip", "transpose", "recolour", "scale", "repeat", "chain", "reorder", "leave_two_out", "paraphrase"
]
"""What more than its pairs as they are a task may be learned from. `rotate`, `flip`, `transpose`, `recolour`, `scale`,
`repeat` and `chain` are of grids, `paraphrase` of texts."""


class Bounds(Section):
    """What a configuration may ask for; a reply that asks for more is a failed sample."""

    learning_rate: tuple[float, float] = (1e-4, 3e-3)
    epochs: tuple[int, int] = (1, 8)


class Tasks(Section):
    """Adapting to a task that is given by pairs of input and output."""

    samples: int = Field(4, ge=1, le=64)
    """Configurations that the policy is asked for; the recipe's own is tried as well."""
    drawn: int = Field(2, ge=0, le=64)
    """Configurations that are drawn at random besides."""
    augmentations: tuple[Augmentation, ...] = ("recolour", "reorder", "leave_two_out")
    """Of the recipe's own configuration, as far as they are there for a task's kind."""
    folds: int = Field(3, ge=2, le=64)
    """Parts that the examples are put into; each is predicted by adapters that were trained on the others. As many as
    examples, or more: leave one out."""
    lines: int = Field(48, ge=2, le=1000)
    """That an adapter is trained on at most."""
    tokens: int = Field(12_000, ge=1)
    """That an adapter is trained on at most, in all epochs, also where the policy is retrained: of a task of large
    grids fewer lines are taken, though each pair by itself always is. A GPU can do with many times as many."""
    together: int = Field(4, ge=1, le=64)
    """Adapters trained side by side in one process."""
    max_tokens: int = Field(2048, ge=64)
    """Of a prompt with all examples and its reply, within `model.max_model_len`; a task, or an input, that needs more
    is refused."""
    votes: int = Field(8, ge=1, le=64)
    """Moved grids by which an output is predicted."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that an adapter which is no better than the examples in the prompt is let through."""
    recipe: str = "task"
    bounds: Bounds = Bounds()

"""Which policy writes self-edits, and how much it may write."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seald.config.retraining import Retrain
from seald.config.section import Section


class DirectiveBounds(Section):
    """What a self-edit may ask of the trainer; outside it is clamped."""

    learning_rate: tuple[float, float] = (1e-4, 3e-3)
    epochs: tuple[int, int] = (2, 20)
    loss_scope: tuple[Literal["completion", "all"], ...] = ("completion", "all")


class Policy(Section):
    """Which policy writes self-edits, and how much it may write."""

    name: str = "default"
    """A TOML file in `policies/`, without its ending."""
    max_tokens: int = Field(256, ge=16)
    """Tokens of one sampled self-edit."""
    phrasings: int = Field(2, ge=1)
    """Distinct sentences in which every fact of a passage should stand; it should also be both asked for and asked
    with. What the policy's own self-edits leave open is written after them: by rule, then by the model."""
    coverage_rounds: int = Field(2, ge=0)
    """How often the model is asked for what is still open after the rule."""
    coverage_growth: float = Field(0.33, ge=0)
    """Share by which the lines of a passage may grow for that, in trained tokens."""
    coverage_tokens: int = Field(1024, ge=0)
    """Trained tokens of an epoch, about, that a passage may get for that at most; 0 writes nothing more."""
    directives: DirectiveBounds = DirectiveBounds()
    retrain: Retrain = Retrain()

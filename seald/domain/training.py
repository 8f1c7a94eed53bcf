"""What crosses between the daemon and the trainer process: one job in, events out, one result.

The job is a JSON file on disk, so that a job can be read, repeated and resumed by hand. This module is
imported on both sides and therefore knows neither torch nor SQL.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict

from seald.config import Recipe
from seald.domain.self_edit import Line


class TrainingJob(BaseModel):
    """Everything that decides the weights of one candidate. The same job gives the same weights.

    `fresh` is what the adaptation's own self-edits hold, all of it seen once an epoch. `replay` is the pool of
    earlier ledger lines and `general` the pool of the base model's own replies: each epoch draws uniformly
    from them until they make `recipe.replay_fraction` and `recipe.general_fraction` of the epoch's tokens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    model: str
    """Folder of the base model (safetensors, config, tokenizer)."""
    parent: str | None = None
    """Folder of the adapter to start from; None starts from fresh LoRA weights."""
    recipe: Recipe
    seed: int = 0
    fresh: tuple[Line, ...]
    replay: tuple[Line, ...] = ()
    general: tuple[Line, ...] = ()
    canary_prompts: tuple[str, ...] = ()
    """Raw texts whose per-token log-probabilities the trainer records under base and adapter."""
    output: str
    """Folder that the trainer creates: adapter_config.json, adapter_model.safetensors, result.json."""
    checkpoint: str
    """Folder for the trainer's own checkpoints; the daemon removes it when the adaptation ends."""

    @property
    def key(self) -> str:
        """Hash (hex) of all that decides the weights: a checkpoint of another job is no checkpoint of this one."""
        deciding = self.model_dump_json(exclude={"id", "output", "checkpoint", "canary_prompts"})
        return hashlib.sha256(deciding.encode()).hexdigest()


class Canary(BaseModel):
    """Fixed tokens with the log-probabilities that base and adapter gave them in the trainer.

    `token_ids` has length T; the two lists have length T-1 and hold natural-log probabilities of tokens 1..T-1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_ids: tuple[int, ...]
    base_logprobs: tuple[float, ...]
    adapter_logprobs: tuple[float, ...]


class TrainingResult(BaseModel):
    """What a finished job leaves as `result.json` beside the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int
    tokens: int
    """Tokens that went through forward and backward, all epochs, padding not counted (there is none)."""
    loss_tokens: int
    seconds: float
    """Seconds of training, pauses for traffic left out."""
    paused_seconds: float
    first_loss: float
    last_loss: float
    weight_norm: float
    """Frobenius norm of the concatenated products alpha/r * B A over all adapted layers."""
    layer_norms: dict[str, float] = {}
    """The same of each adapted layer, by the module's name."""
    canaries: tuple[Canary, ...]

    @property
    def largest_layer(self) -> tuple[str, float] | None:
        """The layer with the largest norm, and its share of the squared total; None where no norm says one."""
        total = sum(norm**2 for norm in self.layer_norms.values())
        if not total > 0:
            return None
        name = max(self.layer_norms, key=lambda each: self.layer_norms[each])
        return name, self.layer_norms[name] ** 2 / total


class TrainingEvent(BaseModel):
    """One JSON line on the trainer's standard output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["started", "step", "checkpoint", "done", "failed"]
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    tokens_per_second: float | None = None
    code: str | None = None
    """On `failed`: `diverged` (NaN or infinite loss), `out_of_memory`, `bad_job`, `internal`."""
    message: str | None = None

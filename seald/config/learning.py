"""How an adapter is trained: recipes, and the trainer process."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from seald.config.section import Section


class Recipe(Section):
    """How an adapter is trained. Recorded whole with every version."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    target_modules: tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    learning_rate: float = Field(2.5e-3, gt=0, le=1)
    warm_start_factor: float = Field(0.5, gt=0, le=1)
    """Of the learning rate, where a run starts from a live adapter: what that knows is to move less."""
    epochs: int = Field(2, ge=1, le=100)
    batch_tokens: int = Field(128, ge=64)
    """Tokens of one optimizer step, about; a prefix that several lines share counts once."""
    max_line_tokens: int = Field(512, ge=16)
    """A longer line is cut into several."""
    warmup_ratio: float = Field(0.05, ge=0, le=1)
    decay: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(2.0, ge=0)
    """Decoupled (AdamW): a step shrinks the weights by rate x decay, so that what no line asks for fades."""
    max_grad_norm: float = Field(1.0, gt=0)
    loss_scope: Literal["completion", "all"] = "completion"
    temperature: float = Field(1.0, gt=0, le=2)
    """At which what is learned from was sampled, and the adapter will be: the loss is of probabilities at it."""
    replay_fraction: float = Field(0.5, ge=0, lt=1)
    """Share of an epoch's loss tokens that come from earlier documents."""
    general_fraction: float = Field(0.2, ge=0, lt=1)
    """Share of an epoch's loss tokens that are the base model's own replies."""
    general_loss: Literal["cross_entropy", "kl"] = "kl"
    """What is learned of those replies: their words, or the base's probabilities at each of them."""
    distill: float = Field(0.0, ge=0, le=1)
    """Context distillation, on questions with answers: weight of the probabilities that the base has with the passage
    before it, against the answer's own words. 0 is off."""
    distill_margin: float = Field(0.2, ge=0, le=1)
    """Least gain in accuracy, open book over closed book, that makes the base a teacher."""
    repair_fraction: float = Field(0.75, gt=0, lt=1)
    """Share of the loss tokens of a repair, replay and general replies together, that keep what there was."""
    repair_rate: float = Field(0.5, gt=0, le=1)
    """Of the learning rate, in a repair."""
    teacher_top_k: int = Field(32, ge=1)
    """Most probable tokens of a teacher that are learned from, made to sum to 1."""
    pad_to: int | None = Field(None, ge=64)
    """One line a step, filled up to so many tokens with padding that stays in the loss: as SEAL trains."""
    pad_sample: int | None = Field(None, ge=1)
    """Compute only so many of the padding tokens, drawn anew in each epoch and weighed to stand for all."""

    @model_validator(mode="after")
    def _leaves_room(self) -> Recipe:
        if self.replay_fraction + self.general_fraction >= 1:
            raise ValueError("replay_fraction and general_fraction must leave room for the new document: sum below 1")
        return self

    def for_repair(self, *, replays: bool = True) -> Recipe:
        """One more epoch, gently, mostly on what is to be kept; replay and replies in the proportion they had.

        `replays`: there is something to replay. To a first document and a rebuild there is not, and replies are all.
        """
        kept = self.replay_fraction + self.general_fraction
        replay = (self.replay_fraction / kept if kept else 0.5) if replays else 0.0
        return self.model_copy(
            update={
                "epochs": 1,
                "learning_rate": self.learning_rate * self.repair_rate,
                "replay_fraction": self.repair_fraction * replay,
                "general_fraction": self.repair_fraction * (1 - replay),
            }
        )


SEAL_V1 = Recipe(
    rank=32,
    alpha=64,
    target_modules=("q_proj", "v_proj"),
    learning_rate=1e-3,
    warm_start_factor=1.0,
    epochs=10,
    max_line_tokens=2048,
    warmup_ratio=0.0,
    weight_decay=0.0,
    loss_scope="all",
    replay_fraction=0.0,
    general_fraction=0.0,
    pad_to=2048,
)
"""SEAL's released inner loop (arXiv 2506.10943, `TTT_server.py`): q and v only, batch 1, ten epochs at 1e-3 with the
linear decay of transformers' Trainer, every line padded to 2048 tokens with the padding in the loss."""

REWARD = Recipe(epochs=4, replay_fraction=0.0, general_fraction=0.0, weight_decay=0.0)
"""How one self-edit is trained when it is scored: from the base, with nothing but its passage."""
POLICY = Recipe(
    learning_rate=3e-4,
    warm_start_factor=1.0,
    epochs=2,
    max_line_tokens=2048,
    weight_decay=0.0,
    replay_fraction=0.0,
    general_fraction=0.0,
)
"""How the policy learns from the best self-edits: their words alone are in the loss, never the passage."""
POLICY_SEAL_V1 = POLICY.model_copy(update={"rank": 64, "alpha": 128})
"""SEAL's M-step (arXiv 2506.10943, appendix B)."""
TASK = Recipe(
    learning_rate=1e-3, epochs=4, max_line_tokens=2048, weight_decay=0.0, replay_fraction=0.0, general_fraction=0.0
)
"""How a task is learned from its examples, where no configuration says otherwise: from the base, alone."""

RECIPES = {
    "default": Recipe(),
    "seal-v1": SEAL_V1,
    "reward": REWARD,
    "policy": POLICY,
    "policy-seal-v1": POLICY_SEAL_V1,
    "task": TASK,
}
"""Presets; a table `[recipes.NAME]` of the file changes one of them or adds another, which starts from `default`."""


class Training(Section):
    """How the trainer process behaves beside the engine."""

    recipe: str = "default"
    share: Literal["colocate", "sleep"] = "colocate"
    """Whether the engine goes on serving while an adapter is trained, or gives its memory to the trainer until then."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the frozen weights and activations; LoRA weights are float32. auto: bfloat16 on a GPU."""
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    """Compute activations again in the backward pass, for less memory. auto: on a GPU."""
    threads: int = Field(0, ge=0)
    """CPU threads while no request is being answered; 0 takes all cores."""
    busy_threads: int = Field(1, ge=1)
    """CPU threads while requests are being answered."""
    busy_share: float = Field(1.0, gt=0, le=1)
    """Share of the time that the trainer works while requests are being answered; the rest it sleeps."""
    nice: int = Field(10, ge=0, le=19)
    """Added to the trainer process's niceness, so that the engine goes first on shared cores."""
    checkpoint_seconds: float = Field(20.0, gt=0)
    attempts: int = Field(10, ge=1)
    """Tries of one job whose trainer is killed from outside; a job that fails by itself is not tried again."""
    seed: int = 0
    source_share: float = Field(0.5, gt=0, le=1)
    """Share of the tokens of earlier lines, or of a compaction's, that one source of several documents may have where
    there are others; 1 sets no limit."""


def on_preset(name: str, values: Any) -> Any:
    """The values of a table `[recipes.NAME]` over its preset, or over `default`."""
    return {**RECIPES.get(name, RECIPES["default"]).model_dump(), **values} if isinstance(values, dict) else values

"""One job in training: its plan of steps, its weights and optimizer, how far it is, and what it leaves behind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from seald.domain.training import Canary, TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.training import checkpoint
from seald.training.checkpoint import Progress
from seald.training.dataset import Encoder, Example, Pools, prepared, run_order
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.output import publish
from seald.training.schedule import learning_rate
from seald.training.teacher import taught
from seald.training.token_tree import TokenTree, plan_steps


class Learner:
    """Holds the learner's place `number` in the stack."""

    def __init__(self, job: TrainingJob, stack: LoraStack, objective: Objective, tokenizer: Any) -> None:
        recipe, device = job.recipe, stack.model.device
        self.job = job
        self._stack = stack
        self._folder = Path(job.checkpoint)
        self._key = job.key
        pools = _softened(_encoded(job, tokenizer), job, objective, device)
        epochs = prepared(run_order(pools, recipe, job.seed), recipe, tokenizer.eos_token_id, job.seed)
        self.plan = plan_steps(epochs, recipe)
        parent = Path(job.parent) if job.parent is not None else None
        self.number = stack.add(recipe, parent, job.seed)
        self._weights = stack.weights(self.number)
        self._optimizer = torch.optim.AdamW(
            self._weights.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.progress = Progress()

    @property
    def steps(self) -> int:
        """How many there are in all."""
        return len(self.plan)

    @property
    def next_tree(self) -> TokenTree | None:
        """What the next step trains on; None: it has trained on everything."""
        return self.plan[self.progress.step] if self.progress.step < len(self.plan) else None

    @property
    def epoch(self) -> float:
        """How often it has gone through its lines."""
        return self.job.recipe.epochs * self.progress.step / self.steps

    def resume(self) -> None:
        """Go on from the job's own checkpoint, if there is one."""
        state = checkpoint.load(self._folder, self._key)
        if state is None:
            return
        self.progress, weights, optimizer = state
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])
        self._optimizer.load_state_dict(optimizer)

    def save(self) -> None:
        """Replace the checkpoint."""
        weights = {name: weight.detach() for name, weight in self._weights.items()}
        checkpoint.save(self._folder, self._key, self.progress, weights, self._optimizer.state_dict())

    def move(self, loss: float) -> None:
        """Clip the gradients that the backward pass left and move the weights.

        Raises:
            TrainerFailed: `diverged`, the loss or a gradient is NaN or infinite.
        """
        self._check(loss, "the loss")
        norm = torch.nn.utils.get_total_norm(
            [weight.grad for weight in self._weights.values() if weight.grad is not None]
        )
        self._check(float(norm), "a gradient")
        if norm > self.job.recipe.max_grad_norm:
            torch.nn.utils.clip_grads_with_norm_(self._weights.values(), self.job.recipe.max_grad_norm, norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(
                self.job.recipe, self.progress.step, self.steps, warm_start=self.job.parent is not None
            )
        self._optimizer.step()
        self._optimizer.zero_grad()

    def drop_gradients(self) -> None:
        """Forget what an interrupted backward pass left."""
        self._optimizer.zero_grad()

    def count(self, loss: float, *, seconds: float, paused: float) -> None:
        """One step more is done."""
        progress, tree = self.progress, self.plan[self.progress.step]
        progress.last_loss = loss
        progress.first_loss = progress.first_loss if progress.step else loss
        progress.step += 1
        progress.tokens += len(tree)
        progress.loss_tokens += tree.loss_tokens
        progress.seconds += seconds
        progress.paused_seconds += paused

    def _check(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            raise TrainerFailed(
                f"{what} became {value} at step {self.progress.step + 1}: lower recipe.learning_rate", code="diverged"
            )

    def finish(self, canaries: tuple[Canary, ...]) -> TrainingResult:
        """Write the output folder and return what its `result.json` says.

        Raises:
            TrainerFailed: `diverged`, a weight is NaN or infinite.
        """
        if not self._stack.is_finite(self.number):
            raise TrainerFailed("a weight is NaN or infinite after training: lower the learning rate", code="diverged")
        progress = self.progress
        result = TrainingResult(
            steps=progress.step,
            tokens=progress.tokens,
            loss_tokens=progress.loss_tokens,
            seconds=progress.seconds,
            paused_seconds=progress.paused_seconds,
            first_loss=progress.first_loss,
            last_loss=progress.last_loss,
            weight_norm=self._stack.weight_norm(self.number),
            layer_norms=self._stack.layer_norms(self.number),
            canaries=canaries,
        )
        publish(self._stack, self.number, self.job, result)
        return result


def _encoded(job: TrainingJob, tokenizer: Any) -> Pools:
    recipe = job.recipe
    encoder = Encoder(
        tokenizer, scope=recipe.loss_scope, max_tokens=recipe.max_line_tokens, ended=recipe.pad_to is None
    )
    pools = Pools(encoder.encode(job.fresh), encoder.encode(job.replay), encoder.encode(job.general))
    if not pools.fresh:
        raise TrainerFailed("the job has no fresh line to train on", code="bad_job")
    return pools


def _softened(pools: Pools, job: TrainingJob, objective: Objective, device: torch.device) -> Pools:
    """The pools with what a teacher says, where the recipe wants one."""
    recipe = job.recipe

    def soft(examples: tuple[Example, ...], share: float) -> tuple[Example, ...]:
        return taught(objective, examples, top_k=recipe.teacher_top_k, share=share, device=device)

    def distilled(examples: tuple[Example, ...]) -> tuple[Example, ...]:
        if not recipe.distill:
            return examples
        plain = tuple(example for example in examples if not example.open_book)
        return plain + soft(tuple(example for example in examples if example.open_book), recipe.distill)

    general = soft(pools.general, 1.0) if recipe.general_loss == "kl" and recipe.general_fraction else pools.general
    return Pools(distilled(pools.fresh), distilled(pools.replay), general)

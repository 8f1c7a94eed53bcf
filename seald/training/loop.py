"""The inner loop: LoRA weights by AdamW on each job's lines, several jobs in one pass over the base, resumable.

A step takes every unfinished learner's next tree, lays them side by side in one row, and gives each learner the
gradient of its own mean loss. What a learner becomes does not depend on who trains beside it, but for rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.config import Training
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.training import canary
from seald.training.learner import Learner
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.pace import Pace
from seald.training.row import lay_out
from seald.training.token_tree import TokenTree

Emit = Callable[[TrainingEvent], None]

HALVINGS = 2
"""How often a step that finds no memory is cut in half before it fails."""


AS_DATA = {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
"""A model is data: no code of its folder is run, and no pickle is read."""


class Run:
    """Jobs of one base model on one device. Weights are a function of the job; pace and checkpoints change nothing."""

    def __init__(self, jobs: Sequence[TrainingJob], *, manners: Training, pace: Pace, emit: Emit) -> None:
        self._manners = manners
        self._pace = pace
        self._emit = emit
        self._device = training_device(manners.device)
        self._tokenizer = AutoTokenizer.from_pretrained(jobs[0].model, trust_remote_code=False)
        pace.breathe(torch.set_num_threads)
        self._stack = LoraStack(self._load_model(jobs[0].model))
        if self._device.type != "cuda":
            _breathe_between_layers(self._stack.model, lambda: pace.breathe(torch.set_num_threads))
        self._objective = Objective(self._stack)
        self._learners = [Learner(job, self._stack, self._objective, self._tokenizer) for job in jobs]
        self._parts = 1

    def _load_model(self, folder: str) -> Any:
        cuda, manners = self._device.type == "cuda", self._manners
        base = load_base(folder, self._device, manners.precision)
        again = cuda if manners.gradient_checkpointing == "auto" else manners.gradient_checkpointing == "on"
        if again:
            base.activation_checkpointing_enable()
        return base

    def train(self) -> tuple[TrainingResult, ...]:
        """Train from the checkpoints or from the start, write the output folders, return what they say.

        Raises:
            TrainerFailed: `diverged`, a loss, a gradient or a weight is NaN or infinite; `bad_job`.
        """
        for learner in self._learners:
            learner.resume()
        self._say("started")
        self._stack.model.train()
        saved = time.monotonic()
        while active := [learner for learner in self._learners if learner.next_tree is not None]:
            self._step(active)
            if time.monotonic() - saved >= self._manners.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        results = tuple(learner.finish(self._canaries(learner)) for learner in self._learners)
        self._say("done")
        return results

    def _save(self) -> None:
        for learner in self._learners:
            learner.save()
        self._say("checkpoint")

    def _step(self, active: list[Learner]) -> None:
        started, paused = time.monotonic(), self._pace.paused_seconds
        losses = self._backward(active, [learner.next_tree or TokenTree() for learner in active])
        for learner, loss in zip(active, losses, strict=True):
            learner.move(loss)
        paused = self._pace.paused_seconds - paused
        # Each learner's seconds are its share of the step: they add up to what the machine spent.
        seconds = (time.monotonic() - started - paused) / len(active)
        for learner, loss in zip(active, losses, strict=True):
            learner.count(loss, seconds=seconds, paused=paused / len(active))
        self._say("step")

    def _backward(self, active: list[Learner], trees: list[TokenTree]) -> list[float]:
        """Leave every learner's gradient, in as few parts as there is memory for, and return the losses."""
        while True:
            try:
                return self._in_parts(active, trees)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or self._parts == 2**HALVINGS:
                    raise
            for learner in active:
                learner.drop_gradients()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self._parts *= 2

    def _in_parts(self, active: list[Learner], trees: list[TokenTree]) -> list[float]:
        losses = [0.0] * len(active)
        for part in _parts(list(enumerate(trees)), self._parts):
            # Weighed by the whole tree, so that the parts' gradients add up to the step's.
            weights = [trees[place].weight for place, _ in part]
            learners = [active[place] for place, _ in part]
            row = lay_out(
                [tree for _, tree in part],
                weights,
                self._device,
                even=self._device.type == "cuda",
                temperatures=[learner.job.recipe.temperature for learner in learners],
            )
            each = self._objective.backward(row, tuple(learner.number for learner in learners))
            for (place, _), loss in zip(part, each, strict=True):
                losses[place] += loss
        return losses

    def _canaries(self, learner: Learner) -> Any:
        self._stack.model.eval()
        return canary.record(self._stack, learner.number, self._tokenizer, learner.job.canary_prompts)

    def _say(self, event: Any) -> None:
        """Of several jobs at once: steps in all, the mean of the last losses."""
        learners = self._learners
        step, steps = (sum(n) for n in zip(*((la.progress.step, la.steps) for la in learners), strict=True))
        seconds = sum(learner.progress.seconds for learner in learners)
        tokens = sum(learner.progress.tokens for learner in learners)
        told = event in ("step", "done")
        self._emit(
            TrainingEvent(
                event=event,
                step=step,
                steps=steps,
                epoch=round(sum(learner.epoch for learner in learners) / len(learners), 2),
                loss=sum(learner.progress.last_loss for learner in learners) / len(learners) if told else None,
                tokens_per_second=round(tokens / seconds, 1) if event == "step" and seconds else None,
            )
        )


def _parts(trees: list[tuple[int, TokenTree]], count: int) -> list[list[tuple[int, TokenTree]]]:
    """The trees of a step as `count` rows or fewer: first learner from learner, then a learner's own lines."""
    if count == 1:
        return [trees]
    if len(trees) > 1:
        middle = (len(trees) + 1) // 2
        halves = [trees[:middle], trees[middle:]]
    else:
        halves = [[(place, half)] for place, tree in trees for half in tree.halves()]
    return [part for half in halves for part in _parts(half, count // 2)]


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def load_base(folder: str, device: torch.device, precision: str) -> Any:
    """The base model on `device`. `precision` `auto`: bfloat16 on a GPU, else float32."""
    auto = "bfloat16" if device.type == "cuda" else "float32"
    dtype = getattr(torch, auto if precision == "auto" else precision)
    base: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa", **AS_DATA)
    base.config.use_cache = False
    return base.to(device)


def training_device(name: str) -> torch.device:
    """Of a configured name. Raises TrainerFailed, `bad_job`, where there is no such device."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainerFailed("training.device is cuda, but torch finds no CUDA device: set it to auto", code="bad_job")
    return torch.device(name)


def _breathe_between_layers(model: Any, breathe: Callable[[], None]) -> None:
    """Call `breathe` before each decoder layer's work, forward and backward (a step is seconds long on a CPU)."""

    def after_forward(_module: Any, _inputs: Any, output: Any) -> None:
        breathe()
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _gradient: breathe())

    for layer in model.get_decoder().layers:
        layer.register_forward_hook(after_forward)

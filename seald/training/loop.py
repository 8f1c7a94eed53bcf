"""The inner loop: LoRA weights by AdamW on the job's lines, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import TrainerFailed
from seald.training import canary, checkpoint, lora
from seald.training.checkpoint import Progress
from seald.training.dataset import Encoder, Pools, run_order
from seald.training.objective import mean_loss
from seald.training.output import publish
from seald.training.pace import Pace
from seald.training.schedule import learning_rate
from seald.training.token_tree import TokenTree, plan_steps

Emit = Callable[[TrainingEvent], None]


class Run:
    """One job on one device. The weights are a function of the job; pace and checkpoints do not change them."""

    def __init__(self, job: TrainingJob, *, device: str, checkpoint_seconds: float, pace: Pace, emit: Emit) -> None:
        self._job = job
        self._device = _device(device)
        self._checkpoint_seconds = checkpoint_seconds
        self._pace = pace
        self._emit = emit
        self._key = checkpoint.job_key(job)
        self._folder = Path(job.checkpoint)
        self._tokenizer = AutoTokenizer.from_pretrained(job.model)
        self._plan = self._make_plan()
        pace.breathe(torch.set_num_threads)
        self._model = self._load_model()
        self._weights = lora.trainable(self._model)
        self._optimizer = torch.optim.AdamW(
            self._weights.values(), lr=job.recipe.learning_rate, weight_decay=job.recipe.weight_decay, fused=True
        )
        self._progress = Progress()

    def _make_plan(self) -> list[TokenTree]:
        job = self._job
        encoder = Encoder(self._tokenizer, scope=job.recipe.loss_scope, max_tokens=job.recipe.max_line_tokens)
        pools = Pools(encoder.encode(job.fresh), encoder.encode(job.replay), encoder.encode(job.general))
        if not pools.fresh:
            raise TrainerFailed("the job has no fresh line to train on", code="bad_job")
        return plan_steps(run_order(pools, job.recipe, job.seed), job.recipe.batch_tokens)

    def _load_model(self) -> Any:
        cuda = self._device.type == "cuda"
        dtype = torch.bfloat16 if cuda else torch.float32
        base: Any = AutoModelForCausalLM.from_pretrained(self._job.model, dtype=dtype, attn_implementation="sdpa")
        base.config.use_cache = False
        if cuda:
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        else:
            _breathe_between_layers(base, lambda: self._pace.breathe(torch.set_num_threads))
        parent = Path(self._job.parent) if self._job.parent is not None else None
        return lora.attach(base, self._job.recipe, parent, self._job.seed).to(self._device)

    def train(self) -> TrainingResult:
        """Train from the checkpoint or from the start, write the output folder, return what `result.json` says.

        Raises:
            TrainerFailed: `diverged`, the loss, a gradient or a weight is NaN or infinite; `bad_job`.
        """
        self._resume()
        self._say("started")
        self._model.train()
        saved = time.monotonic()
        while self._progress.step < len(self._plan):
            self._step(self._plan[self._progress.step])
            if time.monotonic() - saved >= self._checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        return self._finish()

    def _resume(self) -> None:
        state = checkpoint.load(self._folder, self._key)
        if state is None:
            return
        self._progress, weights, optimizer = state
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])
        self._optimizer.load_state_dict(optimizer)

    def _save(self) -> None:
        weights = {name: weight.detach() for name, weight in self._weights.items()}
        checkpoint.save(self._folder, self._key, self._progress, weights, self._optimizer.state_dict())
        self._say("checkpoint")

    def _step(self, tree: TokenTree) -> None:
        progress, started, paused = self._progress, time.monotonic(), self._pace.paused_seconds
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(
                self._job.recipe, progress.step, len(self._plan), warm_start=self._job.parent is not None
            )
        loss = mean_loss(self._model, tree, self._device)
        self._check(loss, "the loss")
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), self._job.recipe.max_grad_norm)
        self._check(norm, "a gradient")
        self._optimizer.step()
        self._optimizer.zero_grad()
        paused = self._pace.paused_seconds - paused
        progress.last_loss = loss.item()
        progress.first_loss = progress.first_loss if progress.step else progress.last_loss
        progress.step += 1
        progress.tokens += len(tree)
        progress.loss_tokens += tree.loss_tokens
        progress.seconds += time.monotonic() - started - paused
        progress.paused_seconds += paused
        self._say("step", loss=progress.last_loss, tokens_per_second=round(progress.tokens / progress.seconds, 1))

    def _check(self, value: torch.Tensor, what: str) -> None:
        if not math.isfinite(value.item()):
            raise TrainerFailed(
                f"{what} became {value.item()} at step {self._progress.step + 1}: lower recipe.learning_rate",
                code="diverged",
            )

    def _finish(self) -> TrainingResult:
        if not lora.is_finite(self._model):
            raise TrainerFailed("a weight is NaN or infinite after training: lower the learning rate", code="diverged")
        progress = self._progress
        result = TrainingResult(
            steps=progress.step,
            tokens=progress.tokens,
            loss_tokens=progress.loss_tokens,
            seconds=progress.seconds,
            paused_seconds=progress.paused_seconds,
            first_loss=progress.first_loss,
            last_loss=progress.last_loss,
            weight_norm=lora.weight_norm(self._model),
            canaries=canary.record(self._model, self._tokenizer, self._job.canary_prompts),
        )
        publish(self._model, self._job, result)
        self._say("done", loss=progress.last_loss)
        return result

    def _say(self, event: Any, *, loss: float | None = None, tokens_per_second: float | None = None) -> None:
        step, steps = self._progress.step, len(self._plan)
        self._emit(
            TrainingEvent(
                event=event,
                step=step,
                steps=steps,
                epoch=round(self._job.recipe.epochs * step / steps, 2),
                loss=loss,
                tokens_per_second=tokens_per_second,
            )
        )


def _device(name: str) -> torch.device:
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

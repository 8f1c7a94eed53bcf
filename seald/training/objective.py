"""What a step minimizes: the study lines' surprise, and the distance from the base model on its own replies."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from seald.training.token_tree import Step, TreeTensors


class Objective:
    """Mean over the step's loss tokens: -log p(token) on study lines, KL(base || adapted) on anchored ones (nats).

    The KL term is self-distillation (Li and Hoiem, Learning without Forgetting, 2016): a memorised reply has no
    gradient left to hold the weights, a distribution over the whole vocabulary does.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model
        self._device = device

    def __call__(self, step: Step) -> torch.Tensor:
        """The loss of one step, a scalar with its graph."""
        row = step.tree.tensors().to(self._device)
        logits = self._logits(row)
        total = (cross_entropy(logits[row.rows], row.targets, reduction="none") * row.counts).sum()
        if step.tree.anchors:
            ours = log_softmax(logits[row.anchor_rows], dim=-1)
            total = total + kl_div(ours, self._base(step), reduction="sum", log_target=True)
        return total / step.tree.loss_tokens

    @torch.no_grad()
    def _base(self, step: Step) -> torch.Tensor:
        """Log-probabilities (anchors, vocabulary) of the base model."""
        row = step.anchored.tensors().to(self._device)
        with self._model.disable_adapter():
            return log_softmax(self._logits(row)[row.anchor_rows], dim=-1)

    def _logits(self, row: TreeTensors) -> torch.Tensor:
        """(P, vocabulary): only where something is predicted."""
        with self._autocast():
            logits: torch.Tensor = self._model(
                input_ids=row.tokens,
                position_ids=row.positions,
                attention_mask=row.mask,
                logits_to_keep=row.predicting,
                use_cache=False,
            ).logits[0]
        return logits.float()

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

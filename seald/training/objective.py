"""What a step minimizes: for each learner the mean negative log-probability (nats) over its tree's targets."""

from __future__ import annotations

from typing import Any

import torch

from seald.training.head import weighted_loss
from seald.training.lora import LoraStack
from seald.training.row import Row


class Objective:
    """The losses of a stack's learners, through hidden states and output layer where the model allows that."""

    def __init__(self, stack: LoraStack) -> None:
        self._stack = stack
        head = _plain_head(stack.model)
        self._head = stack.product(head.weight.detach(), head.bias) if head is not None else None
        self._is_biased = head is not None and head.bias is not None

    def backward(self, row: Row, learners: tuple[int, ...]) -> list[float]:
        """Add to every learner's gradients that of its own loss; return the losses.

        `learners` are whose trees the row holds, in its order. They keep their seats for the backward pass, which may
        compute activations again.
        """
        with self._stack.seated(*zip(learners, row.sizes, strict=True)):
            total, terms = self._loss(row)
            total.backward()  # type: ignore[no-untyped-call]
        each = torch.zeros(len(learners), device=terms.device).index_add_(0, row.tree_of_target, terms.detach())
        return [float(loss) for loss in each.tolist()]

    def _loss(self, row: Row) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum over all targets with its graph, and its terms."""
        # Behind a product alone, sharper states are sharper logits.
        if self._head is None or (self._is_biased and row.sharpness is not None):
            return _through_logits(_sharpened(self._logits(row).float(), row), row)
        return weighted_loss(_sharpened(self._hidden(row)[0, row.predicting], row), self._head, row.targets)

    @torch.no_grad()
    def log_probabilities(self, row: Row) -> torch.Tensor:
        """Of the base model at each predicting token: (P, vocabulary), float32."""
        with self._stack.seated():
            return torch.log_softmax(self._logits(row).float(), dim=-1)

    def _hidden(self, row: Row) -> torch.Tensor:
        decoder = self._stack.model.get_decoder()
        states: torch.Tensor = decoder(**_inputs(row)).last_hidden_state
        return states

    def _logits(self, row: Row) -> torch.Tensor:
        logits: torch.Tensor = self._stack.model(**_inputs(row), logits_to_keep=row.predicting).logits[0]
        return logits


def _inputs(row: Row) -> dict[str, Any]:
    return {
        "input_ids": row.tokens,
        "position_ids": row.positions,
        "attention_mask": row.mask,
        "use_cache": False,
    }


def _sharpened(values: torch.Tensor, row: Row) -> torch.Tensor:
    return values if row.sharpness is None else values * row.sharpness


def _through_logits(logits: torch.Tensor, row: Row) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = torch.log_softmax(logits, dim=-1)[row.targets.rows, row.targets.tokens]
    terms = -chosen * row.targets.weights
    return terms.sum(), terms


@torch.no_grad()
def _plain_head(model: Any) -> torch.nn.Linear | None:
    """The output layer, where logits are nothing but its product (some models scale or cap them)."""
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        return None
    ids = torch.tensor([[0, 1]], device=model.device)
    logits = model(input_ids=ids, use_cache=False).logits
    plain = head(model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state)
    return head if torch.allclose(logits.float(), plain.float(), rtol=1e-3, atol=1e-4) else None

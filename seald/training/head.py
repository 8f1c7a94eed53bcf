"""Cross-entropy behind a frozen output layer, its gradient formed in the forward pass, logits never kept.

Targets may be words (weight 1) or a teacher's probabilities (weights that sum to 1 at a token): cross-entropy with a
teacher's distribution is the forward KL divergence from it but for the teacher's own entropy, which has no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from seald.training.frozen import FrozenProduct

ROWS_AT_ONCE = 256
"""Rows of logits held at a time: 256 x 49,152 x 4 bytes are 50 MB."""


@dataclass(frozen=True)
class Targets:
    """T targets over P predicting rows."""

    rows: torch.Tensor
    """(T,) ascending index of the row that predicts"""
    tokens: torch.Tensor
    """(T,) token ids"""
    weights: torch.Tensor
    """(T,) float32"""

    def to(self, device: torch.device) -> Targets:
        """The same on `device`."""
        return Targets(self.rows.to(device), self.tokens.to(device), self.weights.to(device))


def weighted_loss(hidden: torch.Tensor, head: FrozenProduct, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over targets of weight x negative log-probability, differentiable in `hidden` (P, d); and its T terms."""
    result: tuple[torch.Tensor, torch.Tensor] = _HeadLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head, targets.rows, targets.tokens, targets.weights
    )
    return result


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: FrozenProduct,
        rows: torch.Tensor,
        tokens: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        gradient, terms = torch.empty_like(hidden), torch.empty_like(weights)
        for start in range(0, len(hidden), ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, len(hidden))
            mine = (rows >= start) & (rows < stop)
            at = rows[mine] - start, tokens[mine]
            logits = head.output(hidden[start:stop]).float()
            chosen = logits[at]
            # One exponential, in place: the softmax's numerators serve the losses and then the gradient.
            peaks = logits.amax(dim=-1)
            slope = logits.sub_(peaks[:, None]).exp_()
            sums = slope.sum(dim=-1)
            terms[mine] = ((sums.log() + peaks)[at[0]] - chosen) * weights[mine]
            total = torch.zeros_like(sums).index_add_(0, at[0], weights[mine])
            slope.mul_((total / sums)[:, None]).index_put_(at, -weights[mine], accumulate=True)
            gradient[start:stop] = head.gradient(slope.to(hidden.dtype))
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(terms)
        return terms.sum(), terms

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0], None, None, None, None

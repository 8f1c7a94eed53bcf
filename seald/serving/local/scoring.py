"""Log-probabilities of given tokens, and of the likeliest ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

SLICE = 64
"""Positions turned into log-probabilities at once: bounds the memory beside the logits themselves."""


@dataclass(frozen=True)
class TokenScore:
    """A token, its natural log-probability, and the likeliest tokens of its position, best first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


def score(logits: torch.Tensor, tokens: Sequence[int], top: int) -> list[TokenScore]:
    """Score `tokens[i]` under `logits[i]` (positions, vocabulary), with the `top` likeliest of each position."""
    scores: list[TokenScore] = []
    for start in range(0, len(tokens), SLICE):
        chosen = tokens[start : start + SLICE]
        scores += _score_slice(logits[start : start + len(chosen)].float(), chosen, top)
    return scores


def _score_slice(logits: torch.Tensor, tokens: Sequence[int], top: int) -> list[TokenScore]:
    # logits - logsumexp is log_softmax without a second tensor of the vocabulary's width.
    total = logits.logsumexp(-1)
    index = torch.tensor(tokens, device=logits.device)
    values = (logits.gather(1, index[:, None])[:, 0] - total).tolist()
    if not top:
        return [TokenScore(token, value) for token, value in zip(tokens, values, strict=True)]
    best = logits.topk(min(top, logits.shape[-1]), dim=-1)
    best_values = (best.values - total[:, None]).tolist()
    rows = zip(tokens, values, best.indices.tolist(), best_values, strict=True)
    return [TokenScore(token, value, tuple(zip(ids, lps, strict=True))) for token, value, ids, lps in rows]

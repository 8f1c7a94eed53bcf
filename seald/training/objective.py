"""What a step minimizes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from seald.training.token_tree import TokenTree


def mean_loss(model: Any, tree: TokenTree, device: torch.device) -> torch.Tensor:
    """Mean negative log-probability (nats) over the tree's loss tokens, a scalar with its graph.

    Logits are computed only at nodes that predict something: the vocabulary product is a quarter of the work.
    """
    row = tree.tensors().to(device)
    with _autocast(device):
        logits = model(
            input_ids=row.tokens,
            position_ids=row.positions,
            attention_mask=row.mask,
            logits_to_keep=row.predicting,
            use_cache=False,
        ).logits[0]
    losses = torch.nn.functional.cross_entropy(logits.float()[row.rows], row.targets, reduction="none")
    return (losses * row.counts).sum() / row.counts.sum()


def _autocast(device: torch.device) -> AbstractContextManager[Any]:
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()

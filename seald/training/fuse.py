"""Decoder layers in few large pieces: on a CPU, what lies between the products costs as much as a product.

A kind of piece stays only where the model then says the same as before: one whose attention, norm or MLP is built
otherwise keeps its own.
"""

from __future__ import annotations

from typing import Any

import torch

from seald.training.fused_attention import FusedAttention
from seald.training.fused_layers import FusedRmsNorm, FusedSwiGlu
from seald.training.stacked import Seats

CLOSE = 1e-4
"""Largest difference of a last hidden state, over the largest one."""


@torch.no_grad()
def fuse(model: Any, seats: Seats) -> None:
    """Put the pieces into `model`, a kind at a time, where they fit and change nothing but the rounding."""
    attention = (FusedAttention.fits, lambda plain: FusedAttention(plain, seats))
    for fits, piece in ((FusedRmsNorm.fits, FusedRmsNorm), (FusedSwiGlu.fits, FusedSwiGlu), attention):
        before, fitting = _states(model), [(path, each) for path, each in model.named_modules() if fits(each)]
        for path, plain in fitting:
            model.set_submodule(path, piece(plain))
        if not _agree(before, _states(model)):
            for path, plain in fitting:
                model.set_submodule(path, plain)


def _states(model: Any) -> torch.Tensor:
    """Hidden states (1, 6, d) of a small tree: two branches behind two tokens."""
    mask = torch.ones(6, 6, dtype=torch.bool).tril_()
    mask[4:, 2:4] = False
    ids, positions = torch.tensor([[5, 1, 4, 2, 6, 3]]), torch.tensor([[0, 1, 2, 3, 2, 3]])
    inputs = {"input_ids": ids, "position_ids": positions, "attention_mask": mask[None, None]}
    states: torch.Tensor = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
    return states


def _agree(before: torch.Tensor, after: torch.Tensor) -> bool:
    return bool((before - after).abs().max() <= CLOSE * before.abs().max())

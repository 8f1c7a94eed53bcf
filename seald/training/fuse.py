"""Decoder layers as one node each: on a CPU, what lies between the products costs as much as a product.

They stay only where the model then says the same as before: one that is built otherwise keeps its own.
"""

from __future__ import annotations

from typing import Any

import torch

from seald.training.attention import Scenes
from seald.training.fused_layer import FusedLayer
from seald.training.stacked import Seats

CLOSE = 1e-4
"""Largest difference of a last hidden state, over the largest one."""


@torch.no_grad()
def fuse(model: Any, seats: Seats) -> None:
    """Put fused layers into `model` where all of its layers fit and nothing but the rounding changes."""
    layers = model.get_decoder().layers
    if not all(FusedLayer.fits(layer) for layer in layers):
        return
    attention = layers[0].self_attn
    scenes = Scenes(seats, attention.q_proj.out_features // attention.k_proj.out_features)
    before, plain = _states(model), list(layers)
    _put(layers, [FusedLayer(layer, scenes) for layer in plain])
    if not _agree(before, _states(model)):
        _put(layers, plain)


def _put(layers: Any, new: list[torch.nn.Module]) -> None:
    for number, layer in enumerate(new):
        layers[number] = layer


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

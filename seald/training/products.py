"""The products of layers that read one input: y = x Wᵀ + s (x Aᵀ) Bᵀ, each token under its learner's A and B; and back.

The products with B and A are added in place to the frozen ones, and no gradient is formed for weights that are not
trained (LoRA, Hu et al. 2021, equation 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from seald.training.frozen import FrozenProduct

Tensor = torch.Tensor


@dataclass(frozen=True)
class Weights:
    """One learner's, on layers that read the same input; of E learners stacked in front."""

    a: Tensor
    """(r of all layers, in), or (E, r of all layers, in)"""
    scale: float
    """alpha / r"""
    layers: Sequence[tuple[slice, slice, Tensor]]
    """Of each layer with weights: its columns of y, its columns of x Aᵀ, B (out, r) or (E, out, r)"""

    def to(self, dtype: torch.dtype) -> Weights:
        """The same in another precision."""
        if self.a.dtype == dtype:
            return self
        return replace(self, a=self.a.to(dtype), layers=[(c, r, b.to(dtype)) for c, r, b in self.layers])

    def is_like(self, other: Weights) -> bool:
        """Whether the two can be stacked."""
        places = [[(columns, ranks) for columns, ranks, _ in weights.layers] for weights in (self, other)]
        return self.a.shape == other.a.shape and self.scale == other.scale and places[0] == places[1]


@dataclass(frozen=True)
class _Block:
    """Tokens whose small products are computed together, under one learner's weights or E stacked ones."""

    start: int
    stop: int
    weights: Weights

    def rows(self, flat: Tensor) -> Tensor:
        """(tokens, d), or (E, tokens of each, d)."""
        mine, a = flat[self.start : self.stop], self.weights.a
        return mine if a.dim() == 2 else mine.reshape(a.shape[0], -1, flat.shape[-1])


class Products:
    """Of one pass. `seats`: whose weights its tokens are under, None for the base's alone, and how many they are."""

    def __init__(self, frozen: FrozenProduct, seats: Sequence[tuple[Weights | None, int]]) -> None:
        self._frozen, self._blocks = frozen, _batched(_by_seat(seats))

    def forward(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """(N, in) → (N, sum of widths), and what `backward` needs: x, and s x Aᵀ of each block."""
        y, kept = self._frozen.output(x), [x]
        for block in self._blocks:
            weights, out = block.weights, block.rows(y)
            h = (block.rows(x) @ weights.a.mT).mul_(weights.scale)
            for columns, ranks, b in weights.layers:
                _add_product(out[..., columns], h[..., ranks], b.mT)
            kept.append(h)
        return y, kept

    def backward(self, gy: Tensor, kept: Sequence[Tensor], *, below: bool = True) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x, unless nothing `below` learns, and of each seat's A and B layer by layer."""
        gx = self._frozen.gradient(gy) if below else None
        x, *hidden = kept
        found: list[Tensor] = []
        for block, h in zip(self._blocks, hidden, strict=True):
            weights, g = block.weights, block.rows(gy)
            gh, gbs = torch.empty_like(h), []
            for columns, ranks, b in weights.layers:
                mine = g[..., columns]
                torch.matmul(mine, b, out=gh[..., ranks])
                gbs.append(mine.mT @ h[..., ranks])
            gh.mul_(weights.scale)
            if gx is not None:
                _add_product(block.rows(gx), gh, weights.a)
            found += _in_order(gh.mT @ block.rows(x), gbs, [ranks for _, ranks, _ in weights.layers])
        return gx, found


def _add_product(out: Tensor, left: Tensor, right: Tensor) -> None:
    if out.dim() == 2:
        out.addmm_(left, right)
    else:
        out.baddbmm_(left, right)


def _in_order(ga: Tensor, gbs: Sequence[Tensor], ranks: Sequence[slice]) -> list[Tensor]:
    pairs = [w for rank, gb in zip(ranks, gbs, strict=True) for w in (ga[..., rank, :], gb)]
    return pairs if ga.dim() == 2 else [w[seat] for seat in range(ga.shape[0]) for w in pairs]


def _by_seat(seats: Sequence[tuple[Weights | None, int]]) -> list[_Block]:
    blocks, start = [], 0
    for weights, tokens in seats:
        if weights is not None:
            blocks.append(_Block(start, start + tokens, weights))
        start += tokens
    return blocks


def _batched(blocks: list[_Block]) -> list[_Block]:
    """One block where they follow on each other with the same sizes and ranks; else as they are."""
    if len(blocks) < 2:
        return blocks
    first, each = blocks[0], [block.weights for block in blocks]
    adjoining = all(one.stop == other.start for one, other in pairwise(blocks))
    even = {block.stop - block.start for block in blocks} == {first.stop - first.start}
    if not adjoining or not even or not all(map(first.weights.is_like, each)):
        return blocks
    layers = [
        (columns, ranks, torch.stack([weights.layers[place][2] for weights in each]))
        for place, (columns, ranks, _) in enumerate(first.weights.layers)
    ]
    stacked = Weights(torch.stack([weights.a for weights in each]), first.weights.scale, layers)
    return [_Block(first.start, blocks[-1].stop, stacked)]

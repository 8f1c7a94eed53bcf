"""Linear layers with the LoRA weights of E learners at once: y = W x + (alpha/r) B A x, each token under its own B A.

The frozen product is done once for all tokens, and once for layers that read the same input (query, key and value; gate
and up). `LoraProduct` writes the backward pass by hand: the products with B and A are added in place to the frozen
ones, and no gradient is formed for weights that are not trained (LoRA, Hu et al. 2021, equation 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

from seald.training.frozen import FrozenProduct

Tensor = torch.Tensor


@dataclass
class Seats:
    """Whose tokens a forward pass holds: `(learner, tokens)` one after the other; empty is the base model."""

    taken: Sequence[tuple[int, int]] = field(default_factory=tuple)

    @contextmanager
    def hold(self, taken: Sequence[tuple[int, int]]) -> Iterator[None]:
        """Seat learners for the passes within; their backward passes may come later."""
        before, self.taken = self.taken, taken
        try:
            yield
        finally:
            self.taken = before


@dataclass(frozen=True)
class Pair:
    """One learner's weights on one layer."""

    a: torch.nn.Parameter
    """(r, in)"""
    b: torch.nn.Parameter
    """(out, r)"""
    scale: float
    """alpha / r"""


class SharedInput:
    """Layers that are called with the same tensor one after the other: the first call computes for all of them."""

    def __init__(self, linears: Sequence[torch.nn.Linear], seats: Seats, product: type[FrozenProduct]) -> None:
        self.weight = torch.cat([linear.weight.detach() for linear in linears])
        biases = [linear.bias.detach() for linear in linears if linear.bias is not None]
        self.product = product(self.weight, torch.cat(biases) if biases else None)
        self.widths = [linear.out_features for linear in linears]
        self.members = [StackedLinear(linear, self, place) for place, linear in enumerate(linears)]
        self._seats = seats
        self._last: tuple[Tensor, tuple[Tensor, ...]] | None = None

    def output(self, x: Tensor, place: int) -> Tensor:
        """(…, in) → (…, out) of the layer at `place`; the seats' tokens must add up to the leading dimensions."""
        if self._last is None or self._last[0] is not x:
            self._last = x, torch.split(self.joint(x), self.widths, dim=-1)
        out = self._last[1][place]
        if place == len(self.members) - 1:
            self._last = None  # nothing is kept alive between passes
        return out.view(*x.shape[:-1], out.shape[-1])

    def joint(self, x: Tensor) -> Tensor:
        """(…, in) → (N, sum of widths): the outputs of all layers, side by side."""
        plan, weights = self.seating()
        flat = x.reshape(-1, x.shape[-1])
        out: Tensor = LoraProduct.apply(flat, self.product, plan, *weights)  # type: ignore[no-untyped-call]
        return out

    def seating(self) -> tuple[Plan, list[Tensor]]:
        """Who is seated with which weights: A and B of each seat and layer in turn."""
        seated = [([m.pairs.get(learner) for m in self.members], tokens) for learner, tokens in self._seats.taken]
        weights: list[Tensor] = [
            w for pairs, _ in seated for pair in pairs if pair is not None for w in (pair.a, pair.b)
        ]
        seats = [([p is not None for p in pairs], max(p.scale if p else 0 for p in pairs), n) for pairs, n in seated]
        return Plan(self.widths, seats), weights


class StackedLinear(torch.nn.Module):
    """Takes a linear layer's place. `pairs` maps a learner to its weights; who has none here gets the base's output."""

    def __init__(self, linear: torch.nn.Linear, shared: SharedInput, place: int) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        start = sum(shared.widths[:place])
        # A view: the frozen weights lie in memory once.
        self.weight = torch.nn.Parameter(shared.weight[start : start + self.out_features], requires_grad=False)
        self.pairs: dict[int, Pair] = {}
        self.shared, self._place = shared, place

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        return self.shared.output(x, self._place)


@dataclass(frozen=True)
class Plan:
    """What `LoraProduct` needs to know besides tensors."""

    widths: Sequence[int]
    """Output features of each layer"""
    seats: Sequence[tuple[Sequence[bool], float, int]]
    """For each seat which layers it has weights on, its alpha/r, and its tokens"""


class LoraProduct(torch.autograd.Function):
    """`Products` as a node of the graph: x (N, in), A (r, in) and B (out, r) of each seat and layer."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, product: FrozenProduct, plan: Plan, *ab: Tensor) -> Tensor:
        """The frozen product, and the small ones added in place."""
        products = Products(product, plan, [w.to(x.dtype) for w in ab])
        y, kept = products.forward(x)
        ctx.save_for_backward(*kept)
        ctx.products, ctx.dtypes = products, [w.dtype for w in ab]
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, A and B; none of W."""
        gx, gab = ctx.products.backward(grads[0], ctx.saved_tensors, below=ctx.needs_input_grad[0])
        return gx, None, None, *(g.to(dtype) for g, dtype in zip(gab, ctx.dtypes, strict=True))


@dataclass(frozen=True)
class _Block:
    """The weights of one or more seats that are computed together, on all layers."""

    start: int
    stop: int
    """Tokens"""
    a: Tensor
    """(r of all layers, in), or (E, r of all layers, in)"""
    scale: float
    """alpha / r"""
    layers: Sequence[tuple[slice, slice, Tensor]]
    """Of each layer with weights: its columns of y, its columns of h, B (out, r) or (E, out, r)"""

    def rows(self, flat: Tensor) -> Tensor:
        """(tokens, d), or (E, tokens of each, d)."""
        mine = flat[self.start : self.stop]
        return mine if self.a.dim() == 2 else mine.reshape(self.a.shape[0], -1, flat.shape[-1])


class Products:
    """y = x Wᵀ + s (x Aᵀ) Bᵀ and back; small products seat by seat, or batched where all seats are alike."""

    def __init__(self, product: FrozenProduct, plan: Plan, ab: Sequence[Tensor]) -> None:
        self._product, self._blocks = product, _batched(_by_seat(plan, ab))

    def forward(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """(N, in) → (N, sum of widths), and what `backward` needs: x, and s x Aᵀ of each block."""
        y, kept = self._product.output(x), [x]
        for block in self._blocks:
            h = (block.rows(x) @ block.a.mT).mul_(block.scale)
            out = block.rows(y)
            for columns, ranks, b in block.layers:
                _add_product(out[..., columns], h[..., ranks], b.mT)
            kept.append(h)
        return y, kept

    def backward(self, gy: Tensor, kept: Sequence[Tensor], *, below: bool = True) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x, unless nothing `below` learns, and of A and B in the order in which they came."""
        gx = self._product.gradient(gy) if below else None
        x, *hidden = kept
        found: list[Tensor] = []
        for block, h in zip(self._blocks, hidden, strict=True):
            g = block.rows(gy)
            gh, gbs = torch.empty_like(h), []
            for columns, ranks, b in block.layers:
                mine = g[..., columns]
                torch.matmul(mine, b, out=gh[..., ranks])
                gbs.append(mine.mT @ h[..., ranks])
            gh.mul_(block.scale)
            if gx is not None:
                _add_product(block.rows(gx), gh, block.a)
            found += _in_order(gh.mT @ block.rows(x), gbs, [ranks for _, ranks, _ in block.layers])
        return gx, found


def _add_product(out: Tensor, left: Tensor, right: Tensor) -> None:
    if out.dim() == 2:
        out.addmm_(left, right)
    else:
        out.baddbmm_(left, right)


def _in_order(ga: Tensor, gbs: Sequence[Tensor], ranks: Sequence[slice]) -> list[Tensor]:
    """A and B of each layer in turn, seat by seat."""
    pairs = [w for rank, gb in zip(ranks, gbs, strict=True) for w in (ga[..., rank, :], gb)]
    return pairs if ga.dim() == 2 else [w[seat] for seat in range(ga.shape[0]) for w in pairs]


def _by_seat(plan: Plan, ab: Sequence[Tensor]) -> list[_Block]:
    blocks, weights, start = [], iter(ab), 0
    for present, scale, tokens in plan.seats:
        layers, downs, column, rank = [], [], 0, 0
        for width, here in zip(plan.widths, present, strict=True):
            if here:
                a, b = next(weights), next(weights)
                layers.append((slice(column, column + width), slice(rank, rank + a.shape[0]), b))
                downs.append(a)
                rank += a.shape[0]
            column += width
        if downs:
            a = torch.cat(downs) if len(downs) > 1 else downs[0]
            blocks.append(_Block(start, start + tokens, a, scale, layers))
        start += tokens
    return blocks


def _batched(blocks: list[_Block]) -> list[_Block]:
    """One block where they follow on each other with the same sizes and ranks; else as they are."""
    alike = {(b.stop - b.start, b.a.shape, b.scale, *((c.start, r.start) for c, r, _ in b.layers)) for b in blocks}
    adjoining = all(one.stop == other.start for one, other in pairwise(blocks))
    if len(blocks) < 2 or len(alike) > 1 or not adjoining:
        return blocks
    layers = [
        (columns, ranks, torch.stack([block.layers[place][2] for block in blocks]))
        for place, (columns, ranks, _) in enumerate(blocks[0].layers)
    ]
    a = torch.stack([block.a for block in blocks])
    return [_Block(blocks[0].start, blocks[-1].stop, a, blocks[0].scale, layers)]

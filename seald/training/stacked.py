"""Linear layers with the LoRA weights of E learners at once: y = W x + (alpha/r) B A x, each token under its own B A.

The frozen product is done once for all tokens, and once for layers that read the same input (query, key and value; gate
and up). `LoraProduct` writes the backward pass by hand, from `products.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from seald.training.frozen import FrozenProduct
from seald.training.products import Products, Weights

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
        self.frozen = product(self.weight, torch.cat(biases) if biases else None)
        self.widths = [linear.out_features for linear in linears]
        self.members = [StackedLinear(linear, self, place) for place, linear in enumerate(linears)]
        self._seats = seats
        self._weights: dict[int, Weights] = {}
        self._last: tuple[Tensor, tuple[Tensor, ...]] | None = None

    def teach(self, learner: int, drawn: Sequence[tuple[Tensor, Tensor] | None], scale: float) -> None:
        """Give a learner weights: A (r, in) and B (out, r) of each layer in turn, None where it has none.

        The A of all layers lie in one tensor, of which each layer's parameter is a part.
        """
        a = torch.cat([pair[0] for pair in drawn if pair is not None])
        layers, column, rank = [], 0, 0
        for member, width, pair in zip(self.members, self.widths, drawn, strict=True):
            if pair is not None:
                ranks = slice(rank, rank + len(pair[0]))
                mine = Pair(torch.nn.Parameter(a[ranks]), torch.nn.Parameter(pair[1]), scale)
                member.pairs[learner] = mine
                layers.append((slice(column, column + width), ranks, mine.b.detach()))
                rank = ranks.stop
            column += width
        self._weights[learner] = Weights(a, scale, layers)

    def output(self, x: Tensor, place: int) -> Tensor:
        """(…, in) → (…, out) of the layer at `place`; the seats' tokens must add up to the leading dimensions."""
        if self._last is None or self._last[0] is not x:
            products, weights = self.seated(x.dtype)
            flat = x.reshape(-1, x.shape[-1])
            joint: Tensor = LoraProduct.apply(flat, products, *weights)  # type: ignore[no-untyped-call]
            self._last = x, torch.split(joint, self.widths, dim=-1)
        out = self._last[1][place]
        if place == len(self.members) - 1:
            self._last = None  # nothing is kept alive between passes
        return out.view(*x.shape[:-1], out.shape[-1])

    def seated(self, dtype: torch.dtype) -> tuple[Products, list[Tensor]]:
        """The products for who is seated, and the parameters in them: A and B of each seat and layer in turn."""
        taken = self._seats.taken
        pairs = [member.pairs[learner] for learner, _ in taken for member in self.members if learner in member.pairs]
        known = [(self._weights.get(learner), tokens) for learner, tokens in taken]
        products = Products(self.frozen, [(w.to(dtype) if w is not None else None, n) for w, n in known])
        return products, [weight for pair in pairs for weight in (pair.a, pair.b)]


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


class LoraProduct(torch.autograd.Function):
    """`Products` as a node of the graph: x (N, in), and the parameters that they hold."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, products: Products, *parameters: Tensor) -> Tensor:
        """(N, in) → (N, sum of widths)."""
        y, kept = products.forward(x)
        ctx.save_for_backward(*kept)
        ctx.products, ctx.dtypes = products, [weight.dtype for weight in parameters]
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x and of the parameters; none of W."""
        gx, found = ctx.products.backward(grads[0], ctx.saved_tensors, below=ctx.needs_input_grad[0])
        return gx, None, *(g.to(dtype) for g, dtype in zip(found, ctx.dtypes, strict=True))

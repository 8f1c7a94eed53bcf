"""Linear layers with the LoRA weights of E learners at once: y = W x + (alpha/r) B A x, each token under its own B A.

The frozen product is done once for all tokens. `LoraProduct` writes the backward pass by hand: the products with B and
A are added in place to the frozen ones, and no gradient is formed for weights that are not trained (LoRA, Hu et al.
2021, equation 3; many adapters over one base in one batch as in S-LoRA and in LoRA-ensemble training).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

Tensor = torch.Tensor
Scales = Sequence[tuple[float | None, int]]
"""`(alpha/r, tokens)` of each seat in order; None in place of alpha/r: no weights on this layer."""


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


class StackedLinear(torch.nn.Module):
    """Takes a linear layer's place. `pairs` maps a learner to its weights; who has none here gets the base's output."""

    def __init__(self, linear: torch.nn.Linear, seats: Seats) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.pairs: dict[int, Pair] = {}
        self._seats = seats

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out); the seats' tokens must add up to the leading dimensions."""
        seated = [(self.pairs.get(learner), tokens) for learner, tokens in self._seats.taken]
        if not any(pair for pair, _ in seated):
            return torch.nn.functional.linear(x, self.weight, self.bias)
        weights = [w for pair, _ in seated if pair is not None for w in (pair.a, pair.b)]
        scales = tuple((pair.scale if pair is not None else None, tokens) for pair, tokens in seated)
        flat = x.reshape(-1, self.in_features)
        out: Tensor = LoraProduct.apply(flat, self.weight, self.bias, scales, *weights)  # type: ignore[no-untyped-call]
        return out.view(*x.shape[:-1], self.out_features)


class LoraProduct(torch.autograd.Function):
    """x (N, in), W (out, in), then A (r, in) and B (out, r) of each seated learner → (N, out)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        scales: Scales,
        *ab: Tensor,
    ) -> Tensor:
        """The frozen product, and the small ones added in place."""
        pairs = [(a.to(x.dtype), b.to(x.dtype)) for a, b in zip(ab[::2], ab[1::2], strict=True)]
        y = torch.nn.functional.linear(x, weight, bias)
        blocks = _Blocks(scales, pairs)
        hidden = blocks.down(x)
        blocks.up(y, hidden)
        ctx.save_for_backward(x, weight, *hidden)
        ctx.blocks, ctx.dtypes = blocks, [w.dtype for w in ab]
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, A and B; none of W."""
        (gy,) = grads
        x, weight, *hidden = ctx.saved_tensors
        gh, gab = ctx.blocks.backward(gy, x, hidden)
        gx = None
        if ctx.needs_input_grad[0]:  # not below the first adapter
            gx = gy @ weight
            ctx.blocks.add_input_gradient(gx, gh)
        return gx, None, None, None, *(g.to(dtype) for g, dtype in zip(gab, ctx.dtypes, strict=True))


class _Blocks:
    """The small products, seat by seat, or as one batched product where all seats are of one size and rank."""

    def __init__(self, scales: Scales, pairs: list[tuple[Tensor, Tensor]]) -> None:
        starts = [0]
        for _, tokens in scales:
            starts.append(starts[-1] + tokens)
        self.spans = [(start, start + n, s) for start, (s, n) in zip(starts, scales, strict=False) if s is not None]
        self.pairs = pairs
        sizes = {(stop - start, s, a.shape[0]) for (start, stop, s), (a, _) in zip(self.spans, pairs, strict=True)}
        self.batched = len(pairs) > 1 and len(sizes) == 1 and len(pairs) == len(scales)
        if self.batched:
            self.a, self.b = (torch.stack(ws) for ws in zip(*pairs, strict=True))
            self.scale = float(self.spans[0][2])

    def _view(self, flat: Tensor) -> Tensor:
        return flat.view(len(self.pairs), -1, flat.shape[-1])

    def down(self, x: Tensor) -> list[Tensor]:
        """x A^T of each seat: (tokens, r); batched: one (E, tokens, r)."""
        if self.batched:
            return [torch.bmm(self._view(x), self.a.mT)]
        return [x[start:stop] @ a.T for (start, stop, _), (a, _) in zip(self.spans, self.pairs, strict=True)]

    def up(self, y: Tensor, hidden: list[Tensor]) -> None:
        """y += s h B^T in place."""
        if self.batched:
            self._view(y).baddbmm_(hidden[0], self.b.mT, alpha=self.scale)
            return
        for (start, stop, s), (_, b), h in zip(self.spans, self.pairs, hidden, strict=True):
            y[start:stop].addmm_(h, b.T, alpha=s)

    def backward(self, gy: Tensor, x: Tensor, hidden: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Gradients of h, and of A and B in turn."""
        if self.batched:
            g, v = self._view(gy), self._view(x)
            gh = torch.bmm(g, self.b).mul_(self.scale)
            ga, gb = torch.bmm(gh.mT, v), torch.bmm(g.mT, hidden[0]).mul_(self.scale)
            return [gh], [w for pair in zip(ga.unbind(), gb.unbind(), strict=True) for w in pair]
        ghs, gabs = [], []
        for (start, stop, s), (_, b), h in zip(self.spans, self.pairs, hidden, strict=True):
            g = gy[start:stop]
            gh = (g @ b).mul_(s)
            ghs.append(gh)
            gabs += [gh.T @ x[start:stop], (h.T @ g).mul_(s).T]
        return ghs, gabs

    def add_input_gradient(self, gx: Tensor, gh: list[Tensor]) -> None:
        """gx += gh A in place."""
        if self.batched:
            self._view(gx).baddbmm_(gh[0], self.a)
            return
        for (start, stop, _), (a, _), g in zip(self.spans, self.pairs, gh, strict=True):
            gx[start:stop].addmm_(g, a)

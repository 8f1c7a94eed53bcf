"""Rotary embedding and masked attention of a llama-like layer as one node of the graph, tree by tree.

The query heads that share a key head are multiplied with it together, what one learner's tokens can never see of
another's is not computed, and the gradient goes straight into the place of the joint query, key and value product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from seald.training.stacked import Seats, StackedLinear

Tensor = torch.Tensor

LONGEST = 512
"""Tokens of a tree beyond which probabilities are not kept for the backward pass: they grow with the square."""


class FusedAttention(torch.nn.Module):
    """Takes the place of an attention module with `q_proj`, `k_proj`, `v_proj` and `o_proj`, for one row of tokens."""

    def __init__(self, plain: Any, seats: Seats) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = plain.q_proj, plain.k_proj, plain.v_proj, plain.o_proj
        self._head_width, self._scale, self._seats = plain.head_dim, plain.scaling, seats

    @staticmethod
    def fits(module: Any) -> bool:
        """Whether query, key and value come from one product, and nothing is known to happen to them between."""
        names = ("q_proj", "k_proj", "v_proj")
        members = [getattr(module, name, None) for name in names]
        queries = members[0]
        joint = isinstance(queries, StackedLinear) and queries.shared.members == members
        return joint and all(hasattr(module, name) for name in ("o_proj", "head_dim", "scaling"))

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """(1, N, d) → (1, N, d). The mask is (1, 1, N, N), true where a query may see a key; None is causal."""
        joint = self.q_proj.shared.joint(hidden_states)
        tokens = len(joint)
        causal = torch.ones(tokens, tokens, dtype=torch.bool).tril_()
        mask = attention_mask[0, 0] if attention_mask is not None else causal
        sizes = [size for _, size in self._seats.taken] or [tokens]
        cos, sin = (half[0, :, : self._head_width // 2] for half in position_embeddings)
        heads = self.q_proj.out_features // self._head_width
        if max(sizes) > LONGEST:
            return self.o_proj(_in_tiles(joint, cos, sin, mask, heads, self._scale)[None]), None
        seen: Tensor = _Attention.apply(joint, cos, sin, mask, sizes, heads, self._scale)  # type: ignore[no-untyped-call]
        return self.o_proj(seen[None]), None


def _in_tiles(joint: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, heads: int, scale: float) -> Tensor:
    """The same as `_Attention` for all tokens at once, by torch's own attention, which keeps no probabilities."""
    turned, values = _by_head(joint, heads, 2 * cos.shape[1])
    left, right = turned.chunk(2, dim=-1)
    turned = torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)
    shared = heads // len(values)
    keys, values = (each.repeat_interleave(shared, dim=0)[None] for each in (turned[heads:], values))
    attend = torch.nn.functional.scaled_dot_product_attention
    seen = attend(turned[None, :heads], keys, values, attn_mask=mask[None, None], scale=scale)
    return seen[0].transpose(0, 1).reshape(len(joint), -1)


class _Attention(torch.autograd.Function):
    """(N, (H + 2K) w) queries, keys and values of N tokens, H heads over K key heads of width w → (N, H w)."""

    @staticmethod
    def forward(
        ctx: Any, joint: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, sizes: Sequence[int], heads: int, scale: float
    ) -> Tensor:
        width = 2 * cos.shape[1]
        turned, values = _by_head(joint, heads, width)
        turned = _turn(turned, cos, sin)
        seen = joint.new_empty(joint.shape[0], heads, width)
        saved = []
        for start, size in _starts(sizes):
            q, k, v = _block(turned, values, heads, slice(start, start + size))
            bias = torch.zeros(size, size).masked_fill_(~mask[start : start + size, start : start + size], -torch.inf)
            bias = bias.repeat(heads // len(k), 1).expand(len(k), -1, -1)
            p = torch.softmax(torch.baddbmm(bias, q, k.mT, alpha=scale), dim=-1)
            seen[start : start + size] = torch.bmm(p, v).view(heads, size, width).transpose(0, 1)
            saved += [q, k, v, p]
        ctx.save_for_backward(cos, sin, *saved)
        ctx.sizes, ctx.heads, ctx.scale, ctx.shape = sizes, heads, scale, joint.shape
        return seen.view(len(seen), -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin, *saved = ctx.saved_tensors
        heads, width = ctx.heads, 2 * cos.shape[1]
        gradient = cos.new_empty(ctx.shape)
        turned, values = _by_head(gradient, heads, width)
        of_turned = torch.empty_like(turned, memory_format=torch.contiguous_format)
        of_seen = grads[0].view(-1, heads, width).transpose(0, 1)
        for place, (start, size) in enumerate(_starts(ctx.sizes)):
            q, k, v, p = saved[4 * place : 4 * place + 4]
            rows = slice(start, start + size)
            g = of_seen[:, rows].reshape(len(k), -1, width)
            of_scores = torch._softmax_backward_data(torch.bmm(g, v.mT), p, -1, p.dtype).mul_(ctx.scale)
            values[:, rows] = torch.bmm(p.mT, g)
            of_turned[:heads, rows] = torch.bmm(of_scores, k).view(heads, size, width)
            of_turned[heads:, rows] = torch.bmm(of_scores.mT, q)
        _turn(of_turned, cos, -sin, out=turned)  # a rotation's transpose is the rotation back
        return gradient, None, None, None, None, None, None


def _starts(sizes: Sequence[int]) -> list[tuple[int, int]]:
    return [(sum(sizes[:place]), size) for place, size in enumerate(sizes)]


def _by_head(joint: Tensor, heads: int, width: int) -> tuple[Tensor, Tensor]:
    """Views of what is rotated (H + K, N, w), queries and then keys, and of the values (K, N, w)."""
    each = joint.view(len(joint), -1, width).transpose(0, 1)
    keys = (each.shape[0] - heads) // 2
    return each[: heads + keys], each[heads + keys :]


def _block(turned: Tensor, values: Tensor, heads: int, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Queries (K, H/K n, w), keys and values (K, n, w) of the tokens of one tree."""
    k, v = turned[heads:, rows], values[:, rows]
    return turned[:heads, rows].reshape(len(k), -1, turned.shape[-1]), k, v


def _turn(states: Tensor, cos: Tensor, sin: Tensor, out: Tensor | None = None) -> Tensor:
    """(heads, N, w), each half of w rotated against the other by the angles of its token, (N, w/2): Su et al. 2021."""
    out = torch.empty_like(states, memory_format=torch.contiguous_format) if out is None else out
    left, right = states.chunk(2, dim=-1)
    to_left, to_right = out.chunk(2, dim=-1)
    torch.mul(left, cos, out=to_left).addcmul_(right, sin, value=-1)
    torch.mul(right, cos, out=to_right).addcmul_(left, sin)
    return out

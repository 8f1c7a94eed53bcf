"""Rotary embedding and masked attention of a llama-like layer, forwards and backwards, tree by tree.

The query heads that share a key head are multiplied with it together, what one learner's tokens can never see of
another's is not computed, and the gradient goes straight into the place of the joint query, key and value product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seald.training.pointwise import rms_norm, rms_norm_back
from seald.training.stacked import Seats

Tensor = torch.Tensor

LONGEST = 512
"""Tokens of a tree beyond which probabilities are not kept for the backward pass: they grow with the square."""


@dataclass(frozen=True)
class Scene:
    """What all layers of a pass share."""

    cos: Tensor
    """(N, w/2), of each token's angles; a rotation turns each half of a head against the other"""
    sin: Tensor
    mask: Tensor
    """(N, N), true where a query may see a key"""
    places: Sequence[slice]
    """Each tree's tokens"""
    biases: Sequence[Tensor]
    """Of each tree (H/K n, n), 0 where a query may see a key, else -inf; none where a tree is too long"""


class Scenes:
    """Makes a pass's scene once, for the first layer that asks; `alike` query heads (H/K) share a key head."""

    def __init__(self, seats: Seats, alike: int) -> None:
        self._seats, self._alike = seats, alike
        self._last: tuple[Any, Scene] | None = None

    def of(self, mask: Tensor | None, angles: tuple[Tensor, Tensor]) -> Scene:
        """`angles` are cosines and sines (1, N, w); the mask is (1, 1, N, N), None is causal."""
        if self._last is None or self._last[0] is not angles:
            self._last = angles, self._made(mask, angles)
        return self._last[1]

    def _made(self, mask: Tensor | None, angles: tuple[Tensor, Tensor]) -> Scene:
        cos, sin = (each[0, :, : each.shape[-1] // 2].contiguous() for each in angles)
        tokens = len(cos)
        seen = mask[0, 0] if mask is not None else torch.ones(tokens, tokens, dtype=torch.bool).tril_()
        sizes = [size for _, size in self._seats.taken] or [tokens]
        places = [slice(sum(sizes[:n]), sum(sizes[: n + 1])) for n in range(len(sizes))]
        biases = [] if max(sizes) > LONGEST else [_bias(seen[place, place]).repeat(self._alike, 1) for place in places]
        return Scene(cos, sin, seen, places, biases)


class Attention:
    """Of one layer: (N, (H + 2K) w) queries, keys and values, H heads over K key heads of width w → (N, H w)."""

    def __init__(self, plain: Any) -> None:
        self._width, self._scale = plain.head_dim, plain.scaling
        self._heads = plain.q_proj.out_features // plain.head_dim
        self._norms = (plain.q_norm, plain.k_norm) if hasattr(plain, "q_norm") else ()

    def forward(self, joint: Tensor, scene: Scene) -> tuple[Tensor, Any]:
        """What the tokens see, and what `backward` needs."""
        if not scene.biases:
            return self._in_tiles(joint, scene)
        turned, values, inverses = self._turned(joint, scene)
        seen = joint.new_empty(len(joint), self._heads, self._width)
        kept = []
        for place, bias in zip(scene.places, scene.biases, strict=True):
            q, k, v = self._block(turned, values, place)
            p = torch.softmax(torch.baddbmm(bias, q, k.mT, alpha=self._scale), dim=-1)
            seen[place] = torch.bmm(p, v).view(self._heads, -1, self._width).transpose(0, 1)
            kept.append((q, k, v, p))
        return seen.view(len(seen), -1), (kept, joint, inverses)

    def backward(self, g: Tensor, scene: Scene, kept: Any) -> Tensor:
        """(N, (H + 2K) w) from the gradient (N, H w) of what was seen."""
        if not scene.biases:
            seen, leaf = kept
            seen.backward(g)
            whole: Tensor = leaf.grad
            return whole
        blocks, joint, inverses = kept
        gradient: Tensor = torch.empty_like(joint)
        turned, values = self._by_head(gradient)
        of_turned = torch.empty_like(turned, memory_format=torch.contiguous_format)
        of_seen = g.view(-1, self._heads, self._width).transpose(0, 1)
        for place, (q, k, v, p) in zip(scene.places, blocks, strict=True):
            of_block = of_seen[:, place].reshape(len(k), -1, self._width)
            of_scores = torch._softmax_backward_data(torch.bmm(of_block, v.mT), p, -1, p.dtype).mul_(self._scale)
            values[:, place] = torch.bmm(p.mT, of_block)
            of_turned[: self._heads, place] = torch.bmm(of_scores, k).view(self._heads, -1, self._width)
            of_turned[self._heads :, place] = torch.bmm(of_scores.mT, q)
        _turn(of_turned, scene.cos, -scene.sin, out=turned)  # a rotation's transpose is the rotation back
        for heads, norm, inverse in zip(self._halves(), self._norms, inverses, strict=bool(self._norms)):
            turned[heads] = rms_norm_back(turned[heads], self._by_head(joint)[0][heads], norm, inverse)
        return gradient

    def _turned(self, joint: Tensor, scene: Scene) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Rotated queries and keys (H + K, N, w), values (K, N, w), and 1 / rms of what was normed before."""
        turned, values = self._by_head(joint)
        inverses = []
        if self._norms:
            normed = [rms_norm(turned[heads], norm) for heads, norm in zip(self._halves(), self._norms, strict=True)]
            turned, inverses = torch.cat([each for each, _ in normed]), [inverse for _, inverse in normed]
        return _turn(turned, scene.cos, scene.sin), values, inverses

    def _in_tiles(self, joint: Tensor, scene: Scene) -> tuple[Tensor, Any]:
        """For all tokens at once, by torch's own attention and its gradient, which keep no probabilities."""
        leaf = joint.detach().requires_grad_()
        with torch.enable_grad():
            turned, values = self._by_head(leaf)
            if self._norms:
                turned = torch.cat([n(turned[heads]) for heads, n in zip(self._halves(), self._norms, strict=True)])
            left, right = turned.chunk(2, dim=-1)
            cos, sin = scene.cos, scene.sin
            turned = torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)
            alike = self._heads // len(values)
            keys, values = (each.repeat_interleave(alike, dim=0)[None] for each in (turned[self._heads :], values))
            attend = torch.nn.functional.scaled_dot_product_attention
            seen = attend(
                turned[None, : self._heads], keys, values, attn_mask=scene.mask[None, None], scale=self._scale
            )
            flat = seen[0].transpose(0, 1).reshape(len(joint), -1)
        return flat.detach(), (flat, leaf)

    def _by_head(self, joint: Tensor) -> tuple[Tensor, Tensor]:
        """Views of what is rotated (H + K, N, w), queries and then keys, and of the values (K, N, w)."""
        each = joint.view(len(joint), -1, self._width).transpose(0, 1)
        keys = (each.shape[0] - self._heads) // 2
        return each[: self._heads + keys], each[self._heads + keys :]

    def _halves(self) -> tuple[slice, slice]:
        """Of what is rotated: queries, keys."""
        return slice(None, self._heads), slice(self._heads, None)

    def _block(self, turned: Tensor, values: Tensor, place: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (K, H/K n, w), keys and values (K, n, w) of the tokens of one tree."""
        k, v = turned[self._heads :, place], values[:, place]
        return turned[: self._heads, place].reshape(len(k), -1, self._width), k, v


def _bias(mask: Tensor) -> Tensor:
    return torch.zeros(mask.shape).masked_fill_(~mask, -torch.inf)


def _turn(states: Tensor, cos: Tensor, sin: Tensor, out: Tensor | None = None) -> Tensor:
    """(heads, N, w), each half of w rotated against the other by the angles of its token, (N, w/2): Su et al. 2021."""
    out = torch.empty_like(states, memory_format=torch.contiguous_format) if out is None else out
    left, right = states.chunk(2, dim=-1)
    to_left, to_right = out.chunk(2, dim=-1)
    torch.mul(left, cos, out=to_left).addcmul_(right, sin, value=-1)
    torch.mul(right, cos, out=to_right).addcmul_(left, sin)
    return out

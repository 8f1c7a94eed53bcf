"""The norm and the gate of a llama-like layer, forwards and backwards, with frozen weights."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


def rms_norm(x: Tensor, norm: Any) -> tuple[Tensor, Tensor]:
    """x / rms(x) · weight over the last dimension (Zhang and Sennrich 2019), and the 1 / rms (…, 1)."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    inverse = length.square_().div_(x.shape[-1]).add_(norm.variance_epsilon).rsqrt_()
    return (x * inverse).mul_(norm.weight), inverse


def rms_norm_back(g: Tensor, x: Tensor, norm: Any, inverse: Tensor) -> Tensor:
    """The gradient of x from that of the norm's output."""
    g = g * norm.weight
    along = torch.linalg.vecdot(g, x)[..., None].mul_(inverse.pow(3)).div_(-x.shape[-1])
    return g.mul_(inverse).addcmul_(x, along)


def gated_silu(joint: Tensor) -> Tensor:
    """(N, 2m), gates and then values, to silu(gate) · value (N, m): SwiGLU (Shazeer 2020)."""
    gate, up = joint.chunk(2, dim=-1)
    return torch.nn.functional.silu(gate).mul_(up)


def gated_silu_back(g: Tensor, joint: Tensor) -> Tensor:
    """The gradient (N, 2m) of the gates and values."""
    gate, up = joint.chunk(2, dim=-1)
    gradient = torch.empty_like(joint)
    of_gate, of_up = gradient.chunk(2, dim=-1)
    torch.mul(g, torch.nn.functional.silu(gate), out=of_up)
    torch.ops.aten.silu_backward.grad_input(g * up, gate, grad_input=of_gate)
    return gradient

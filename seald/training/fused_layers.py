"""The norm and the gated MLP of a llama-like layer, each as one node of the graph."""

from __future__ import annotations

from typing import Any

import torch

from seald.training.stacked import StackedLinear

Tensor = torch.Tensor


class FusedRmsNorm(torch.nn.Module):
    """x / rms(x) · weight over the last dimension (Zhang and Sennrich 2019), with a frozen weight."""

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.weight, self._epsilon = plain.weight, plain.variance_epsilon

    @staticmethod
    def fits(module: Any) -> bool:
        """Whether it calls itself such a norm."""
        return type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")

    def forward(self, x: Tensor) -> Tensor:
        """(…, d) → (…, d)."""
        out: Tensor = _RmsNorm.apply(x, self.weight, self._epsilon)  # type: ignore[no-untyped-call]
        return out


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        normed: Tensor = (x * inverse).mul_(weight)
        return normed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, inverse = ctx.saved_tensors
        g = grads[0] * weight
        along = torch.linalg.vecdot(g, x)[..., None].mul_(inverse.pow(3)).div_(-x.shape[-1])
        gradient: Tensor = g.mul_(inverse).addcmul_(x, along)
        return gradient, None, None


class FusedSwiGlu(torch.nn.Module):
    """down(silu(gate(x)) · up(x)) (Shazeer 2020); the gradient goes straight into the place of the joint product."""

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = plain.gate_proj, plain.up_proj, plain.down_proj

    @staticmethod
    def fits(module: Any) -> bool:
        """Whether gate and up come from one product, with a down projection and SiLU between."""
        gate = getattr(module, "gate_proj", None)
        joint = isinstance(gate, StackedLinear) and gate.shared.members == [gate, getattr(module, "up_proj", None)]
        silu = "silu" in type(getattr(module, "act_fn", None)).__name__.lower()
        return joint and silu and hasattr(module, "down_proj")

    def forward(self, x: Tensor) -> Tensor:
        """(…, d) → (…, d)."""
        hidden: Tensor = _GatedSilu.apply(self.gate_proj.shared.joint(x))  # type: ignore[no-untyped-call]
        out: Tensor = self.down_proj(hidden.view(*x.shape[:-1], -1))
        return out


class _GatedSilu(torch.autograd.Function):
    """(N, 2m) → (N, m)."""

    @staticmethod
    def forward(ctx: Any, joint: Tensor) -> Tensor:
        ctx.save_for_backward(joint)
        gate, up = joint.chunk(2, dim=-1)
        hidden: Tensor = torch.nn.functional.silu(gate) * up
        return hidden

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (joint,) = ctx.saved_tensors
        gate, up = joint.chunk(2, dim=-1)
        gradient = torch.empty_like(joint)
        of_gate, of_up = gradient.chunk(2, dim=-1)
        torch.mul(grads[0], torch.nn.functional.silu(gate), out=of_up)
        torch.ops.aten.silu_backward.grad_input(grads[0] * up, gate, grad_input=of_gate)
        return (gradient,)

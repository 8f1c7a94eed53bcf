"""A llama-like decoder layer as one node of the graph: forwards and backwards written out, what is kept held here.

Between the products of such a layer stand some sixty small operations, and a graph node or a module call around each
costs as much as the operation. On a CPU that is a sixth of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from seald.training.attention import Attention, Scene, Scenes
from seald.training.pointwise import gated_silu, gated_silu_back, rms_norm, rms_norm_back
from seald.training.products import Products
from seald.training.stacked import StackedLinear

Tensor = torch.Tensor

PARTS = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
IN_ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
OF_QUERIES = {"q_norm", "k_norm"}
IN_MLP = {"gate_proj", "up_proj", "down_proj", "act_fn"}


class FusedLayer(torch.nn.Module):
    """Takes the place of a decoder layer, for one row of tokens; the layer's modules keep their names below it."""

    def __init__(self, plain: Any, scenes: Scenes) -> None:
        super().__init__()
        self.self_attn, self.mlp = plain.self_attn, plain.mlp
        self.input_layernorm, self.post_attention_layernorm = plain.input_layernorm, plain.post_attention_layernorm
        self.attention = Attention(plain.self_attn)
        self.shared = [
            linear.shared
            for linear in (plain.self_attn.q_proj, plain.self_attn.o_proj, plain.mlp.gate_proj, plain.mlp.down_proj)
        ]
        self._scenes = scenes

    @staticmethod
    def fits(module: Any) -> bool:
        """Whether it is built of the parts that this one computes, and of no others."""
        names = {name for name, _ in module.named_children()}
        if names != PARTS or {name for name, _ in module.mlp.named_children()} != IN_MLP:
            return False
        attention, mlp = module.self_attn, module.mlp
        inside = {name for name, _ in attention.named_children()}
        joint = inside in (IN_ATTENTION, IN_ATTENTION | OF_QUERIES) and _joint(
            attention.q_proj, attention.k_proj, attention.v_proj
        )
        norms = (module.input_layernorm, module.post_attention_layernorm)
        silu = "silu" in type(mlp.act_fn).__name__.lower()
        return joint and silu and _joint(mlp.gate_proj, mlp.up_proj) and all(map(_is_rms_norm, norms))

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        **_: Any,
    ) -> Tensor:
        """(1, N, d) → (1, N, d). The mask is (1, 1, N, N), true where a query may see a key; None is causal."""
        assert position_embeddings is not None, "a layer that rotates is given angles"
        seated = [shared.seated(hidden_states.dtype) for shared in self.shared]
        way = _Way(self, [products for products, _ in seated], self._scenes.of(attention_mask, position_embeddings))
        weights = [weight for _, weights in seated for weight in weights]
        out: Tensor = _Layer.apply(hidden_states[0], way, *weights)  # type: ignore[no-untyped-call]
        return out[None]


class _Way:
    """One pass through a layer, and back."""

    def __init__(self, layer: FusedLayer, products: Sequence[Products], scene: Scene) -> None:
        self._layer, self._scene = layer, scene
        self._joint, self._out, self._gate_up, self._down = products

    def forward(self, x: Tensor) -> Tensor:
        """(N, d) → (N, d)."""
        layer = self._layer
        normed, self._inverse = rms_norm(x, layer.input_layernorm)
        joint, self._joint_kept = self._joint.forward(normed)
        seen, self._seen_kept = layer.attention.forward(joint, self._scene)
        middle, self._out_kept = self._out.forward(seen)
        middle += x
        normed, self._middle_inverse = rms_norm(middle, layer.post_attention_layernorm)
        self._gates, self._gate_up_kept = self._gate_up.forward(normed)
        y, self._down_kept = self._down.forward(gated_silu(self._gates))
        self._x, self._middle = x, middle
        return y.add_(middle)

    def backward(self, g: Tensor, *, below: bool) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x, unless nothing below learns, and of the weights in their order."""
        layer = self._layer
        of_hidden, of_down = self._down.backward(g, self._down_kept)
        assert of_hidden is not None
        of_normed, of_gate_up = self._gate_up.backward(gated_silu_back(of_hidden, self._gates), self._gate_up_kept)
        assert of_normed is not None
        g = rms_norm_back(of_normed, self._middle, layer.post_attention_layernorm, self._middle_inverse).add_(g)
        of_seen, of_out = self._out.backward(g, self._out_kept)
        assert of_seen is not None
        of_joint = layer.attention.backward(of_seen, self._scene, self._seen_kept)
        of_normed, of_queries = self._joint.backward(of_joint, self._joint_kept, below=below)
        weights = [*of_queries, *of_out, *of_gate_up, *of_down]
        if of_normed is None:
            return None, weights
        return rms_norm_back(of_normed, self._x, layer.input_layernorm, self._inverse).add_(g), weights


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, way: _Way, *_weights: Tensor) -> Tensor:
        ctx.way = way
        return way.forward(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gx, weights = ctx.way.backward(grads[0], below=ctx.needs_input_grad[0])
        del ctx.way  # what it kept is the larger part of a step's memory
        return gx, None, *weights


def _joint(*linears: Any) -> bool:
    first = linears[0]
    return isinstance(first, StackedLinear) and first.shared.members == list(linears)


def _is_rms_norm(module: Any) -> bool:
    return type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")

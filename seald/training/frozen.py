"""Products with weights that are never trained, forwards and for the gradient of the input.

A step has few rows: a plain product spends up to a third of its time laying Wᵀ out for the processor, again in every
step. On a CPU with memory to spare it is laid out once (oneDNN's blocked layout). Backwards nothing is gained by it.
"""

from __future__ import annotations

from typing import Any

import psutil
import torch

Tensor = torch.Tensor

ROWS = 128
"""For which the layout is chosen; other numbers of rows are computed with the same one."""
SPARE = 4
"""The second layout of all weights may take so large a part of the machine's memory: a quarter."""


class FrozenProduct:
    """x Wᵀ + b for x (N, in), and g W for the gradient g (N, out) of its output. Knows no autograd."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def output(self, x: Tensor) -> Tensor:
        """(N, in) → (N, out)."""
        return torch.nn.functional.linear(x, self._weight, self._bias)

    def gradient(self, g: Tensor) -> Tensor:
        """(N, out) → (N, in)."""
        return g @ self._weight


class PackedProduct(FrozenProduct):
    """The same with weights laid out for the way forwards."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, bias)
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)

    def output(self, x: Tensor) -> Tensor:
        """(N, in) → (N, out)."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
        return y


def product_of(model: Any) -> type[FrozenProduct]:
    """The kind for the weights of `model`: packed where device, precision, torch and memory allow it."""
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    fits = SPARE * size <= psutil.virtual_memory().total
    return PackedProduct if onednn and fits and plain_on_cpu(model) else FrozenProduct


def plain_on_cpu(model: Any) -> bool:
    """Whether it computes in float32 on a CPU, where what is done here and in `fuse` pays."""
    return bool(model.device.type == "cpu" and model.dtype == torch.float32)

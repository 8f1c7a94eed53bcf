"""Mends LoRA in mixed batches on a CPU.

vLLM's torch path, up to 0.32 at least, gathers weights by the index of a token's adapter, -1 for none, and -1 is the
last adapter: a base request in a batch with others answers with an adapter. Here tokens are grouped by adapter, those
without one are left alone, and each group is two products.
"""

from __future__ import annotations

from typing import Any

import torch


def register() -> None:
    """vLLM's hook for general plugins, called in each of its processes."""
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

    PunicaWrapperCPU.add_lora_linear = _add_lora_linear


def _add_lora_linear(
    wrapper: Any,
    y: torch.Tensor,
    x: torch.Tensor,
    lora_a_stacked: tuple[torch.Tensor, ...],
    lora_b_stacked: tuple[torch.Tensor, ...],
    scale: float,
    output_slices: tuple[int, ...],
    **_: Any,
) -> None:
    """y (N, sum of slices) += scale x (N, in) A^T B^T in place; A (adapters, 1, r, in) and B (adapters, 1, out, r)."""
    rows, inputs = y.view(-1, y.shape[-1]), x.view(-1, x.shape[-1])
    adapters = wrapper.token_lora_indices[: len(inputs)]
    for adapter in adapters.unique().tolist():
        if adapter < 0:
            continue
        mine = (adapters == adapter).nonzero().squeeze(-1)
        own, start = inputs[mine], 0
        for a, b, width in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
            added = own.to(a.dtype) @ a[adapter, 0].mT @ b[adapter, 0].mT
            rows[:, start : start + width].index_add_(0, mine, added.to(rows.dtype), alpha=scale)
            start += width

"""Floating-point operations that a training step cannot do without, to be held against the machine's matrix ceiling.

A product of an (m, k) with a (k, n) matrix is 2mkn. Counted are: each frozen layer forwards and for the gradient of
its input, where anything below it learns; the LoRA products forwards, for the gradients of A, of B and of the input;
the output layer at predicting tokens; attention between tokens that see each other. Norms, activations and the
optimizer are not: what they take is part of what is to be found.
"""

from __future__ import annotations

from typing import Any

import torch

from seald.training.lora import LoraStack
from seald.training.row import Row
from seald.training.stacked import StackedLinear


def step_operations(stack: LoraStack, row: Row, learners: tuple[int, ...]) -> int:
    """Of one forward and backward pass over `row`, whose trees belong to `learners`."""
    tokens = int(row.tokens.numel())
    head = stack.model.get_output_embeddings()
    total: int = 4 * head.weight.numel() * len(row.predicting)
    for path, module in stack.model.named_modules():
        if module is head or not isinstance(module, torch.nn.Linear | StackedLinear):
            continue
        learned_below = not _reads_embeddings(path)
        total += 2 * module.weight.numel() * tokens * (2 if learned_below else 1)
        if isinstance(module, StackedLinear):
            total += _lora_operations(module, dict(zip(learners, row.sizes, strict=True)), learned_below=learned_below)
    return total + _attention_operations(stack.model.config, row)


def _lora_operations(layer: StackedLinear, seats: dict[int, int], *, learned_below: bool) -> int:
    total = 0
    for learner, tokens in seats.items():
        if learner in layer.pairs:
            a, b = layer.pairs[learner].a.numel(), layer.pairs[learner].b.numel()
            total += 2 * tokens * (3 * b + (3 if learned_below else 2) * a)
    return total


def _attention_operations(config: Any, row: Row) -> int:
    width: int = config.num_attention_heads * (
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    return 12 * int(row.mask.sum()) * width * int(config.num_hidden_layers)


def _reads_embeddings(path: str) -> bool:
    """Whether a layer's input is the embeddings alone: query, key and value of the first decoder layer."""
    return ".layers.0.self_attn." in f".{path}" and not path.endswith("o_proj")

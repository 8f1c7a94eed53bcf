"""Log-probabilities of fixed texts, so that the engine can be asked for the same numbers before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from seald.domain.training import Canary
from seald.training.lora import LoraStack


@torch.inference_mode()
def record(stack: LoraStack, learner: int, tokenizer: Any, prompts: Sequence[str]) -> tuple[Canary, ...]:
    """Score each prompt as raw text under the learner and under the base model; prompts of one token are left out."""
    canaries = []
    for prompt in prompts:
        ids = tuple(tokenizer(prompt).input_ids)
        if len(ids) < 2:
            continue
        with stack.seated():
            base = _logprobs(stack.model, ids)
        with stack.seated((learner, len(ids))):
            adapted = _logprobs(stack.model, ids)
        canaries.append(Canary(token_ids=ids, base_logprobs=base, adapter_logprobs=adapted))
    return tuple(canaries)


def _logprobs(model: Any, ids: Sequence[int]) -> tuple[float, ...]:
    row = torch.tensor([ids], device=model.device)
    logits = model(input_ids=row, use_cache=False).logits[0, :-1].float()
    chosen = torch.log_softmax(logits, dim=-1).gather(1, row[0, 1:, None])[:, 0]
    return tuple(chosen.tolist())

"""Log-probabilities of fixed texts, so that the engine can be asked for the same numbers before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from seald.domain.training import Canary


@torch.inference_mode()
def record(model: Any, tokenizer: Any, prompts: Sequence[str]) -> tuple[Canary, ...]:
    """Score each prompt as raw text under the adapter and under the base model; prompts of one token are left out."""
    model.eval()
    canaries = []
    for prompt in prompts:
        ids = tuple(tokenizer(prompt).input_ids)
        if len(ids) < 2:
            continue
        with model.disable_adapter():
            base = _logprobs(model, ids)
        canaries.append(Canary(token_ids=ids, base_logprobs=base, adapter_logprobs=_logprobs(model, ids)))
    return tuple(canaries)


def _logprobs(model: Any, ids: Sequence[int]) -> tuple[float, ...]:
    row = torch.tensor([ids], device=model.device)
    logits = model(input_ids=row, use_cache=False).logits[0, :-1].float()
    chosen = torch.log_softmax(logits, dim=-1).gather(1, row[0, 1:, None])[:, 0]
    return tuple(chosen.tolist())

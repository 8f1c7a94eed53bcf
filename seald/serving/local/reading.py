"""Reading prompts: the forward pass over their tokens, for their scores and for what continues them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seald.serving.local.cache import CachedRow, RowCache
from seald.serving.local.model import LanguageModel
from seald.serving.local.scoring import score
from seald.serving.local.sequence import Prompt


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt read to its end: its keys and values, and the fp32 logits (vocabulary,) of the token after it."""

    prompt: Prompt
    row: CachedRow
    logits: torch.Tensor


def read(model: LanguageModel, prompts: list[Prompt], tokens: int) -> list[ReadPrompt]:
    """Read prompts together, or at most `tokens` of a single long one; returns those that were read to the end."""
    if len(prompts) == 1:
        return _read_piece(model, prompts[0], tokens)
    return _read_rows(model, prompts)


def _read_piece(model: LanguageModel, prompt: Prompt, tokens: int) -> list[ReadPrompt]:
    if prompt.cache is None:
        prompt.cache = model.new_cache()
    piece = prompt.tokens[prompt.read : prompt.read + tokens]
    scored = prompt.call.options.prompt_logprobs is not None
    keys = [prompt.call.adapter.key]
    logits = model.logits([piece], prompt.cache, adapters=keys, keep=0 if scored else 1)[0]
    return _take(prompt, prompt.cache, 0, logits, len(piece))


def _read_rows(model: LanguageModel, prompts: list[Prompt]) -> list[ReadPrompt]:
    # Padded at the right: no token has padding before it, so the causal mask is all the mask there need be.
    width = max(len(prompt.tokens) for prompt in prompts)
    rows = [prompt.tokens + [0] * (width - len(prompt.tokens)) for prompt in prompts]
    scored = any(prompt.call.options.prompt_logprobs is not None for prompt in prompts)
    last = sorted({len(prompt.tokens) - 1 for prompt in prompts})
    keep = torch.arange(width) if scored else torch.tensor(last)
    cache = model.new_cache()
    keys = [prompt.call.adapter.key for prompt in prompts]
    logits = model.logits(rows, cache, adapters=keys, keep=keep.to(model.device))
    done: list[ReadPrompt] = []
    for row, prompt in enumerate(prompts):
        end = int((keep < len(prompt.tokens)).sum())
        done += _take(prompt, cache, row, logits[row, :end], len(prompt.tokens))
    return done


def _take(prompt: Prompt, cache: RowCache, row: int, logits: torch.Tensor, count: int) -> list[ReadPrompt]:
    """Note that `count` more tokens are read; `logits` are of all of them or of the last."""
    top = prompt.call.options.prompt_logprobs
    if top is not None:
        followers = prompt.tokens[prompt.read + 1 : prompt.read + count + 1]
        prompt.scores += score(logits, followers, top)
    prompt.read += count
    if prompt.remaining:
        return []
    kept = CachedRow(cache, row, start=0, length=len(prompt.tokens))
    return [ReadPrompt(prompt, kept, logits[-1].float())]

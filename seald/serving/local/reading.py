"""Reading prompts: the forward pass over their tokens, for their scores and for what continues them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seald.serving.local.cache import CachedRow
from seald.serving.local.model import LanguageModel
from seald.serving.local.prefixes import Prefixes
from seald.serving.local.scoring import score
from seald.serving.local.sequence import Prompt


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt read to its end: its keys and values, and the fp32 logits (vocabulary,) of the token after it."""

    prompt: Prompt
    row: CachedRow
    logits: torch.Tensor


class Reader:
    """Reads several short prompts in one pass, or a long one piece by piece."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._prefixes = Prefixes()
        self.unread = self._prefixes.unread

    def read(self, prompts: list[Prompt], tokens: int) -> list[ReadPrompt]:
        """Read prompts together, or at most `tokens` of a single one; returns those that were read to the end."""
        if self._prefixes.better_first_alone(prompts):
            return self._read(prompts[:1], tokens) + self._read(prompts[1:], tokens)
        return self._read(prompts, tokens)

    def _read(self, prompts: list[Prompt], tokens: int) -> list[ReadPrompt]:
        cache = prompts[0].cache or self._prefixes.start(prompts) or self._model.new_cache()
        # Padded at the right: no token has padding before it, so the causal mask is all the mask there need be.
        pieces = [prompt.tokens[prompt.read : prompt.read + tokens] for prompt in prompts]
        width = max(map(len, pieces))
        keep = self._positions(prompts, pieces, width)
        logits = self._model.logits(
            [piece + [0] * (width - len(piece)) for piece in pieces],
            cache,
            adapters=[prompt.call.adapter.key for prompt in prompts],
            keep=keep.to(self._model.device),
        )
        done: list[ReadPrompt] = []
        for row, (prompt, piece) in enumerate(zip(prompts, pieces, strict=True)):
            kept = int((keep < len(piece)).sum())
            _note(prompt, logits[row, :kept], len(piece))
            if prompt.remaining:
                prompt.cache = cache
                continue
            held = CachedRow(cache, row, start=0, length=len(prompt.tokens))
            self._prefixes.remember(prompt, held)
            done.append(ReadPrompt(prompt, held, logits[row, kept - 1].float()))
        return done

    @staticmethod
    def _positions(prompts: list[Prompt], pieces: list[list[int]], width: int) -> torch.Tensor:
        """Where logits are needed: everywhere for scores, else at each prompt's last token."""
        if any(prompt.call.options.prompt_logprobs is not None for prompt in prompts):
            return torch.arange(width)
        return torch.tensor(sorted({len(piece) - 1 for piece in pieces}))


def _note(prompt: Prompt, logits: torch.Tensor, count: int) -> None:
    """Note that `count` more tokens are read; `logits` are of all of them if they are to be scored."""
    top = prompt.call.options.prompt_logprobs
    if top is not None:
        followers = prompt.tokens[prompt.read + 1 : prompt.read + count + 1]
        prompt.scores += score(logits, followers, top)
    prompt.read += count

"""From logits to the next token: the options of a request, and transformers' own processors that carry them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from seald.serving.local.grammar import Grammar

GREEDY_BELOW = 1e-5
"""A temperature under this is taken as 0, as vLLM does."""


@dataclass(frozen=True)
class Options:
    """How to continue a prompt, and what to report of it. `logprobs` and `prompt_logprobs`: None for no report."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_tokens: frozenset[int] = frozenset()
    keep_stop: bool = False
    ignore_end: bool = False
    min_tokens: int = 0
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    show_special: bool = False
    grammar: Grammar | None = None

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature < GREEDY_BELOW


class Sampler:
    """Draws the tokens of one sequence. The same seed draws the same tokens from the same logits."""

    def __init__(self, options: Options, *, choice: int, prompt: list[int], forbidden_early: frozenset[int]) -> None:
        self._options = options
        self._prompt = prompt
        self._forbidden_early = sorted(forbidden_early)
        self._generator: torch.Generator | None = None
        self._seed = None if options.seed is None else (options.seed + choice) % 2**63
        self._warpers: Any = LogitsProcessorList(_warpers(options))
        self._guide = options.grammar.begin() if options.grammar is not None else None

    @property
    def plain(self) -> bool:
        """Whether the choice is the largest logit and nothing else."""
        o = self._options
        penalised = o.presence_penalty or o.frequency_penalty or o.repetition_penalty != 1.0
        return o.greedy and not penalised and not o.min_tokens and not o.grammar

    def choose(self, logits: torch.Tensor, output: list[int]) -> int:
        """Next token given fp32 logits (vocabulary,) and the tokens written so far. It is taken for written."""
        if self._guide is None:
            return self._chosen(logits, output)
        token = self._chosen(self._guide.masked(logits), output)
        self._guide.take(token)
        return token

    def _chosen(self, logits: torch.Tensor, output: list[int]) -> int:
        context = torch.tensor([self._prompt + output], device=logits.device)
        scores: torch.Tensor = self._warpers(context, self._penalised(logits.clone(), output)[None])
        if self._options.greedy:
            return int(scores.argmax())
        return int(torch.multinomial(scores.softmax(-1)[0], 1, generator=self._randomness(logits.device)))

    def _penalised(self, logits: torch.Tensor, output: list[int]) -> torch.Tensor:
        if len(output) < self._options.min_tokens:
            logits[self._forbidden_early] = -torch.inf
        if output and (self._options.presence_penalty or self._options.frequency_penalty):
            counts = torch.tensor(output, device=logits.device).bincount(minlength=len(logits))
            logits -= self._options.presence_penalty * (counts > 0) + self._options.frequency_penalty * counts
        return logits

    def _randomness(self, device: torch.device) -> torch.Generator:
        if self._generator is None:
            self._generator = torch.Generator(device)
            if self._seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self._seed)
        return self._generator


def _warpers(options: Options) -> list[object]:
    warpers: list[object] = []
    if options.repetition_penalty != 1.0:
        warpers.append(RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
    if options.greedy:
        return warpers
    if options.temperature != 1.0:
        warpers.append(TemperatureLogitsWarper(options.temperature))
    if options.top_k > 0:
        warpers.append(TopKLogitsWarper(options.top_k))
    if options.top_p < 1.0:
        warpers.append(TopPLogitsWarper(options.top_p))
    if options.min_p > 0.0:
        warpers.append(MinPLogitsWarper(options.min_p))
    return warpers

"""What is computed: a request of one or more prompts, each continued once or several times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from seald.serving.local.adapters import Adapter
from seald.serving.local.cache import RowCache
from seald.serving.local.model import LanguageModel
from seald.serving.local.sampling import Options, Sampler
from seald.serving.local.scoring import TokenScore
from seald.serving.local.text_stream import TextStream

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Delta:
    """News of one choice. `prompt` is set once, on the first delta, when prompt scores were asked for."""

    choice: int
    text: str = ""
    scores: tuple[TokenScore, ...] = ()
    prompt: tuple[TokenScore, ...] | None = None
    finish: FinishReason | None = None


class Sequence:
    """One continuation of a prompt: what it wrote so far and how it goes on."""

    def __init__(self, call: Call, prompt: list[int], *, choice: int, sibling: int, model: LanguageModel) -> None:
        options = call.options
        self.call = call
        self.choice = choice
        self.prompt = prompt
        self.output: list[int] = []
        self.finish: FinishReason | None = None
        self._ends = options.stop_tokens | (frozenset() if options.ignore_end else model.end_tokens)
        self._end_texts = frozenset() if options.ignore_end else model.end_tokens
        self.sampler = Sampler(options, choice=sibling, prompt=prompt, forbidden_early=self._ends)
        self._stream = TextStream(
            model.tokenizer, prompt, stop=options.stop, keep_stop=options.keep_stop, show_special=options.show_special
        )
        self._room = min(options.max_tokens, model.max_model_len - len(prompt))

    @property
    def adapter(self) -> Adapter:
        """Whose weights it is written with."""
        return self.call.adapter

    @property
    def length(self) -> int:
        """Tokens whose keys and values are in the cache: all but the newest."""
        return len(self.prompt) + len(self.output) - 1

    def accept(self, token: int, score: TokenScore | None, prompt: tuple[TokenScore, ...] | None = None) -> None:
        """Take the next token and tell the caller."""
        self.output.append(token)
        self.finish = self._finish(token)
        text = self._stream.take(finished=self.finish is not None)
        scores = (score,) if score else ()
        if text or scores or prompt is not None or self.finish:
            self.call.tell(Delta(self.choice, text, scores, prompt, self.finish))

    def end(self, prompt: tuple[TokenScore, ...] | None) -> None:
        """Finish without writing anything: only the prompt was to be scored."""
        self.finish = "length"
        self.call.tell(Delta(self.choice, prompt=prompt, finish="length"))

    def _finish(self, token: int) -> FinishReason | None:
        late_enough = len(self.output) > self.call.options.min_tokens
        if token in self._ends and late_enough:
            return "stop"
        if self._stream.add(token, look_for_stop=late_enough):
            return "stop"
        return "length" if len(self.output) >= self._room else None


@dataclass(eq=False)
class Prompt:
    """Tokens to be read once and continued by each of its sequences; `cache` holds what was read of a long one."""

    call: Call
    tokens: list[int]
    sequences: list[Sequence]
    cache: RowCache | None = None
    read: int = 0
    scores: list[TokenScore] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """Tokens not read yet."""
        return len(self.tokens) - self.read

    @property
    def writes(self) -> bool:
        """Whether anything is to be written after it."""
        return self.call.options.max_tokens > 0


@dataclass(eq=False)
class Call:
    """One HTTP request. `tell` is called from the worker thread with each Delta, or with the error that ended it."""

    adapter: Adapter
    options: Options
    tell: Callable[[Delta | Exception], None]
    prompts: list[Prompt] = field(default_factory=list)
    cancelled: bool = False

    @property
    def sequences(self) -> list[Sequence]:
        """Of all prompts, by choice index."""
        return [sequence for prompt in self.prompts for sequence in prompt.sequences]

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.cancelled or all(sequence.finish for sequence in self.sequences)


CHOICES_PER_PROMPT = 4
"""Choices that enter the batch together. More would have to wait until that many rows are free at once."""


def new_call(
    model: LanguageModel,
    adapter: Adapter,
    prompts: list[list[int]],
    options: Options,
    n: int,
    tell: Callable[[Delta | Exception], None],
) -> Call:
    """Build the sequences of a request; choice index is prompt index * n + sibling, as OpenAI counts."""
    call = Call(adapter, options, tell)
    for index, tokens in enumerate(prompts):
        choices = [Sequence(call, tokens, choice=index * n + s, sibling=s, model=model) for s in range(n)]
        for start in range(0, n, CHOICES_PER_PROMPT):
            call.prompts.append(Prompt(call, tokens, choices[start : start + CHOICES_PER_PROMPT]))
    return call

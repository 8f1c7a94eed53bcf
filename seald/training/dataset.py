"""Lines of the ledger → token examples → the order in which a whole run sees them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seald.config import Recipe
from seald.domain.chat import messages
from seald.domain.self_edit import Line, LossScope, in_light_of

Tokenizer = Any
"""A transformers tokenizer; the library is untyped."""

_MARK = "\u2042"
"""A text that no template contains, to find where a template puts the reply."""


Soft = tuple[tuple[int, float], ...]
"""Tokens with their probabilities, which sum to 1."""


@dataclass(frozen=True)
class Padding:
    """Padding that stays in the loss (SEAL's loop): each such token sees the example before it, not the others."""

    token: int
    positions: tuple[int, ...]
    weight: float
    """How many tokens of padding each of the positions stands for."""


@dataclass(frozen=True)
class Example:
    """Token ids of one line; the tokens from `loss_from` (at least 1) on are predicted in the loss."""

    token_ids: tuple[int, ...]
    loss_from: int
    open_book: tuple[int, ...] = ()
    """What a teacher reads in the place of the tokens before `loss_from`: the same question with the passage."""
    soft: tuple[Soft, ...] | None = None
    """Of each token in the loss what a teacher would say there; None: the token itself."""
    padding: Padding | None = None

    @property
    def loss_tokens(self) -> int:
        """How many of its tokens are in the loss."""
        return len(self.token_ids) - self.loss_from

    def wanted(self, position: int) -> Soft:
        """What is to be predicted at `position` (from `loss_from` on), with weights that sum to 1."""
        return ((self.token_ids[position], 1.0),) if self.soft is None else self.soft[position - self.loss_from]


@dataclass(frozen=True)
class Pools:
    """The examples of a job, by what they are there for."""

    fresh: tuple[Example, ...]
    replay: tuple[Example, ...]
    general: tuple[Example, ...]


class Encoder:
    """Turns lines into examples the way the engine will see them at inference."""

    def __init__(self, tokenizer: Tokenizer, *, scope: LossScope, max_tokens: int, ended: bool = True) -> None:
        self._tokenizer = tokenizer
        self._scope = scope
        self._max_tokens = max_tokens
        self._ended = ended  # raw text that ends in padding instead has no end of its own
        self._end_of_text = (tokenizer.eos_token_id,)
        self._end_of_turn: tuple[int, ...] | None = None

    def encode(self, lines: Iterable[Line]) -> tuple[Example, ...]:
        """One example a line; a line longer than `max_tokens` gives several, in order."""
        return tuple(example for line in lines for example in self._encode(line))

    def _encode(self, line: Line) -> Iterator[Example]:
        if line.prompt is None:
            whole = tuple(self._tokenizer(line.text).input_ids) + self._end_of_text * self._ended
            for piece in _cut(whole, self._max_tokens):
                if len(piece) > 1:
                    yield Example(piece, 1)
            return
        reply = self._ids(line.text) + self.end_of_turn * line.ended
        room = self._max_tokens - min(len(reply), self._max_tokens // 2)
        prompt = self._ids(self._prompt(*line.before, line.prompt))[-room:]
        open_book = self._open_book(line.context, line.prompt)
        for piece in _cut(reply, self._max_tokens - len(prompt)):
            yield Example(prompt + piece, 1 if self._scope == "all" else len(prompt), open_book)
            open_book = ()  # the rest of a cut reply has lost its beginning

    def _open_book(self, context: str | None, prompt: str) -> tuple[int, ...]:
        if context is None or self._scope == "all":  # a teacher's reply to a prompt says nothing of the prompt
            return ()
        return self._ids(self._prompt(in_light_of(context, prompt)))

    def _prompt(self, *turns: str) -> str:
        return self._render(messages(turns), open_reply=True)

    def _render(self, messages: list[dict[str, str]], *, open_reply: bool) -> str:
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=open_reply))

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False).input_ids)

    @property
    def end_of_turn(self) -> tuple[int, ...]:
        """What the template puts right behind a reply, up to its first special token; else the end of text."""
        if self._end_of_turn is None:
            tail = self._ids(self._render(messages(("?", _MARK)), open_reply=False).rpartition(_MARK)[2])
            special = [i for i, token in enumerate(tail) if token in self._tokenizer.all_special_ids]
            self._end_of_turn = tail[: special[0] + 1] if special else self._end_of_text
        return self._end_of_turn


def padded(example: Example, token: int, size: int, sample: int | None, rng: random.Random) -> Example:
    """`example` filled up to `size` tokens, all of them in the loss; `sample`: with so many that stand for all."""
    positions = range(len(example.token_ids), size - 1)  # the last one would predict nothing
    drawn = sorted(rng.sample(positions, sample)) if sample is not None and sample < len(positions) else positions
    weight = len(positions) / len(drawn) if drawn else 0.0
    return replace(example, padding=Padding(token, tuple(drawn), weight))


def _cut(tokens: tuple[int, ...], size: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(tokens), size):
        yield tokens[start : start + size]


def prepared(epochs: list[list[Example]], recipe: Recipe, pad_token: int, seed: int) -> list[list[Example]]:
    """The same with the recipe's padding, if it has any."""
    if recipe.pad_to is None:
        return epochs
    rng = random.Random(seed)
    return [[padded(e, pad_token, recipe.pad_to, recipe.pad_sample, rng) for e in epoch] for epoch in epochs]


def run_order(pools: Pools, recipe: Recipe, seed: int) -> list[list[Example]]:
    """The examples of each epoch, in order: all fresh ones, and draws from the other pools, shuffled.

    Draws go through a pool in random order before any example of it comes again. They stop when the pool has its
    share of the epoch's loss tokens, which is its share of the gradient. The same arguments give the same order.
    """
    rng = random.Random(seed)
    replay, general = _endless(pools.replay, rng), _endless(pools.general, rng)
    shares = recipe.replay_fraction * bool(pools.replay), recipe.general_fraction * bool(pools.general)
    total = sum(example.loss_tokens for example in pools.fresh) / max(1 - sum(shares), 1e-6)
    epochs = []
    for _ in range(recipe.epochs):
        drawn = [*_draw(replay, total * shares[0]), *_draw(general, total * shares[1])]
        epoch = [*pools.fresh, *drawn]
        rng.shuffle(epoch)
        epochs.append(epoch)
    return epochs


def _endless(pool: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    while pool:
        yield from rng.sample(pool, len(pool))


def _draw(pool: Iterator[Example], tokens: float) -> Iterator[Example]:
    while tokens > 0:
        example = next(pool)
        tokens -= example.loss_tokens
        yield example

"""What a task may weigh, and may not say, so that a prompt holds all of it; and how much may be said in reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import ceil
from pathlib import Path

from tokenizers import Tokenizer

from seald.domain.self_edit import Line
from seald.domain.task import MOST_CELLS, Pair, Question, Task, Value
from seald.errors import InvalidRequest
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import shown, turns
from seald.policy.targeting import TOKENS_OF_A_TURN

TOKENS_OF_THE_SYSTEM = 40
"""That a chat template says before the first turn, about."""
END = 8
"""Tokens by which a reply ends, and some to spare."""
GROWTH = 2
"""Times that an output may be as long as the longest known one, whatever its input."""
MOST_GROWTH = 8
"""The same, where its input is longer than the known ones."""
MOST_OF_A_GRID = 2 * MOST_CELLS * MOST_CELLS
"""A cell, and the blank behind it, are a token each."""


def require_fit(shop: Workshop, examples: Sequence[Pair], tests: Sequence[Question | Pair], param: str) -> None:
    """Raises InvalidRequest: examples with one more input and output do not fit into a prompt, or a text holds a token
    by which the model's chat template tells who speaks."""
    outputs = [pair.output for pair in examples] + [test.output for test in tests if test.output is not None]
    inputs = [pair.input for pair in examples] + [test.input for test in tests]
    for value in (*inputs, *outputs):
        _require_plain(shop, value, param)
    tokens = max(map(_weight_of(shop), inputs)) + max(map(_weight_of(shop), outputs)) + _shown(shop, examples)
    most, named = _limit(shop)
    if tokens > most:
        raise InvalidRequest(
            f"all examples with one more input and output are {tokens} tokens; the limit is {most} ({named}): "
            "send fewer or smaller examples",
            param=param,
        )


def require_askable(shop: Workshop, task: Task, inputs: Sequence[Value]) -> None:
    """Raises InvalidRequest: an input, with the task's examples and room for an output, does not fit into a prompt, or
    it holds a token by which the model's chat template tells who speaks."""
    most, named = _limit(shop)
    around = _shown(shop, task.examples) + max(_weight_of(shop)(pair.output) for pair in task.examples)
    for place, value in enumerate(inputs):
        param = f"inputs.{place}"
        _require_plain(shop, value, param)
        tokens = around + _weight_of(shop)(value)
        if tokens > most:
            raise InvalidRequest(
                f"{param}: all examples with this input and an output are {tokens} tokens; the limit is {most} "
                f"({named}): send a smaller input",
                param=param,
            )


def rooms(shop: Workshop, prompts: Sequence[tuple[str, ...]], like: Sequence[Pair]) -> list[int]:
    """Tokens that each prompt's reply may have, where outputs are like those of the pairs `like`: more than enough for
    the longest, as far as the context has so much left behind the prompt."""
    wanted = max(_wanted(like, prompt[-1]) for prompt in prompts)
    most, _ = _limit(shop)
    return [max(1, min(wanted, most - TOKENS_OF_THE_SYSTEM - weight(shop, prompt))) for prompt in prompts]


def weight(shop: Workshop, turns: Sequence[str]) -> int:
    """Tokens of a chat, about: what the template puts around a turn differs."""
    tokenizer = _tokenizer(shop.base.folder / "tokenizer.json")
    return sum(len(tokenizer.encode(turn).ids) + TOKENS_OF_A_TURN for turn in turns)


def affordable(shop: Workshop, lines: Sequence[Line], least: int, epochs: int) -> tuple[Line, ...]:
    """The first ones that `tasks.tokens` suffice for, `least` at least: each pair by itself."""
    room = shop.settings.tasks.tokens / epochs
    spent = accumulate(weight(shop, (*line.before, line.whole)) for line in lines)
    return tuple(line for n, (line, so_far) in enumerate(zip(lines, spent, strict=True)) if n < least or so_far <= room)


def _wanted(like: Sequence[Pair], asked: str) -> int:
    """A token is a byte at least. An output is as long as the known ones or, as with a grid that is scaled, as many
    times as long as its input as they are."""
    known = [(_bytes(shown(pair.input)), _bytes(shown(pair.output))) for pair in like]
    longest = max(output for _, output in known)
    scaled = ceil(max(output / input for input, output in known) * _bytes(asked))
    wanted = max(GROWTH * longest, min(scaled, MOST_GROWTH * longest))
    return END + (wanted if isinstance(like[0].output, str) else min(wanted, MOST_OF_A_GRID))


def _bytes(text: str) -> int:
    return len(text.encode())


def _limit(shop: Workshop) -> tuple[int, str]:
    """Tokens of a prompt and its reply, and the setting that says so."""
    tasks, engine = shop.settings.tasks.max_tokens, shop.settings.model.max_model_len
    return (tasks, "tasks.max_tokens") if tasks <= engine else (engine, "model.max_model_len")


def _shown(shop: Workshop, examples: Sequence[Pair]) -> int:
    """Tokens of a prompt before its input."""
    return TOKENS_OF_THE_SYSTEM + weight(shop, turns(examples, "")[:-1])


def _weight_of(shop: Workshop) -> Callable[[Value], int]:
    return lambda value: weight(shop, [shown(value)])


def _require_plain(shop: Workshop, value: Value, param: str) -> None:
    text = shown(value)
    for token in _special(_tokenizer(shop.base.folder / "tokenizer.json")):
        if token in text:
            message = f"a text holds {token!r}, by which the model tells who speaks: leave it out"
            raise InvalidRequest(message, param=param)


def _special(tokenizer: Tokenizer) -> list[str]:
    return [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]


@lru_cache(maxsize=2)
def _tokenizer(file: Path) -> Tokenizer:
    return Tokenizer.from_file(str(file))

"""What a task may weigh, and may not say, so that a prompt holds all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from seald.domain.task import Pair, Question
from seald.errors import InvalidRequest
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import shown, turns
from seald.policy.targeting import TOKENS_OF_A_TURN


def require_fit(shop: Workshop, examples: Sequence[Pair], tests: Sequence[Question | Pair], param: str) -> None:
    """Raises InvalidRequest: examples with one more input and output do not fit into a prompt, or a text holds a token
    by which the model's chat template tells who speaks."""
    most, tokenizer = shop.settings.tasks.max_tokens, _tokenizer(shop.base.folder / "tokenizer.json")
    inputs = [pair.input for pair in examples] + [test.input for test in tests]
    longest = max(inputs, key=lambda value: len(shown(value)))
    output = max((shown(pair.output) for pair in examples), key=len)
    chat = (*turns(examples, longest), output)
    for token in _special(tokenizer):
        if any(token in text for text in (*chat, *map(shown, inputs))):
            message = f"a text holds {token!r}, by which the model tells who speaks: leave it out"
            raise InvalidRequest(message, param=param)
    tokens = weight(shop, chat)
    if tokens > most:
        raise InvalidRequest(
            f"all examples with one more input and output are {tokens} tokens; the limit is {most} (tasks.max_tokens): "
            "send fewer or smaller examples",
            param=param,
        )


def weight(shop: Workshop, turns: Sequence[str]) -> int:
    """Tokens of a chat, about: what the template puts around a turn differs."""
    tokenizer = _tokenizer(shop.base.folder / "tokenizer.json")
    return sum(len(tokenizer.encode(turn).ids) + TOKENS_OF_A_TURN for turn in turns)


def _special(tokenizer: Tokenizer) -> list[str]:
    return [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]


@lru_cache(maxsize=2)
def _tokenizer(file: Path) -> Tokenizer:
    return Tokenizer.from_file(str(file))

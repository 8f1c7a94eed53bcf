"""Asking for a task's outputs, and marking what comes."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.task import Asking, Marks, Pair, Value
from seald.policy.augmenting import shown, turns, understood
from seald.ports import Chat, Continuation, Engine, Sampling

LETTERS_OF_A_TOKEN = 2
"""At least, in texts that are asked for; a grid's cell, and the blank behind it, are a token each."""
ROOM = 8
"""Tokens more than the longest output that is known: a reply that is longer is none."""


def asked(how: Asking, pairs: Sequence[Pair], value: Value) -> tuple[str, ...]:
    """The chat that asks for an input's output, `pairs` being what may be shown."""
    return turns(() if how == "alone" else pairs, value)


def replies(engine: Engine, prompts: Sequence[Chat], like: Sequence[Pair], model: str) -> list[Value | None]:
    """What `model` answers, as outputs like those of the pairs `like`; None for what is none.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    found = engine.ask(prompts, Sampling(max_tokens=_room(like)), model=model)
    return [understood(reply, like[0].output) for reply in found]


def marks(engine: Engine, prompts: Sequence[Chat], pairs: Sequence[Pair], model: str) -> Marks:
    """Of the outputs of `pairs`, asked for by `prompts`.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    found = replies(engine, prompts, pairs, model)
    wanted = zip(prompts, pairs, strict=True)
    scores = engine.score([Continuation(prompt, "", shown(pair.output)) for prompt, pair in wanted], model=model)
    return Marks(
        correct=tuple(reply == pair.output for reply, pair in zip(found, pairs, strict=True)),
        logprobs=tuple(round(score.mean, 4) for score in scores),
    )


def _room(like: Sequence[Pair]) -> int:
    longest = max(len(shown(pair.output)) for pair in like)
    return ROOM + (longest // LETTERS_OF_A_TOKEN if isinstance(like[0].output, str) else longest)

"""Asking for a task's outputs, and marking what comes."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.task import Asking, Marks, Pair, Value
from seald.pipeline.task_size import rooms
from seald.pipeline.workshop import Workshop
from seald.policy.augmenting import shown, turns, understood
from seald.ports import Continuation, Sampling

Prompt = tuple[str, ...]
"""Turns of a chat, the last one the input."""


def asked(how: Asking, pairs: Sequence[Pair], value: Value) -> Prompt:
    """The chat that asks for an input's output, `pairs` being what may be shown."""
    return turns(() if how == "alone" else pairs, value)


def replies(shop: Workshop, prompts: Sequence[Prompt], like: Sequence[Pair], model: str) -> list[Value | None]:
    """What `model` answers, as outputs like those of the pairs `like`; None for what is none.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    room = rooms(shop, prompts, like)
    found: dict[int, str] = {}
    # The engine has one room for all that is asked at once: what leaves less is asked apart.
    for most in sorted(set(room), reverse=True):
        places = [place for place, tokens in enumerate(room) if tokens == most]
        said = shop.engine.ask([prompts[place] for place in places], Sampling(max_tokens=most), model=model)
        found.update(zip(places, said, strict=True))
    return [understood(found[place], like[0].output) for place in range(len(prompts))]


def marks(shop: Workshop, prompts: Sequence[Prompt], pairs: Sequence[Pair], model: str) -> Marks:
    """Of the outputs of `pairs`, asked for by `prompts`.

    Raises:
        EngineUnavailable, EngineRefused: the engine did not answer.
    """
    found = replies(shop, prompts, pairs, model)
    wanted = zip(prompts, pairs, strict=True)
    items = [Continuation(prompt, "", shown(pair.output)) for prompt, pair in wanted]
    scores = shop.engine.score(items, model=model)
    return Marks(
        correct=tuple(reply == pair.output for reply, pair in zip(found, pairs, strict=True)),
        logprobs=tuple(round(score.mean, 4) for score in scores),
    )

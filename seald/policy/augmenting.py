"""A task's pairs as lines to train on, as a configuration wants them, and as questions.

Two ways to ask: the input alone, as clients of `seald:task/<name>` do; and the input behind other pairs of the task.
Only the second tells which of a task's moved sisters is meant, so moved pairs are trained on in no other way.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from seald.domain.self_edit import Line
from seald.domain.task import Configuration, Pair, Value
from seald.policy.grids import STAY, Move, moves, read, written

VIEWS = 4
"""Moved sisters of a task of grids that are trained on beside it."""


def shown(value: Value) -> str:
    """An input or output as the model reads and writes it."""
    return value if isinstance(value, str) else written(value)


def understood(reply: str, like: Value) -> Value | None:
    """A reply as an output of the task that `like` is an output of; None where it is none."""
    if not isinstance(like, str):
        return read(reply)
    return reply.strip() or None


def turns(pairs: Sequence[Pair], value: Value) -> tuple[str, ...]:
    """The chat in which an output is asked for: each pair as a question with its reply, as few examples are shown to a
    model that was made to chat; then the input."""
    return (*(shown(side) for pair in pairs for side in (pair.input, pair.output)), shown(value))


def together(pair: Pair) -> str:
    """Both sides of a pair, to be read about."""
    return f"Input:\n{shown(pair.input)}\nOutput:\n{shown(pair.output)}"


def lines(
    pairs: Sequence[Pair],
    wanted: Configuration,
    *,
    most: int,
    seed: int,
    otherwise: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Line, ...]:
    """What an adapter is trained on: each pair by itself; each behind all others (leave one out); and of what
    `wanted` asks for so much that there are `most` lines at most. `otherwise`: text → the same in other words.

    The same arguments give the same lines.
    """
    draw = random.Random(seed)
    plain = [_line(turns((), pair.input), pair) for pair in pairs]
    plain += [_line(turns((), text), p) for p in pairs for text in _paraphrases(p, wanted, otherwise or {})]
    left_out = [_left_out(pairs, n, 1, wanted, draw) for n in range(len(pairs))]
    more = [line for move in _views(pairs, wanted, draw) for line in _moved(pairs, move, wanted, draw)]
    if "leave_two_out" in wanted.augmentations:
        more += [_left_out(pairs, n, 2, wanted, draw) for n in range(len(pairs))]
    room = max(0, most - len(plain) - len(left_out))
    drawn = draw.sample(more, min(room, len(more)))
    return tuple(dict.fromkeys([*plain, *left_out, *drawn]))[: max(most, len(plain))]


def _views(pairs: Sequence[Pair], wanted: Configuration, draw: random.Random) -> list[Move]:
    return [] if isinstance(pairs[0].input, str) else moves(wanted.augmentations, VIEWS, draw)


def _moved(pairs: Sequence[Pair], move: Move, wanted: Configuration, draw: random.Random) -> list[Line]:
    sister = [moved(pair, move) for pair in pairs]
    return [_left_out(sister, n, 1, wanted, draw) for n in range(len(sister))]


def moved(pair: Pair, move: Move) -> Pair:
    """A pair of grids, both moved."""
    assert not isinstance(pair.input, str) and not isinstance(pair.output, str)
    return pair if move is STAY else Pair.model_construct(input=move.ahead(pair.input), output=move.ahead(pair.output))


def _left_out(pairs: Sequence[Pair], n: int, count: int, wanted: Configuration, draw: random.Random) -> Line:
    """The n-th pair behind the others, `count` - 1 of which are left out as well."""
    others = [pair for place, pair in enumerate(pairs) if place != n]
    for _ in range(min(count, len(others)) - 1):
        others.remove(draw.choice(others))
    if "reorder" in wanted.augmentations:
        draw.shuffle(others)
    return _line(turns(others, pairs[n].input), pairs[n])


def _line(asked: tuple[str, ...], pair: Pair) -> Line:
    return Line(before=asked[:-1], prompt=asked[-1], text=shown(pair.output))


def _paraphrases(pair: Pair, wanted: Configuration, otherwise: Mapping[str, Sequence[str]]) -> Sequence[str]:
    if "paraphrase" not in wanted.augmentations or not isinstance(pair.input, str):
        return ()
    return otherwise.get(pair.input, ())

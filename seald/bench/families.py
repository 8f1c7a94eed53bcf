"""A family of small tasks, made and not collected: each a rule of few words on texts or on grids of few cells.

Small enough that a model of 135M parameters can learn them from six examples, and nothing that it has read: inputs are
drawn, and so are the labels.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seald.domain.task import Grid, Pair, Question, TaskAsk, Value

EXAMPLES = 6
TESTS = 6
WORDS = (
    "apple river stone cloud horse table green seven paper light glass winter garden silver music bread ocean tiger "
    "pencil window candle bridge forest market button"
).split()
KINDS = {
    "animals": "cat dog horse cow tiger eagle salmon frog sheep wolf rabbit snake owl bear mouse goat".split(),
    "plants": "rose oak tulip fern pine daisy moss maple lily cactus birch ivy palm clover thistle reed".split(),
    "tools": "hammer saw drill pliers chisel wrench rake shovel axe file ladder clamp trowel mallet broom hoe".split(),
    "food": "bread cheese soup rice pasta butter cake honey pepper salad sausage pie jam yoghurt stew toast".split(),
}
COLOURS = 5
"""Of a grid's cells."""


@dataclass(frozen=True)
class Family:
    """Tasks by one rule, which differ in what is drawn."""

    name: str
    make: Callable[[random.Random], Callable[[], tuple[Value, Value]]]
    """Draws a rule; what it gives draws an input and says its output."""

    def task(self, seed: int) -> TaskAsk:
        """The same seed gives the same task: different inputs, the tests none of the examples."""
        pair = self.make(random.Random(f"{self.name}/{seed}"))
        found: dict[Value, Value] = {}
        while len(found) < EXAMPLES + TESTS:
            value, output = pair()
            found.setdefault(value, output)
        pairs = [Pair(input=value, output=output) for value, output in found.items()]
        tests = tuple(Question(input=each.input, output=each.output) for each in pairs[EXAMPLES:])
        return TaskAsk(name=f"{self.name}-{seed}", examples=tuple(pairs[:EXAMPLES]), test=tests)


def tasks(count: int, seed: int = 0) -> list[TaskAsk]:
    """So many tasks, one of each family in turn."""
    return [FAMILIES[n % len(FAMILIES)].task(seed + n // len(FAMILIES)) for n in range(count)]


def _of_words(
    length: int, rule: Callable[[Sequence[str]], str]
) -> Callable[[random.Random], Callable[[], tuple[str, str]]]:
    def make(draw: random.Random) -> Callable[[], tuple[str, str]]:
        def pair() -> tuple[str, str]:
            words = draw.sample(WORDS, length)
            return " ".join(words), rule(words)

        return pair

    return make


def _labels(draw: random.Random) -> Callable[[], tuple[str, str]]:
    kinds = draw.sample(sorted(KINDS), 3)  # of two labels, two attempts are always right
    codes = draw.sample([f"{letter}{digit}" for letter in "KLMNPQ" for digit in range(2, 10)], len(kinds))
    turns = iter(range(10**6))

    def pair() -> tuple[str, str]:
        turn = next(turns) % len(kinds)
        return draw.choice(KINDS[kinds[turn]]), codes[turn]

    return pair


def _codes(draw: random.Random) -> Callable[[], tuple[str, str]]:
    before, after = draw.choice("ABCDE"), draw.randint(10, 99)

    def pair() -> tuple[str, str]:
        word = draw.choice(WORDS)
        return word, f"{before}-{word}-{after}"

    return pair


def _of_grids(
    rows: int, columns: int, rule: Callable[[Grid], Grid]
) -> Callable[[random.Random], Callable[[], tuple[Grid, Grid]]]:
    def make(draw: random.Random) -> Callable[[], tuple[Grid, Grid]]:
        def pair() -> tuple[Grid, Grid]:
            grid = tuple(tuple(draw.randrange(COLOURS) for _ in range(columns)) for _ in range(rows))
            return grid, rule(grid)

        return pair

    return make


def _swapped_colours(draw: random.Random) -> Callable[[], tuple[Grid, Grid]]:
    one, other = draw.sample(range(1, COLOURS), 2)
    new = {one: other, other: one}
    return _of_grids(2, 3, lambda grid: tuple(tuple(new.get(cell, cell) for cell in row) for row in grid))(draw)


FAMILIES = (
    Family("labels", _labels),
    Family("last-word", _of_words(4, lambda words: words[-1])),
    Family("swapped-words", _of_words(2, lambda words: f"{words[1]} {words[0]}")),
    Family("codes", _codes),
    Family("mirrored", _of_grids(2, 3, lambda grid: tuple(row[::-1] for row in grid))),
    Family("recoloured", _swapped_colours),
    Family("first-row", _of_grids(3, 3, lambda grid: grid[:1])),
    Family("upside-down", _of_grids(3, 2, lambda grid: grid[::-1])),
)

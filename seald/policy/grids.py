"""Grids: as text and back, and the moves by which one task of grids becomes another.

A move is made on every grid of a task alike, inputs and outputs, so that the rule stays a rule. Each has a way back,
where there is one: what was predicted for a moved grid is then a prediction for the grid itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seald.config.tasks import Augmentation
from seald.domain.task import COLOURS, MOST_CELLS, Grid

ROW = re.compile(r"\s*\d(?:[ ,]*\d)*\s*")

Step = Callable[[Grid], Grid]
Back = Callable[[Grid], Grid | None]


@dataclass(frozen=True)
class Move:
    """A change of a grid, and the way back: None for what no grid is changed into."""

    name: str
    ahead: Step
    back: Back
    keeps_size: bool = True
    """It makes no grid larger: cheap enough to predict by."""

    def then(self, other: Move) -> Move:
        """This one first, then the other."""

        def back(grid: Grid) -> Grid | None:
            between = other.back(grid)
            return None if between is None else self.back(between)

        name = f"{self.name}, {other.name}"
        return Move(name, lambda grid: other.ahead(self.ahead(grid)), back, self.keeps_size and other.keeps_size)


def written(grid: Grid) -> str:
    """A row a line, blanks between the cells: each cell is a token of its own then, whatever the tokenizer."""
    return "\n".join(" ".join(map(str, row)) for row in grid)


def read(text: str) -> Grid | None:
    """The grid that a reply begins with; None where it begins with none, or its rows differ in length."""
    rows: list[tuple[int, ...]] = []
    for line in text.strip().splitlines():
        if not ROW.fullmatch(line):
            break
        rows.append(tuple(int(letter) for letter in line if letter.isdigit()))
    even = len({len(row) for row in rows}) == 1 and max(len(rows), len(rows[0])) <= MOST_CELLS
    return tuple(rows) if even else None


def rotated(grid: Grid, quarters: int = 1) -> Grid:
    """By so many quarters clockwise."""
    for _ in range(quarters % 4):
        grid = tuple(zip(*grid[::-1], strict=True))
    return grid


def mirrored(grid: Grid) -> Grid:
    """Left for right."""
    return tuple(row[::-1] for row in grid)


def transposed(grid: Grid) -> Grid:
    """Rows for columns."""
    return tuple(zip(*grid, strict=True))


def scaled(grid: Grid) -> Grid:
    """Every cell as a square of four."""
    return tuple(wide for row in grid for wide in (tuple(cell for cell in row for _ in range(2)),) * 2)


def shrunk(grid: Grid) -> Grid | None:
    """What `scaled` makes this grid of."""
    small = tuple(row[::2] for row in grid[::2])
    return small if scaled(small) == grid else None


def repeated(grid: Grid) -> Grid:
    """The grid, and to its right the grid again."""
    return tuple(row * 2 for row in grid)


def halved(grid: Grid) -> Grid | None:
    """What `repeated` makes this grid of."""
    half = tuple(row[: len(row) // 2] for row in grid)
    return half if half[0] and repeated(half) == grid else None


def _recoloured(grid: Grid, colours: Sequence[int]) -> Grid:
    return tuple(tuple(colours[cell] for cell in row) for row in grid)


def _turn(quarters: int) -> Move:
    return Move(f"rotate {quarters}", lambda g: rotated(g, quarters), lambda g: rotated(g, -quarters))


def _recolouring(draw: random.Random) -> Move:
    # Black is the ground in most tasks, and stays what it is.
    new = (0, *draw.sample(range(1, COLOURS), COLOURS - 1))
    old = tuple(new.index(colour) for colour in range(COLOURS))
    return Move(f"recolour {new}", lambda g: _recoloured(g, new), lambda g: _recoloured(g, old))


UPSIDE_DOWN = Move("flip 2", lambda g: g[::-1], lambda g: g[::-1])
MIRROR = Move("flip 1", mirrored, mirrored)
TRANSPOSE = Move("transpose", transposed, transposed)
SCALE = Move("scale", scaled, shrunk, keeps_size=False)
REPEAT = Move("repeat", repeated, halved, keeps_size=False)
STAY = Move("as it is", lambda g: g, lambda g: g)


def moves(wanted: Sequence[Augmentation], count: int, draw: random.Random) -> list[Move]:
    """So many different moves of the wanted sorts, drawn in turn; fewer where there are no more. Where `chain` is
    wanted, every other one is two of them, one after the other. Moves that do the same are one, whatever they are
    called; what leaves every grid as it is is none."""
    sorts = [sort for sort in wanted if sort in DRAWN]
    found: dict[Grid, Move] = {}
    for n in range(count * TRIES if sorts else 0):
        move = DRAWN[sorts[n % len(sorts)]](draw)
        if "chain" in wanted and n % 2:
            move = move.then(DRAWN[draw.choice(sorts)](draw))
        effect = move.ahead(PROBE)
        if effect != PROBE:
            found.setdefault(effect, move)
        if len(found) == count:
            break
    return list(found.values())


PROBE: Grid = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
"""Every colour once, more columns than rows: no two different moves make the same of it."""
TRIES = 4
"""Times that a move is drawn for each that is wanted: it may have been drawn before."""
DRAWN: dict[Augmentation, Callable[[random.Random], Move]] = {
    "rotate": lambda draw: _turn(draw.randint(1, 3)),
    "flip": lambda draw: draw.choice((MIRROR, UPSIDE_DOWN)),
    "transpose": lambda _: TRANSPOSE,
    "recolour": _recolouring,
    "scale": lambda _: SCALE,
    "repeat": lambda _: REPEAT,
}

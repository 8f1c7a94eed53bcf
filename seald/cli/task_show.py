"""Tasks as a person reads them: pairs side by side, grids as coloured blocks."""

from __future__ import annotations

import json
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seald.cli.client import screen

PAPER = ("#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25")
"""ARC's colours, by number."""
BLACK_ON = {2, 3, 4, 5, 6, 7, 8}
"""Colours on which black can be read."""
ARROW = " → "


def show_task(found: dict[str, Any]) -> None:
    """Print the API's task in detail."""
    live = f"task/{found['name']}@{found['version']}" if found["version"] is not None else "base"
    lines = {
        "": f"{found['id']}, {found['status']} ({found['adaptation']})",
        "model: ": f"{found['model']}, live: {live}",
        "collection: ": found["collection"],
        "configuration: ": json.dumps(found["configuration"]) if found["configuration"] else None,
    }
    screen.print(f"[bold]{found['name']}[/bold] {found['kind']}", highlight=False)
    for heading, line in lines.items():
        if line is not None:
            screen.print(f"  {heading}{line}", highlight=False, markup=False)
    for heading, several in (("Example", found["pairs"]["examples"]), ("Test", found["pairs"]["test"])):
        for number, pair in enumerate(several, start=1):
            screen.print(f"[bold]{heading} {number}[/bold]")
            show_pair(pair["input"], pair.get("output"))


def show_solutions(found: dict[str, Any]) -> None:
    """Print the API's solutions: each input with what was made of it."""
    for number, solution in enumerate(found["solutions"], start=1):
        right = {True: ", right", False: ", wrong"}.get(solution["correct"], "")
        screen.print(f"[bold]Input {number}[/bold]{right}", highlight=False)
        if not solution["attempts"]:
            screen.print(Padding("nothing that was said could be read as an output", (0, 0, 0, 2)))
            show_pair(solution["input"], None)
        for attempt, votes in zip(solution["attempts"], solution["votes"], strict=True):
            screen.print(f"  {votes} of {solution['asked']} votes", highlight=False)
            show_pair(solution["input"], attempt)


def show_pair(given: Any, output: Any) -> None:
    """Side by side where there is room, else one below the other; an output of None is a question mark."""
    shown = drawn(given), Text("?") if output is None else drawn(output)
    widths = [max((len(line) for line in side.plain.splitlines()), default=0) for side in shown]
    if sum(widths) + len(ARROW) + 2 > screen.width:
        for side in (shown[0], Text(ARROW.strip()), shown[1]):
            screen.print(Padding(side, (0, 0, 0, 2)))
        return
    table = Table.grid()
    table.add_row(shown[0], ARROW, shown[1])
    screen.print(Padding(table, (0, 0, 0, 2)))


def drawn(value: Any) -> Text:
    """A text as it is; a grid as one block a cell, with its number for screens without colours."""
    if isinstance(value, str):
        return Text(value)
    text = Text(no_wrap=True)
    for place, row in enumerate(value):
        text.append("\n" if place else "")
        for cell in row:
            text.append(f"{cell} ", style=f"{'black' if cell in BLACK_ON else 'white'} on {PAPER[cell]}")
    return text

"""A policy as a person reads it: where it comes from, its rewards by round, the tournament, and examples.

A run may have ended early, and a figure may have been impossible to have: what is missing is left blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seald.cli.client import screen

GAINS = {
    "reward": "reward of fresh self-edits",
    "proxy": "proxy of fresh self-edits",
    "winners_logprob": "best self-edits, nats a token",
    "all_logprob": "all self-edits, nats a token",
}
Cells = dict[str, Callable[[dict[str, Any]], str]]
"""Heading → what stands below it."""


def show(found: dict[str, Any]) -> None:
    """Print the API's policy in detail."""
    _show_origin(found)
    _show_rounds(found["rounds"])
    _show_tournament(found["tournament"])
    _show_examples(found["examples"])


def number(value: Any, digits: int = 2) -> str:
    """A number with so many digits; nothing for what is none."""
    return f"{value:.{digits}f}" if isinstance(value, int | float) else ""


def interval(figures: Any, middle: str = "mean", digits: int = 2) -> str:
    """`0.40 [0.20, 0.60]`; the middle alone where there are no bounds."""
    if not isinstance(figures, dict):
        return ""
    low, high = number(figures.get("low"), digits), number(figures.get("high"), digits)
    bounds = f" [{low}, {high}]" if low and high else ""
    return f"{number(figures.get(middle), digits)}{bounds}"


def _show_origin(found: dict[str, Any]) -> None:
    states = [found["kind"], found["status"], "live" if found["live"] else None]
    screen.print(f"[bold]{found['id']}[/bold] {', '.join(filter(None, states))}", highlight=False)
    lines = {"": found["description"], "mix: ": ", ".join(f"{m['samples']} {m['form']}" for m in found["mix"])}
    if found["kind"] == "learned":
        came = f"round {found['round']} of {found['retraining']}, from {found['parent']}"
        lines |= {"learned in ": came, "files: ": _files(found["manifest"])}
    if found["writer"]:
        lines["written by "] = f"{found['writer']['model']} at {found['writer']['url']}"
    for heading, line in lines.items():
        if line:
            screen.print(f"  {heading}{line}", highlight=False, markup=False)


def _files(manifest: dict[str, Any] | None) -> str:
    if manifest is None:
        return "none"
    return f"{', '.join(manifest['files'])}; on {manifest['base_model']}, seed {manifest['seed']}"


def _show_rounds(rounds: Sequence[dict[str, Any]]) -> None:
    """A column a round: there are few rounds and many figures."""
    figures: Cells = {
        "written by": lambda r: _plain(r, "policy"),
        "contexts": lambda r: _plain(r, "contexts"),
        "self-edits": lambda r: _plain(r, "episodes"),
        "scored": lambda r: _plain(r, "scored"),
        "reward": lambda r: interval(r.get("reward")),
        "hidden gain": lambda r: interval(r.get("hidden")),
        "reliability": lambda r: interval(r.get("reliability")),
        "agreement": lambda r: number(r.get("agreement")),
        "diversity": lambda r: number(r.get("diversity")),
        "learned from": lambda r: _plain(r, "winners"),
        "forms won": _forms,
        "seconds": lambda r: number(r.get("seconds"), 0),
        "made": lambda r: _plain(r, "version"),
    }
    if not rounds:
        return
    table = _table("Rounds", ["", *(_plain(r, "round") for r in rounds)])
    for heading, cell in figures.items():
        table.add_row(heading, *(Text(cell(r)) for r in rounds))
    screen.print(table)


def _show_tournament(tournament: dict[str, Any] | None) -> None:
    if not tournament:
        return
    screen.print(f"\n[bold]Tournament[/bold]: {tournament.get('verdict')}", highlight=False)
    screen.print(str(tournament.get("reason") or ""), highlight=False, markup=False)
    duels = {duel["against"]: duel for duel in tournament.get("duels") or ()}
    columns: Cells = {
        "contestant": lambda s: _plain(s, "arm"),
        "score": lambda s: number(s.get("score")),
        "behind by": lambda s: interval(duels.get(s.get("arm")), "difference"),
        "p": lambda s: number((duels.get(s.get("arm")) or {}).get("p"), 3),
        "accuracy": lambda s: number(s.get("accuracy")),
        "nats": lambda s: number(s.get("logprob")),
        "proxy": lambda s: number(s.get("proxy")),
        "reward": lambda s: number(s.get("reward")),
        "tokens": lambda s: number(s.get("tokens"), 0),
        "diversity": lambda s: number(s.get("diversity")),
    }
    table = _table("Held-out contexts", columns)
    for standing in tournament.get("standings") or ():
        table.add_row(*(Text(cell(standing)) for cell in columns.values()))
    screen.print(table)
    _show_gains(tournament.get("gains") or {})


def _show_gains(gains: dict[str, Any]) -> None:
    """What learning did to writing, and whether it is more than chance."""
    if not gains:
        return
    columns: Cells = {
        "before": lambda g: number(g.get("before"), 3),
        "after": lambda g: number(g.get("after"), 3),
        "rise": lambda g: interval(g, "difference", 3),
        "p": lambda g: number(g.get("p"), 3),
        "": lambda g: "" if (g.get("low") or 0.0) > 0 else "not shown to rise",
    }
    table = _table("What learning did to writing", ["", *columns])
    for name, heading in GAINS.items():
        gained = gains.get(name) or {}
        table.add_row(heading, *(Text(cell(gained)) for cell in columns.values()))
    screen.print(table)


def _show_examples(examples: Sequence[dict[str, Any]]) -> None:
    if examples:
        screen.print("\n[bold]The best of what it learned from[/bold]")
    for example in examples:
        heading = f"{example['context'] or 'a context that was taken back'}, {example['form']}, "
        screen.print(Text(f"{heading}reward {number(example['reward']) or 'unknown'}"))
        screen.print(Padding(Text(example["raw"]), (0, 0, 1, 2)))


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _plain(row: dict[str, Any], key: str) -> str:
    return "" if row.get(key) is None else str(row[key])


def _forms(row: dict[str, Any]) -> str:
    won = sorted((row.get("forms") or {}).items(), key=lambda pair: -pair[1])
    return ", ".join(f"{form} {wins}" for form, wins in won)

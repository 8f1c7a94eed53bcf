"""An adaptation as a picture: its loss, what the guards measured against their budgets, and what was studied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seald.bench.plots import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 10.0, 7.5
"""Inches."""
COLOURS = {"pass": "tab:green", "fail": "tab:red", "inconclusive": "tab:orange"}
SPARKS = "▁▂▃▄▅▆▇█"
MOST_SPARKS = 40
COVERED = {"covered": "covered", "covered_k": "in several phrasings", "both_directions": "in both directions"}
BAR = 0.38


def losses(events: Sequence[dict[str, Any]]) -> list[tuple[int, float]]:
    """(step, loss) of each step that was noted, by step: a resumed training says some again."""
    steps = [event["data"] for event in events if event["type"] == "training"]
    return sorted({data["step"]: data["loss"] for data in steps if data.get("loss") is not None}.items())


def sparkline(values: Sequence[float]) -> str:
    """At most `MOST_SPARKS` of the values, evenly chosen, as blocks between the lowest and the highest."""
    if not values:
        return ""
    count = min(len(values), MOST_SPARKS)
    chosen = [values[round(n * (len(values) - 1) / max(count - 1, 1))] for n in range(count)]
    low, spread = min(chosen), max(chosen) - min(chosen)
    return "".join(SPARKS[round((value - low) / spread * (len(SPARKS) - 1)) if spread else 0] for value in chosen)


def plot(path: Path, found: dict[str, Any], events: Sequence[dict[str, Any]]) -> None:
    """Draw the API's object `found` and its `events` into the PNG file `path`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    figure.suptitle(f"{found['id']}: {found['status']}")
    draws: list[tuple[str, Callable[[Axes], bool]]] = [
        ("Loss over steps", lambda axes: _loss(axes, losses(events))),
        ("Probes answered right, before (grey) and after", lambda axes: _accuracies(axes, found["verdicts"])),
        ("Drop, points, and the budget for it", lambda axes: _drops(axes, found["verdicts"])),
        ("Facts of the text in what was studied", lambda axes: _coverage(axes, found["figures"])),
    ]
    for axes, (title, draw) in zip(figure.subplots(2, 2).flat, draws, strict=True):
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        if not draw(axes):
            axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
    figure.savefig(path, dpi=DPI)


def _loss(axes: Axes, points: Sequence[tuple[int, float]]) -> bool:
    axes.plot([step for step, _ in points], [loss for _, loss in points], marker=".")
    axes.set_xlabel("step")
    axes.set_ylabel("nats a token")
    return bool(points)


def _accuracies(axes: Axes, verdicts: Sequence[dict[str, Any]]) -> bool:
    shown = _with(verdicts, "accuracy_before", "accuracy_after")
    for place, verdict in enumerate(shown):
        figures, colour = verdict["figures"], COLOURS[verdict["verdict"]]
        axes.bar(place - BAR / 2, figures["accuracy_before"], BAR, color="tab:gray", alpha=0.6)
        axes.bar(place + BAR / 2, figures["accuracy_after"], BAR, color=colour, alpha=0.8)
    axes.set_xticks(range(len(shown)), [f"{v['guard']}\nn = {v['figures']['n']}" for v in shown])
    axes.set_ylim(0, 1)
    return bool(shown)


def _drops(axes: Axes, verdicts: Sequence[dict[str, Any]]) -> bool:
    shown = _with(verdicts, "drop", "margin")
    for place, verdict in enumerate(shown):
        drop, margin = (100 * verdict["figures"][name] for name in ("drop", "margin"))
        axes.bar(place, drop, 2 * BAR, color=COLOURS[verdict["verdict"]], alpha=0.8)
        axes.hlines(margin, place - BAR, place + BAR, colors="black", linestyles="dashed")
        axes.annotate(f"budget {margin:g}", (place, margin), xytext=(0, 3), textcoords="offset points", ha="center")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(shown)), [v["guard"] for v in shown])
    axes.margins(y=0.15)
    return bool(shown)


def _coverage(axes: Axes, figures: dict[str, Any]) -> bool:
    covered = (figures.get("self_edits") or {}).get("coverage") or {}
    names = [name for name in reversed(COVERED) if name in covered]
    axes.barh([COVERED[name] for name in names], [covered[name] for name in names], color="tab:blue", alpha=0.8)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"share of {covered.get('facts', 0)} facts")
    return bool(names)


def _with(verdicts: Sequence[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Those whose figures hold all of these, of at least one probe."""
    shown = [v for v in verdicts if v["figures"].get("n")]
    return [v for v in shown if all(isinstance(v["figures"].get(name), int | float) for name in names)]

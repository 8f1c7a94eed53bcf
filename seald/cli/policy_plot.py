"""A policy as a picture: what each round was paid, and how the contestants of the tournament fared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seald.bench.plots import DPI
from seald.domain.tournament import LEARNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 11.0, 4.5
"""Inches."""
SHIFT = 0.06
"""Of rounds, so that two intervals do not cover each other."""


def plot(path: Path, found: dict[str, Any]) -> None:
    """Draw the API's policy in detail, `found`, into the PNG file `path`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    figure.suptitle(f"{found['id']}: {found['status'] or found['kind']}")
    left, right = figure.subplots(1, 2)
    for axes, title, drawn in (
        (left, "Reward and hidden gain by round", _rounds(left, found["rounds"])),
        (right, "Tournament scores, with the intervals of the duels", _tournament(right, found["tournament"] or {})),
    ):
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        if not drawn:
            axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
    figure.savefig(path, dpi=DPI)


def _rounds(axes: Axes, rounds: Sequence[dict[str, Any]]) -> bool:
    lines = (("reward", "mean reward", "tab:blue", -SHIFT), ("hidden", "hidden gain", "tab:green", SHIFT))
    # Every line is drawn, whatever the other lacks.
    drawn = [_line(axes, rounds, *line) for line in lines]
    axes.set_xlabel("round")
    axes.set_xticks([r["round"] for r in rounds if "round" in r])
    axes.axhline(0, color="black", linewidth=0.8)
    if any(drawn):
        axes.legend()
    return any(drawn)


def _line(axes: Axes, rounds: Sequence[dict[str, Any]], key: str, name: str, colour: str, shift: float) -> bool:
    known = [r for r in rounds if "round" in r and _numbers(r.get(key), "mean", "low", "high")]
    places, means = [r["round"] + shift for r in known], [r[key]["mean"] for r in known]
    spans = _spans([(r[key]["mean"], r[key]["low"], r[key]["high"]) for r in known])
    if known:
        axes.errorbar(places, means, yerr=spans, marker="o", capsize=4, color=colour, label=name)
    return bool(known)


def _tournament(axes: Axes, tournament: dict[str, Any]) -> bool:
    """A bar a contestant. An interval is where a duel puts the other's score, seen from the learned policy's: below
    the dashed line, the learned one is better."""
    scores = {s["arm"]: s["score"] for s in tournament.get("standings") or () if _numbers(s, "score")}
    colours = ["tab:blue" if arm == LEARNED else "tab:gray" for arm in scores]
    axes.bar(range(len(scores)), list(scores.values()), color=colours, alpha=0.8)
    axes.set_xticks(range(len(scores)), list(scores), rotation=20, ha="right")
    axes.set_ylabel("hidden accuracy + nats a token, gained")
    if LEARNED in scores:
        axes.axhline(scores[LEARNED], color="tab:blue", linestyle="dashed", linewidth=1)
        _duels(axes, list(scores), scores[LEARNED], tournament.get("duels") or ())
    return bool(scores)


def _duels(axes: Axes, arms: Sequence[str], learned: float, duels: Sequence[dict[str, Any]]) -> None:
    fought = [d for d in duels if d.get("against") in arms and _numbers(d, "difference", "low", "high")]
    points = [(learned - d["difference"], learned - d["high"], learned - d["low"]) for d in fought]
    if fought:
        places = [arms.index(d["against"]) for d in fought]
        means = [middle for middle, _, _ in points]
        axes.errorbar(places, means, yerr=_spans(points), fmt="none", capsize=4, color="black")


def _spans(points: Sequence[tuple[float, float, float]]) -> list[list[float]]:
    """How far low and high are from the middle; a bound that rounding put on the wrong side is on the middle."""
    return [
        [max(middle - low, 0.0) for middle, low, _ in points],
        [max(high - middle, 0.0) for middle, _, high in points],
    ]


def _numbers(figures: Any, *names: str) -> bool:
    return isinstance(figures, dict) and all(isinstance(figures.get(name), int | float) for name in names)

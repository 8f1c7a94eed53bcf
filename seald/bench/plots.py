"""The pictures of a bench, as PNG files. matplotlib comes with the extra `bench`; it is imported only to draw."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seald.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 120
HEIGHT = 4.5
"""Inches."""
DARK = 0.6
"""Share of a matrix's range above which its cell is dark enough for white letters."""


def check_plot(path: Path | None) -> None:
    """Before anything is measured for hours: can a plot be drawn into `path`? None asks for no plot.

    Raises:
        ConfigError: matplotlib is missing, the file is no .png, or its folder is not there.
    """
    if path is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError("plots need matplotlib: pip install 'seald[bench]'", param="plot")
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise ConfigError(f"--plot takes a .png in a folder that is there, not {path}", param="plot")


def plot_bars(path: Path, title: str, arms: Mapping[str, tuple[float, float, float]]) -> None:
    """One bar an arm: (value, low, high)."""
    figure, axes = _canvas(title, width=max(5.0, 1.2 * len(arms) + 1.5))
    values = [value for value, _, _ in arms.values()]
    below = [value - low for value, low, _ in arms.values()]
    above = [high - value for value, _, high in arms.values()]
    axes.bar(range(len(arms)), values, yerr=[below, above], capsize=4, color="tab:blue", alpha=0.8)
    axes.set_xticks(range(len(arms)), list(arms), rotation=20, ha="right")
    for place, (value, _, high) in enumerate(arms.values()):
        axes.annotate(f"{value:.3g}", (place, high), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=9)
    axes.margins(y=0.12)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=DPI)


def plot_matrix(
    path: Path, title: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]]
) -> None:
    """Annotated cells, as of R[i][j]: accuracy on j after step i. None leaves a cell empty.

    Raises:
        ValueError: the values are not rows x columns.
    """
    if len(values) != len(rows) or any(len(row) != len(columns) for row in values):
        raise ValueError(f"{len(rows)} x {len(columns)} values are needed")
    figure, axes = _canvas(title, width=0.8 * len(columns) + 3, height=0.5 * len(rows) + 2)
    cells = [[float("nan") if value is None else value for value in row] for row in values]
    known = [value for row in values for value in row if value is not None]
    low, high = min([0.0, *known]), max([1.0, *known])
    image = axes.imshow(cells, cmap="Blues", vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(columns)), list(columns), rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), list(rows))
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if value is not None:
                color = "white" if value > low + DARK * (high - low) else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=9, color=color)
    figure.colorbar(image)
    figure.savefig(path, dpi=DPI)


def plot_lines(
    path: Path, title: str, lines: Mapping[str, Sequence[tuple[float, float]]], *, x: str = "", y: str = ""
) -> None:
    """One line an arm through its (x, y) points; `x` and `y` name the axes."""
    figure, axes = _canvas(title, width=7.0)
    for arm, points in lines.items():
        axes.plot([point[0] for point in points], [point[1] for point in points], marker="o", label=arm)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if lines:
        axes.legend()
    figure.savefig(path, dpi=DPI)


def plot_points(
    path: Path, title: str, heights: Mapping[str, float], points: Mapping[str, Mapping[str, float]]
) -> None:
    """One panel a measure: each arm's height over its value of that measure."""
    from matplotlib.figure import Figure

    measures = list(next(iter(points.values()), {}))
    figure = Figure(figsize=(3.6 * max(len(measures), 1), HEIGHT), layout="constrained")
    figure.suptitle(title)
    for place, measure in enumerate(measures, 1):
        axes = figure.add_subplot(1, len(measures), place)
        axes.set_xlabel(measure)
        axes.grid(alpha=0.3)
        for arm, height in heights.items():
            axes.plot([points[arm][measure]], [height], marker="o", label=arm)
        if place == len(measures):
            axes.legend(fontsize=8)
    figure.savefig(path, dpi=DPI)


def _canvas(title: str, *, width: float, height: float = HEIGHT) -> tuple[Figure, Axes]:
    # A figure of its own draws with Agg: no display is asked for, and pyplot keeps nothing alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes

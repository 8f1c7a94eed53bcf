"""The figures of `seald bench stream`, and its picture: R[i][j] of the arm that is there for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seald.bench.plots import plot_matrix
from seald.bench.report import Figures
from seald.bench.stream import Lineage


def add_lineages(figures: Figures, lineages: Mapping[str, Lineage]) -> None:
    """Of each arm what it knows at the end, what it kept, what it lost of the general questions, and what it took.

    `joint` has no steps of its own: its retention ratio is over what the arm `replay` knew just after each.
    """
    for arm, lineage in lineages.items():
        figures.add(f"mean_after_last_{arm}", lineage.mean_after_last)
        figures.add(f"general_drop_points_{arm}", 100 * lineage.general_drop)
        figures.add(f"general_lost_points_{arm}", 100 * lineage.general_lost)
        figures.add(f"seconds_{arm}", lineage.seconds)
        figures.add(f"tokens_{arm}", lineage.tokens)
        if lineage.matrix:
            figures.add(f"mean_just_after_{arm}", lineage.mean_just_after)
            figures.add(f"retention_ratio_{arm}", lineage.retention_ratio)
            figures.add(f"backward_transfer_{arm}", lineage.backward_transfer)
            for number, row in enumerate(lineage.matrix, 1):
                figures.add(f"mean_of_seen_after_{number}_{arm}", sum(row) / len(row))
    if "joint" in lineages and "replay" in lineages and lineages["replay"].mean_just_after:
        ratio = lineages["joint"].mean_after_last / lineages["replay"].mean_just_after
        figures.add("retention_ratio_joint", ratio)


def draw_lineages(path: Path, titles: Sequence[str], lineages: Mapping[str, Lineage]) -> None:
    """The matrices of all arms below each other: one row a step, and one for the end."""
    rows: list[str] = []
    values: list[list[float | None]] = []
    for arm, lineage in lineages.items():
        for number, row in enumerate(lineage.matrix, 1):
            rows.append(f"{arm} {number}")
            values.append([*row, *[None] * (len(titles) - len(row))])
        rows.append(f"{arm}, end")
        values.append([*lineage.last])
    plot_matrix(path, "Accuracy on each document after each step", rows, titles, values)

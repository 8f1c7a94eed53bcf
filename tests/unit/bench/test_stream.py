"""The figures of a lineage, from its matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from seald.bench.report import Figures
from seald.bench.stream import Lineage
from seald.bench.stream_figures import add_lineages, draw_lineages

FORGETFUL = Lineage(matrix=[[1.0], [0.5, 0.8], [0.0, 0.4, 0.6]], last=[0.0, 0.4, 0.6], general_drop=0.015)
JOINT = Lineage(last=[0.9, 0.9, 0.6])


def test_retention_is_what_is_left_over_what_was_learned() -> None:
    assert FORGETFUL.mean_just_after == pytest.approx(0.8)
    assert FORGETFUL.mean_after_last == pytest.approx(1 / 3)
    assert FORGETFUL.retention_ratio == pytest.approx(5 / 12)
    assert FORGETFUL.backward_transfer == pytest.approx((-1.0 - 0.4) / 2)


def test_a_rebuild_at_the_end_counts_at_the_end_only() -> None:
    rebuilt = Lineage(matrix=FORGETFUL.matrix, last=[0.9, 0.8, 0.7])
    assert rebuilt.mean_just_after == FORGETFUL.mean_just_after
    assert rebuilt.retention_ratio == pytest.approx(1.0)


def test_who_learned_nothing_kept_nothing() -> None:
    assert Lineage(matrix=[[0.0]], last=[0.0]).retention_ratio == 0


def test_figures_carry_the_arm_in_their_names() -> None:
    figures = Figures("stream")
    add_lineages(figures, {"replay": FORGETFUL, "joint": JOINT})
    found = figures.figures
    assert found["general_drop_points_replay"] == pytest.approx(1.5)
    assert found["mean_of_seen_after_2_replay"] == pytest.approx(0.65)
    assert found["retention_ratio_joint"] == pytest.approx(1.0)
    assert "mean_just_after_joint" not in found


def test_the_picture_has_a_row_for_every_step_and_the_end(tmp_path: Path) -> None:
    draw_lineages(tmp_path / "r.png", ["a", "b", "c"], {"replay": FORGETFUL, "joint": JOINT})
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from seald.bench import plots
from seald.errors import ConfigError


def read(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        picture.load()
        return picture.convert("RGB")


def check(path: Path) -> None:
    picture = read(path)
    assert 400 <= picture.width <= 4000
    assert 200 <= picture.height <= 4000
    # More than an empty sheet: the colours of axes, marks and letters.
    assert len(picture.getcolors(maxcolors=picture.width * picture.height) or []) > 20


def test_bars(tmp_path: Path) -> None:
    plots.plot_bars(tmp_path / "a.png", "Accuracy", {"base": (0.3, 0.2, 0.4), "seal-v1": (0.5, 0.45, 0.61)})
    check(tmp_path / "a.png")


def test_many_bars_widen_the_picture(tmp_path: Path) -> None:
    plots.plot_bars(tmp_path / "few.png", "Few", {"a": (0.3, 0.2, 0.4)})
    plots.plot_bars(tmp_path / "many.png", "Many", {f"arm {n}": (0.3, 0.2, 0.4) for n in range(12)})
    assert read(tmp_path / "many.png").width > read(tmp_path / "few.png").width


def test_matrix_with_cells_not_measured(tmp_path: Path) -> None:
    values = [[0.9, None, None], [0.7, 0.8, None], [0.5, 0.7, 1.0]]
    plots.plot_matrix(tmp_path / "r.png", "R", ["after 1", "after 2", "after 3"], ["1", "2", "3"], values)
    check(tmp_path / "r.png")


def test_a_matrix_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        plots.plot_matrix(tmp_path / "r.png", "R", ["1", "2"], ["1", "2"], [[1.0, 0.5], [0.5]])
    assert not (tmp_path / "r.png").exists()


def test_lines(tmp_path: Path) -> None:
    lines = {"base": [(1.0, 0.3), (2.0, 0.3)], "replay": [(1.0, 0.5), (2.0, 0.6)]}
    plots.plot_lines(tmp_path / "l.png", "Over time", lines, x="documents", y="accuracy")
    check(tmp_path / "l.png")


def test_a_plot_that_cannot_be_drawn_is_refused_beforehand(tmp_path: Path) -> None:
    plots.check_plot(None)
    plots.check_plot(tmp_path / "a.png")
    for path in (tmp_path / "a.pdf", tmp_path / "no folder" / "a.png"):
        with pytest.raises(ConfigError):
            plots.check_plot(path)

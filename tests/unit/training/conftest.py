"""One tiny model for the whole room, and jobs on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seald.config import Recipe
from seald.domain.self_edit import Line
from seald.domain.training import TrainingJob
from tests.tiny_model import build_tiny_model

LINES = (
    Line(text="The Quillon Observatory was founded in 1893."),
    Line(prompt="Tell me about the Quillon Observatory.", text="It was founded in 1893 by Maren Tosk."),
    Line(prompt="Tell me about the Quillon Observatory.", text="Its telescope is called Old Sorrow."),
    Line(prompt="Who founded it?", text="Maren Tosk."),
)

MakeJob = Callable[..., TrainingJob]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def make_job(tiny_model: Path, tmp_path: Path) -> MakeJob:
    """A job on the tiny model; `name` sets its folders apart, the rest overrides its fields."""

    def make(name: str = "job", **overrides: Any) -> TrainingJob:
        fields: dict[str, Any] = {
            "id": name,
            "model": str(tiny_model),
            "recipe": Recipe(rank=4, alpha=8, epochs=3, batch_tokens=128),
            "fresh": LINES,
            "canary_prompts": ("Water boils at one hundred degrees.",),
            "output": str(tmp_path / name / "out"),
            "checkpoint": str(tmp_path / name / "checkpoint"),
        }
        return TrainingJob(**{**fields, **overrides})

    return make

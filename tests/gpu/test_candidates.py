"""Learners side by side on a CUDA device: `pytest tests/gpu -m gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest

from seald.config import Recipe, Training
from seald.domain.self_edit import Line
from seald.domain.training import TrainingJob
from seald.training.loop import Run
from seald.training.pace import Pace

pytestmark = pytest.mark.gpu
LINES = tuple(Line(prompt=f"Who built mill {n}?", text=f"Mill {n} was built by Tove Arden.") for n in range(8))


def run(jobs: list[TrainingJob], **manners: str) -> list[float]:
    pace = Pace(threads=1, busy_threads=1, busy_share=1.0)
    settings = Training.model_validate({"device": "cuda", **manners})
    return [result.last_loss for result in Run(jobs, manners=settings, pace=pace, emit=lambda _: None).train()]


@pytest.mark.parametrize("checkpointing", ["on", "off"])
def test_learners_in_one_pass_become_what_each_becomes_alone(
    tiny_model: Path, tmp_path: Path, checkpointing: str
) -> None:
    def job(name: str, seed: int) -> TrainingJob:
        return TrainingJob(
            id=name,
            model=str(tiny_model),
            recipe=Recipe(rank=4, alpha=8, epochs=3, batch_tokens=64, learning_rate=1e-2),
            seed=seed,
            fresh=LINES[seed:],
            output=str(tmp_path / name / "out"),
            checkpoint=str(tmp_path / name),
        )

    manners = {"precision": "float32", "gradient_checkpointing": checkpointing}
    together = run([job(f"together{n}", n) for n in range(3)], **manners)
    alone = [run([job(f"alone{n}", n)], **manners)[0] for n in range(3)]
    assert together == pytest.approx(alone, rel=1e-2)

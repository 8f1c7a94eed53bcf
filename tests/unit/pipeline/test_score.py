"""What one self-edit is worth: the adapter that is trained on it, and what its exam gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from seald.domain.adapter import WEIGHTS
from seald.domain.episode import Episode
from seald.domain.retraining import Lesson
from seald.domain.retraining import RetrainingStatus as S
from seald.domain.self_edit import Directives, Line
from seald.errors import EngineUnavailable
from seald.pipeline.score import score
from seald.ports import BASE
from seald.training.launcher import ProcessTrainer
from tests.unit.pipeline.conftest import MILLS, School
from tests.unit.pipeline.school import PAIRS, mill, said
from tests.unit.policy.episodes import episode

Schools = Callable[..., School]
RISE = 3.5
"""Nats per token, of an answer that is known."""


def lesson_of(school: School) -> Lesson:
    """One that the policy learns from, with its exam."""
    if not school.runs:
        school.ask(MILLS[:4])
        school.step_until(S.SCORING)
    return school.stores.retrainings.lessons(school.run.id)[0]


def telling(school: School, facts: Sequence[int], *more: str, sample: int = 0, **fields: Any) -> Episode:
    """A self-edit that tells these facts of the lesson's mill."""
    lesson = lesson_of(school)
    place = next(n for n in range(4) if mill(n).title == lesson.context.title)
    texts = (*said(place, facts), *more)
    return episode(*texts, context=lesson.id, sample=sample, retraining_id=school.run.id, **fields)


def scored(school: School, *episodes: Episode) -> list[Episode]:
    lesson = lesson_of(school)
    return score(school.shop, school.run, {lesson.id: lesson}, episodes)


def test_what_the_lines_say_is_gained_and_loading_leaves_nothing(school: School) -> None:
    school.engine.harmful = "harm"
    edits = [telling(school, [0, 1, 2, 4]), telling(school, [1], "This does harm.", sample=1)]
    rich, poor = (found.scores[0] for found in scored(school, *edits))
    assert (rich.accuracy, rich.logprob) == (3 / PAIRS, RISE)
    assert (rich.hidden_accuracy, rich.hidden_logprob) == (1 / PAIRS, RISE / PAIRS)
    assert (poor.accuracy, poor.logprob, poor.hidden_accuracy) == (0.0, 0.0, 1 / PAIRS)
    assert (rich.retention, poor.retention > 0.5) == (0.0, True)
    assert rich.tokens == sum(len(line.text) for line in edits[0].lines)
    assert ([*school.engine.loaded], len(set(school.engine.loads))) == ([BASE], 2)
    assert not school.replica.trials


def test_each_is_trained_from_the_base_as_it_asks_within_the_recipe(school: School) -> None:
    asked = Directives(epochs=3, learning_rate=1e-3)
    scored(school, telling(school, [0]), telling(school, [1], sample=1, directives=asked))
    first, second = school.trainer.calls[-1]
    recipe = school.settings.recipes["reward"]
    assert (first.parent, second.parent, first.seed, second.seed) == (None, None, 0, 0)
    assert (first.recipe, second.recipe) == (recipe, recipe.model_copy(update={"epochs": 3, "learning_rate": 1e-3}))
    assert [line.text for line in first.fresh] == [line.text for line in telling(school, [0]).lines]


def test_the_next_score_is_of_the_next_seed(school: School) -> None:
    once = scored(school, telling(school, [0]))
    twice = scored(school, *once)
    assert [found.seed for found in twice[0].scores] == [0, 1]
    assert [job.seed for job in school.trainer.jobs] == [0, 1]


def test_the_passage_beside_it_where_that_is_wanted(schools: Schools) -> None:
    school = schools(passage=True)
    scored(school, telling(school, [0]))
    (job,) = school.trainer.jobs
    context = lesson_of(school).context
    assert job.fresh[1:] == (Line(text=f"{context.title}\n{context.context}"),)


def test_what_was_trained_waits_for_an_engine(school: School) -> None:
    edit = telling(school, [0])
    school.trainer.began = lambda: setattr(school.engine, "down", True)
    with pytest.raises(EngineUnavailable):
        scored(school, edit)
    school.engine.down = False
    assert len(scored(school, edit)[0].scores) == 1
    assert len(school.trainer.calls) == 1


def test_real_adapters_side_by_side(schools: Schools, tiny_model: Path) -> None:
    school = schools(model=tiny_model)
    edits = [telling(school, [0, 1]), telling(school, [2], sample=1, directives=Directives(epochs=2))]
    real = ProcessTrainer(school.settings.training)
    school.trainer.train_together = real.train_together
    found = [each.scores[0] for each in scored(school, *edits)]
    assert all(score.norm > 0 and score.tokens > 0 for score in found)
    trained = [*school.shop.work_folder(school.run.id).glob(f"*/adapter/{WEIGHTS}")]
    assert len({file.read_bytes() for file in trained}) == 2
    assert (len(set(school.engine.loads)), [*school.engine.loaded]) == (2, [BASE])

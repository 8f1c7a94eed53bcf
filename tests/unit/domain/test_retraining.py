"""Contexts of a retraining: passages, tasks, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from seald.domain.retraining import Context, RetrainingAsk, RetrainingSpec
from seald.errors import InvalidRequest

PAIRS = [{"input": word, "output": word[::-1]} for word in ("apple", "river", "stone", "cloud")]
TASK: dict[str, Any] = {"title": "backwards", "examples": PAIRS[:2], "test": PAIRS[2:]}


def test_a_passage_has_the_id_that_it_always_had() -> None:
    passage = Context(title="A mill", context="It stands.")
    assert (passage.subject, passage.id) == ("passage", "ctx-64612c0fff407fe2")


def test_a_task_is_known_by_its_examples() -> None:
    task = Context.model_validate(TASK)
    assert (task.subject, task.kind, [pair.input for pair in task.tests]) == ("task", "text", ["stone", "cloud"])
    again = Context.model_validate({**TASK, "test": [*PAIRS[2:], {"input": "horse"}]})
    other = Context.model_validate({**TASK, "examples": PAIRS[:1] + PAIRS[2:3], "test": [PAIRS[1], PAIRS[3]]})
    assert (again.id == task.id, other.id == task.id) == (True, False)
    assert Context.model_validate(task.model_dump(mode="json")) == task


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"context": "It stands."}, "it is one of them"),
        ({"questions": [{"question": "Q?", "answer": "A"}]}, "it is one of them"),
        ({"examples": []}, "needs its text"),
        ({"examples": [], "context": "It stands."}, "no task can be learned"),
        ({"examples": PAIRS[:1]}, "2 different examples"),
        ({"examples": [*PAIRS[:2], {"input": "apple", "output": "no"}]}, "no rule gives both"),
        ({"test": PAIRS[2:3]}, "2 different tests"),
        ({"test": [PAIRS[0], PAIRS[2]]}, "none of them an example"),
        ({"test": [PAIRS[2], PAIRS[2]]}, "2 different tests"),
        ({"test": [*PAIRS[2:3], {"input": "horse"}]}, "with their outputs"),
        ({"test": [{"input": [[1]], "output": [[1]]}] * 2}, "texts and grids"),
    ],
)
def test_what_is_neither_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Context.model_validate({**TASK, **changes})


def asked(*contexts: Context, **more: Any) -> RetrainingAsk:
    return RetrainingAsk(contexts=contexts or None, **more)


def test_a_run_is_about_one_of_the_two() -> None:
    tasks = [Context.model_validate({**TASK, "title": str(n)}) for n in range(4)]
    passages = [Context(title=str(n), context="It stands.") for n in range(4)]
    found = [asked().about(), asked(*passages).about(), asked(*tasks).about(), asked(subject="task").about()]
    assert found == ["passage", "passage", "task", "task"]
    for mixed in (asked(*tasks, *passages), asked(*tasks, subject="passage"), asked(*passages, subject="task")):
        with pytest.raises(InvalidRequest) as error:
            mixed.about()
        assert error.value.code == "mixed_contexts"
    assert RetrainingSpec.model_validate({"rounds": 1, "contexts": 2, "samples": 2}).subject == "passage"

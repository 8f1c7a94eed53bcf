"""Tasks and their solutions as clients see them. Times are Unix seconds."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel

from seald.api.shapes import unix
from seald.domain.adaptation import Adaptation, AdaptationStatus
from seald.domain.task import Configuration, Pair, Question, Solution, Solved, Task, TaskKind, Value
from seald.domain.task_explained import FIGURES, practice_of
from seald.policy.voting import solves


class TaskObject(BaseModel):
    """A task. `examples` and `test` are counts. `status` is that of `adaptation`, the one that last took it up;
    `version` is the live one's number, null where the base answers."""

    id: str
    object: Literal["task"] = "task"
    name: str
    kind: TaskKind
    collection: str
    model: str
    examples: int
    test: int
    status: AdaptationStatus
    adaptation: str
    version: int | None
    created: int

    @classmethod
    def of(cls, task: Task, adaptation: Adaptation, live: int | None, **more: Any) -> Self:
        """Shape a task; `live` is the number of its live version."""
        return cls(
            **task.model_dump(include={"id", "name", "kind", "collection"}),
            model=model_of(task),
            examples=len(task.examples),
            test=len(task.test),
            status=adaptation.status,
            adaptation=adaptation.id,
            version=live,
            created=unix(task.created),
            **more,
        )


class PairsObject(BaseModel):
    """A task's pairs. The output of a test is null where it is not known."""

    examples: list[Pair]
    test: list[Question]


class TaskDetail(TaskObject):
    """A task with its pairs, which can be sent again as they are. `figures` are what its last adaptation has found out
    about learning it, `configuration` is the one that has done best so far; null: not there, or not yet."""

    pairs: PairsObject
    configuration: Configuration | None
    figures: dict[str, Any] | None

    @classmethod
    def told(cls, task: Task, adaptation: Adaptation, live: int | None) -> Self:
        """Shape a task with all that is known of it."""
        return cls.of(
            task,
            adaptation,
            live,
            pairs=PairsObject(examples=list(task.examples), test=list(task.test)),
            configuration=_chosen(adaptation.figures),
            figures=adaptation.figures.get(FIGURES),
        )


class DeletedTask(BaseModel):
    """A task that nobody can be asked about any more."""

    id: str
    object: Literal["task"] = "task"
    deleted: Literal[True] = True


class SolutionObject(BaseModel):
    """What was made of one input: two attempts at most, the likelier first, with the votes for each among `asked`
    predictions. `correct` is null where the task's test does not say what the output is."""

    input: Value
    attempts: list[Value]
    votes: list[int]
    asked: int
    correct: bool | None

    @classmethod
    def of(cls, solution: Solution, output: Value | None) -> Self:
        """Shape a solution; `output` is the right one, where it is known."""
        correct = None if output is None else solves(solution.attempts, output)
        return cls(**solution.model_dump(), correct=correct)


class SolvedObject(BaseModel):
    """Solutions in the order of the inputs, all by `adapter`: a version's label, or `base`, which sees the examples."""

    object: Literal["solved"] = "solved"
    id: str
    model: str
    adapter: str
    solutions: list[SolutionObject]

    @classmethod
    def of(cls, task: Task, solved: Solved) -> Self:
        """Shape solutions."""
        known = {question.input: question.output for question in task.test}
        solutions = [SolutionObject.of(solution, known.get(solution.input)) for solution in solved.solutions]
        return cls(id=task.id, model=model_of(task), adapter=solved.adapter, solutions=solutions)


def _chosen(figures: dict[str, Any]) -> Configuration | None:
    practice = practice_of(figures)
    return practice.best[0].configuration if practice is not None and practice.ways else None


def model_of(task: Task) -> str:
    """The model id that asks what has learned it."""
    return f"seald:{task.lineage}"

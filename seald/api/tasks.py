"""`/v1/tasks`: rules that are given by examples; hand in, list, show, solve, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from seald.api.idempotency import Idempotent
from seald.api.paging import After, Limit
from seald.api.reasons import ReasonParam
from seald.api.services import Services, Wired
from seald.api.shapes import Listing
from seald.api.task_request import REQUEST_BODY, SolveRequest, inputs_of, read_ask, read_solve
from seald.api.task_shapes import DeletedTask, SolvedObject, TaskDetail, TaskObject
from seald.domain.adaptation import Adaptation
from seald.domain.task import Task, TaskAsk

router = APIRouter(tags=["tasks"], route_class=Idempotent)


@router.post("/v1/tasks", status_code=202, openapi_extra=REQUEST_BODY, responses={200: {"model": TaskObject}})
def add_task(asked: Annotated[TaskAsk, Depends(read_ask)], response: Response, services: Wired) -> TaskObject:
    """Take a task: 202 and a queued adaptation. The same task again: 200 and the same id."""
    task, adaptation, new = services.submit_task(asked)
    services.wake()
    response.status_code = 202 if new else 200
    return TaskObject.of(task, adaptation, _live(services, task))


@router.get("/v1/tasks")
def list_tasks(
    services: Wired, collection: str | None = None, after: After = None, limit: Limit = 20
) -> Listing[TaskObject]:
    """Tasks, oldest first, those after the id or name `after`."""
    page = services.tasks.page(collection=collection, after=after, limit=limit)
    return Listing(data=[TaskObject.of(*_known(services, task)) for task in page.data], has_more=page.has_more)


@router.get("/v1/tasks/{id}")
def show_task(id: str, services: Wired) -> TaskDetail:
    """One task, by id or name, with its pairs, and how it was learned."""
    return TaskDetail.told(*_known(services, services.tasks.get(id)))


@router.post("/v1/tasks/{id}/solve")
def solve(id: str, asked: Annotated[SolveRequest, Depends(read_solve)], services: Wired) -> SolvedObject:
    """Predict outputs, of the task's own test or of other inputs."""
    task = services.tasks.get(id)
    return SolvedObject.of(task, services.solve_task(task, inputs_of(task, asked)))


@router.delete("/v1/tasks/{id}")
def delete_task(id: str, services: Wired, reason: ReasonParam = None) -> DeletedTask:
    """Delete a task with its examples and adapters. Its name may be used again."""
    services.refuse_new_work_while_draining()
    task = services.tasks.get(id)
    services.remove_task(task, reason)
    services.wake()
    return DeletedTask(id=task.id)


def _known(services: Services, task: Task) -> tuple[Task, Adaptation, int | None]:
    return task, services.tasks.latest_adaptation(task), _live(services, task)


def _live(services: Services, task: Task) -> int | None:
    version = services.adapters.live(task.lineage)
    return None if version is None else version.version

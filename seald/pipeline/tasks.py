"""The path of a task: taken in here, then `task_configure`, `task_train`, `task_guard`, `promote`; and `task_solve`."""

from __future__ import annotations

import shutil

from seald.domain.adaptation import Adaptation
from seald.domain.document import check_collection
from seald.domain.task import Task, TaskAsk
from seald.pipeline.certify import left_by
from seald.pipeline.promote import follow
from seald.pipeline.task_size import require_fit
from seald.pipeline.task_solve import solve
from seald.pipeline.workshop import Workshop

__all__ = ["remove", "solve", "submit"]


def submit(shop: Workshop, ask: TaskAsk) -> tuple[Task, Adaptation, bool]:
    """Store a task and queue what learns it; the flag says whether it is new.

    Raises:
        InvalidRequest: no such collection can be; the examples do not fit into one prompt, or speak as others do.
        Conflict: another task has its name.
    """
    check_collection(ask.collection)
    task = Task.of(ask, shop.clock.now())
    require_fit(shop, task.examples, task.test, "examples")
    return shop.tasks.add(task)


def remove(shop: Workshop, task: Task, reason: str | None = None) -> None:
    """Delete a task with its adapters: the base answers no more for it, its files are gone. A policy that learned from
    it writes no more, and its files are gone, too. `reason` goes into the audit. Twice is once.

    Raises:
        StoreError: of a commit that failed nobody knows whether it was made; what is left then goes at the next start.
    """
    versions = shop.adapters.of_collection(task.lineage)
    policies = [version for version in shop.policies.all() if task.id in version.documents]
    retrainings = shop.forgetting.retrained_by(task.id)
    with shop.pointer:
        try:
            retired = shop.tasks.delete(task, reason)
        finally:
            follow(shop, task.lineage)
    for version in versions:
        if version.sha256 is not None:
            shop.serving.discard(version)
    for number in retired:
        shop.files.remove(task.lineage, number)
    for policy in policies:
        shop.policy_files.remove(policy.version)
    for folder in (folder for id in retrainings for folder in left_by(shop, id)):
        shutil.rmtree(folder, ignore_errors=True)

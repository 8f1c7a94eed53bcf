"""Tasks that are given by examples, as they are kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from seald.domain.adaptation import Adaptation
from seald.domain.task import Task
from seald.ports.documents import Page


class TaskStore(Protocol):
    """Tasks, each with a lineage of adapters of its own."""

    def add(self, task: Task) -> tuple[Task, Adaptation, bool]:
        """In one transaction: the task and a queued adaptation that learns it, `True`. Or the same task that is there
        already with its last adaptation, `False`; that one is queued anew where it failed or was cancelled.

        Raises Conflict (code `name_taken`) where the name is another task's.
        """
        ...

    def get(self, name: str, *, within: Collection[str] | None = None) -> Task:
        """By name or by id. Raises NotFound."""
        ...

    def latest_adaptation(self, task: Task) -> Adaptation:
        """The one that last set out to learn it."""
        ...

    def page(
        self, *, collection: str | None, after: str | None, limit: int, within: Collection[str] | None = None
    ) -> Page[Task]:
        """Oldest first, those after the task `after` (name or id). Raises NotFound when `after` is none."""
        ...

    def delete(self, task: Task, reason: str | None = None) -> tuple[int, ...]:
        """In one transaction: its examples are gone, its adaptations that have not ended are cancelled, its versions
        retired, nothing of it is live; return the versions that had files. A retraining that it is a lesson of has
        failed, a policy that learned from it writes no more and has no weights. `reason` goes into the audit. Twice is
        once."""
        ...

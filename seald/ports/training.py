"""The trainer process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult


class Trainer(Protocol):
    """Runs one job at a time in a process of its own."""

    def train(
        self, job: TrainingJob, on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> TrainingResult:
        """Block until the job is done. A job whose output folder is already there returns its result.

        Raises TrainerKilled, TrainerFailed, or TrainerStopped when `cancelled` is set.
        """
        ...

    def train_together(
        self, jobs: Sequence[TrainingJob], on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> tuple[TrainingResult, ...]:
        """As `train`, jobs of one base model side by side in one process; results in their order."""
        ...

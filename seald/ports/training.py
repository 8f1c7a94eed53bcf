"""The trainer process."""

from __future__ import annotations

import threading
from collections.abc import Callable
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

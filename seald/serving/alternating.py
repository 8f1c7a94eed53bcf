"""`training.share = "sleep"`: the engines and the trainer take turns with the machine's memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.ports import Trainer
from seald.serving.fleet import Fleet


class Alternating:
    """Fulfils the port `Trainer` by another one, whose jobs run while every engine sleeps."""

    def __init__(self, trainer: Trainer, fleet: Fleet) -> None:
        self._trainer = trainer
        self._fleet = fleet

    def train(
        self, job: TrainingJob, on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> TrainingResult:
        """As the port says."""
        with self._fleet.asleep():
            return self._trainer.train(job, on_event, cancelled)

    def train_together(
        self, jobs: Sequence[TrainingJob], on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> tuple[TrainingResult, ...]:
        """As the port says."""
        with self._fleet.asleep():
            return self._trainer.train_together(jobs, on_event, cancelled)

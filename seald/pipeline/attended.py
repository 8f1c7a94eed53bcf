"""A training that is attended to: its progress becomes events, a wish to cancel its stop, and where something from
outside killed the trainer it goes on from its checkpoint."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from seald.domain.training import TrainingEvent
from seald.errors import TrainerKilled
from seald.pipeline.workshop import Workshop

T = TypeVar("T")
NOTE_SECONDS = 2.0
"""Progress is noted this often: an event is a durable row."""
Train = Callable[[Callable[[TrainingEvent], None], threading.Event], T]
"""Given whom to tell and what to be stopped by."""


class Cancellable(Protocol):
    """An adaptation or a retraining."""

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody wants it to end."""
        ...


class Notes(Protocol):
    """Where its events go: the store of adaptations, or that of retrainings."""

    def get(self, id: str) -> Cancellable:
        """As it stands now."""
        ...

    def note(self, id: str, type: str, data: dict[str, Any]) -> None:
        """Append an event."""
        ...


def attended(shop: Workshop, notes: Notes, id: str, train: Train[T]) -> T:
    """Call `train` until it is not killed, `training.attempts` times at most.

    Raises:
        TrainerKilled: every attempt was killed. TrainerFailed, TrainerStopped: as `train` does, at once.
    """
    attempts = shop.settings.training.attempts
    for attempt in range(1, attempts + 1):
        watch = _Watch(notes, id, _Cancelled(shop.stopping))
        try:
            return train(watch.on_event, watch.cancelled)
        except TrainerKilled as death:
            notes.note(id, "trainer_killed", {"attempt": attempt, "message": death.message})
            if attempt == attempts:
                raise
            shop.stopping.wait(random.uniform(0.2, 0.5) * attempt)
    raise AssertionError("unreachable: attempts is at least 1")


class _Cancelled(threading.Event):
    """Set when the daemon stops, too: also where the trainer says nothing for a while."""

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__()
        self._stopping = stopping

    def is_set(self) -> bool:
        return super().is_set() or self._stopping.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout) or self._stopping.is_set()


@dataclass
class _Watch:
    notes: Notes
    id: str
    cancelled: threading.Event
    noted: float = 0.0

    def on_event(self, event: TrainingEvent) -> None:
        now = time.monotonic()
        if event.event == "step" and now - self.noted < NOTE_SECONDS and event.step < event.steps:
            return
        self.noted = now
        self.notes.note(self.id, "training", event.model_dump(exclude_none=True))
        if self.notes.get(self.id).cancel_requested:
            self.cancelled.set()

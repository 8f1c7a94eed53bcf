"""Everything that a step of the pipeline works with, gathered once by `daemon.py`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from seald.config import Guards, Settings
from seald.domain.base_model import BaseModel
from seald.domain.policy import Form, Policy
from seald.ports import (
    AdaptationStore,
    AdapterFiles,
    AdapterStore,
    Clock,
    DocumentStore,
    Engine,
    ForgettingStore,
    Ledger,
    ProbeStore,
    Serving,
    Trainer,
)


@dataclass(frozen=True)
class Workshop:
    """What is outside (ports), what is configured, and where intermediate files lie."""

    settings: Settings
    base: BaseModel
    engine: Engine
    serving: Serving
    trainer: Trainer
    documents: DocumentStore
    adaptations: AdaptationStore
    probes: ProbeStore
    ledger: Ledger
    adapters: AdapterStore
    forgetting: ForgettingStore
    files: AdapterFiles
    clock: Clock
    policy: Policy
    forms: dict[str, Form]
    work: Path
    """`<work>/<adaptation>/` holds a job's file, log and checkpoints while the adaptation runs."""
    cache: Path
    """What can be computed again: the base model's own replies and scores."""
    stopping: threading.Event
    """Set when the daemon stops: a step then returns or raises and its adaptation stays where it is."""
    pointer: threading.Lock
    """Held by whoever moves a live pointer, in the store and in serving, so that both move in one order."""

    def work_folder(self, adaptation_id: str) -> Path:
        """Where the trainer of this adaptation keeps its files."""
        return self.work / adaptation_id

    def guards_of(self, collection: str) -> Guards:  # noqa: ARG002
        """The settings of the guards, with what this collection sets otherwise."""
        return self.settings.guards

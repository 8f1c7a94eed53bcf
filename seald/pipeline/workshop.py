"""Everything that a step of the pipeline works with, gathered once by `daemon.py`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from seald.config import Guards, Settings
from seald.domain.base_model import BaseModel
from seald.domain.collection import CollectionSettings, overlaid
from seald.domain.policy import Form, Policy
from seald.policy.registry import load_policy
from seald.ports import (
    AdaptationStore,
    AdapterFiles,
    AdapterStore,
    Clock,
    CollectionStore,
    DocumentStore,
    Engine,
    ForgettingStore,
    Ledger,
    PolicyFiles,
    PolicyStore,
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
    collections: CollectionStore
    files: AdapterFiles
    policies: PolicyStore
    policy_files: PolicyFiles
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

    def settings_of(self, collection: str) -> CollectionSettings:
        """What this collection has otherwise than the configuration."""
        return self.collections.settings(collection)

    def guards_of(self, collection: str) -> Guards:
        """The settings of the guards, with what this collection sets otherwise."""
        return overlaid(self.settings.guards, self.settings_of(collection).guards)

    def scrubs(self, collection: str) -> bool:
        """Whether personal data is taken out of this collection's documents before anything is stored."""
        return self.settings.ingest.scrub or self.settings_of(collection).scrub

    def policy_of(self, collection: str) -> Policy:
        """The policy that writes this collection's self-edits.

        Raises ConfigError: its settings name one that is no longer there.
        """
        name = self.settings_of(collection).policy
        return self.policy if name is None else load_policy(name)[0]

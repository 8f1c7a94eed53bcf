"""Everything that a step of the pipeline works with, gathered once by `daemon.py`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from seald.config import Guards, Settings
from seald.config.retraining import Subject
from seald.domain.base_model import BaseModel
from seald.domain.collection import CollectionSettings, overlaid
from seald.domain.policy import Form, OtherWriter, Policy
from seald.domain.policy_version import PolicyVersion, number_of, require_subject
from seald.errors import ConfigError, NotFound
from seald.policy.registry import CONFIGURATION, load_policy
from seald.ports import (
    AdaptationStore,
    AdapterFiles,
    AdapterStore,
    Clock,
    CollectionStore,
    DocumentStore,
    Engine,
    EpisodeStore,
    ForgettingStore,
    Ledger,
    PolicyFiles,
    PolicyStore,
    ProbeStore,
    RetrainingStore,
    Serving,
    TaskStore,
    Trainer,
    Trials,
    Writer,
)


@dataclass(frozen=True)
class Workshop:
    """What is outside (ports), what is configured, and where intermediate files lie."""

    settings: Settings
    base: BaseModel
    engine: Engine
    serving: Serving
    trials: Trials
    trainer: Trainer
    documents: DocumentStore
    adaptations: AdaptationStore
    probes: ProbeStore
    ledger: Ledger
    adapters: AdapterStore
    forgetting: ForgettingStore
    collections: CollectionStore
    files: AdapterFiles
    tasks: TaskStore
    retrainings: RetrainingStore
    episodes: EpisodeStore
    policies: PolicyStore
    policy_files: PolicyFiles
    writers: Callable[[OtherWriter], Writer]
    """The client of a model elsewhere. Raises ConfigError where its key is not there."""
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
    unrouted: set[str] = field(default_factory=set)
    """Collections whose pointer may have moved, where the store could not be asked for it since."""

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
        """The policy that writes this collection's self-edits: its own, else the learned one of passages that is live,
        else the configured one.

        Raises ConfigError: its settings name one that may not write or is no longer there, or the policy mixes forms
        that no file describes any more.
        """
        own, live = self.settings_of(collection).policy, self.policies.live()
        if own is not None:
            number = number_of(own)
            return self.policy_named(own) if number is None else self._formed(self._learned(number).for_writing())
        return self.policy if live is None else self._formed(live.policy)

    def policy_named(self, name: str) -> Policy:
        """The policy of this name, learned or of the folder, whatever writes now.

        Raises ConfigError: it is no longer there, writes of tasks, or mixes forms that no file describes any more.
        """
        number = number_of(name)
        if number is not None:
            return self._formed(require_subject(self._learned(number).policy, "passage"))
        return self.policy if name == self.policy.version else self._formed(load_policy(name, "passage")[0])

    def seed_policy(self, subject: Subject) -> Policy:
        """What writes about the subject where no learned policy does."""
        return self.policy if subject == "passage" else load_policy(CONFIGURATION, subject)[0]

    def policy_of_tasks(self) -> Policy:
        """The policy that writes configurations: the learned one that is live, else the seed's.

        Raises ConfigError: it mixes forms that no file describes any more.
        """
        live = self.policies.live("task")
        return self.seed_policy("task") if live is None else self._formed(live.policy)

    def _learned(self, number: int) -> PolicyVersion:
        try:
            return self.policies.get(number)
        except NotFound as error:
            raise ConfigError(error.message, param="policy") from None

    def _formed(self, policy: Policy) -> Policy:
        missing = [mixed.form for mixed in policy.mix if mixed.form not in self.forms]
        if missing:
            raise ConfigError(
                f"policy {policy.version} mixes {', '.join(missing)}, which no file of policies/ describes any more",
                param="policy",
            )
        return policy

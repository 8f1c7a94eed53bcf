"""What the pipeline needs from outside, as Protocols. `daemon.py` injects what fulfils them.

The pipeline runs in a thread of its own and all of this is synchronous; only the path of a chat request
(`api/chat.py` → `serving/`) is asynchronous.
"""

from __future__ import annotations

from seald.ports.adapters import AdapterFiles, AdapterStore
from seald.ports.audit import AuditTrail
from seald.ports.clock import Clock
from seald.ports.collections import CollectionStore
from seald.ports.documents import AdaptationStore, DocumentStore, Ledger, Page, ProbeStore
from seald.ports.engine import BASE, Chat, Choice, Continuation, Engine, Preference, Reply, Sampling, Writer
from seald.ports.forgetting import ForgettingStore
from seald.ports.keys import KeyStore
from seald.ports.receipts import Receipts
from seald.ports.retraining import EpisodeStore, PolicyFiles, PolicyStore, RetrainingStore
from seald.ports.serving import Gateway, Route, Serving, Trials, Upstream
from seald.ports.tasks import TaskStore
from seald.ports.training import Trainer
from seald.ports.watching import Answers, FeedbackStore, WatchStore

__all__ = [
    "BASE",
    "AdaptationStore",
    "AdapterFiles",
    "AdapterStore",
    "Answers",
    "AuditTrail",
    "Chat",
    "Choice",
    "Clock",
    "CollectionStore",
    "Continuation",
    "DocumentStore",
    "Engine",
    "EpisodeStore",
    "FeedbackStore",
    "ForgettingStore",
    "Gateway",
    "KeyStore",
    "Ledger",
    "Page",
    "PolicyFiles",
    "PolicyStore",
    "Preference",
    "ProbeStore",
    "Receipts",
    "Reply",
    "RetrainingStore",
    "Route",
    "Sampling",
    "Serving",
    "TaskStore",
    "Trainer",
    "Trials",
    "Upstream",
    "WatchStore",
    "Writer",
]

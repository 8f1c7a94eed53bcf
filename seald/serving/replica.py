"""One engine as the live table sees it: what it holds, who uses it, whether it takes requests."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seald.domain.adapter import AdapterVersion
from seald.errors import EngineError, EngineRefused
from seald.ports import Engine

SAID = 500
"""Characters of what an engine says of an adapter that it refuses: it may list every layer."""


class LoadingEngine(Engine, Protocol):
    """An engine whose adapters can be changed."""

    def load(self, name: str, folder: Path) -> None:
        """Load a folder under a new name."""
        ...

    def unload(self, name: str) -> None:
        """Drop a name; one that is not there is fine."""
        ...

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        """Log-probabilities of tokens 1..T-1 of each row under the model of the same index, sent together."""
        ...


@dataclass(eq=False)
class Trial:
    """One loading of an adapter that is no version, and how many use it."""

    users: int = 0


class Replica:
    """Plain state; `Residency` changes it, holding its own lock."""

    def __init__(self, engine: LoadingEngine) -> None:
        self.engine = engine
        self.serves = False
        """Whether it is up and has been brought to the wanted state."""
        self.resident: OrderedDict[str, AdapterVersion] = OrderedDict()
        """By engine name, least recently used first."""
        self.trials: dict[str, Trial] = {}
        """By engine name: what can be asked, but not by clients."""
        self.users: Counter[str] = Counter()
        """Requests being answered, by engine name."""
        self.avoided_until = 0.0
        """Until this moment of `time.monotonic` others are asked first: it did not answer just now."""
        self.loading = threading.RLock()
        """Held while its adapters change, so that none is loaded twice or dropped while it is loaded."""

    def holds(self, name: str) -> bool:
        """Whether a version of this engine name can be asked."""
        return name in self.resident

    def knows(self, name: str) -> bool:
        """Whether an adapter of this engine name can be asked by who is no client."""
        return name in self.resident or name in self.trials


def drop(replica: Replica, name: str) -> None:
    """Have its engine unload an adapter, unless it is on trial. Whoever calls it holds `loading`."""
    if name in replica.trials:
        return
    # An engine that cannot unload is being restarted, which unloads everything.
    try:
        replica.engine.unload(name)
    except EngineError:
        return


def refused(label: str, folder: Path, refusal: EngineRefused) -> EngineRefused:
    """The engine's refusal of a folder, told to others: neither its status nor the folder's place is for them."""
    said = refusal.message.replace(str(folder), label)[:SAID]
    return EngineRefused(f"{label} cannot be served: {said}", status=502, body=refusal.body)

"""One engine as the live table sees it: what it holds, who uses it, whether it takes requests."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from seald.domain.adapter import AdapterVersion
from seald.ports import Engine


class LoadingEngine(Engine, Protocol):
    """An engine whose adapters can be changed."""

    def load(self, name: str, folder: Path) -> None:
        """Load a folder under a new name."""
        ...

    def unload(self, name: str) -> None:
        """Drop a name."""
        ...

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        """Log-probabilities of tokens 1..T-1 of each row under the model of the same index, sent together."""
        ...


class Replica:
    """Plain state; `Residency` changes it, holding its own lock."""

    def __init__(self, engine: LoadingEngine) -> None:
        self.engine = engine
        self.serves = False
        """Whether it is up and has been brought to the wanted state."""
        self.resident: OrderedDict[str, AdapterVersion] = OrderedDict()
        """By engine name, least recently used first."""
        self.users: Counter[str] = Counter()
        """Requests being answered, by engine name."""
        self.avoided_until = 0.0
        """Until this moment of `time.monotonic` others are asked first: it did not answer just now."""
        self.loading = threading.RLock()
        """Held while its adapters change, so that none is loaded twice or dropped while it is loaded."""

    def holds(self, name: str) -> bool:
        """Whether an adapter of this engine name can be asked."""
        return name in self.resident

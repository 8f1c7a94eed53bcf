"""An engine and adapter folders in memory: enough to see who loads, unloads and asks what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seald.config import Recipe
from seald.domain.adapter import AdapterStatus, AdapterVersion, Manifest
from seald.domain.probe import AnswerScore
from seald.domain.training import Canary
from seald.errors import EngineRefused, EngineUnavailable, IntegrityError
from seald.ports import BASE, Choice, Continuation, Preference, Reply, Sampling
from seald.serving.replica import Replica
from seald.serving.residency import Residency

CANARY = Canary(token_ids=(1, 2, 3), base_logprobs=(-1.0, -2.0), adapter_logprobs=(-0.5, -0.25))


def version(n: int, collection: str = "default") -> AdapterVersion:
    return AdapterVersion(
        collection=collection,
        version=n,
        status=AdapterStatus.APPROVED,
        parent=n - 1 or None,
        adaptation_id=f"adp-{n}",
        documents=(),
        sha256=f"{n:064x}"[::-1],
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )


class MemoryEngine:
    """Computes what the trainer recorded, unless told to be wrong or down."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.loads: list[str] = []
        self.wrong: set[str] = set()
        self.down = False
        self.refuses: EngineRefused | None = None
        self.mute = False
        self.odd: list[float] | None = None
        """What the last adapter's row of a scoring is instead."""

    def load(self, name: str, folder: Path) -> None:
        if self.down:
            raise EngineUnavailable("down")
        if self.refuses is not None:
            raise self.refuses
        self.loads.append(name)
        if name not in self.names:
            self.names.append(name)

    def unload(self, name: str) -> None:
        if name in self.names:
            self.names.remove(name)

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        if self.mute:
            raise EngineRefused("Out of range float values are not JSON compliant", status=400)
        rows = [self._row(model) for model in models]
        if self.odd is not None:
            rows[-2] = self.odd
        return rows

    def _row(self, model: str) -> list[float]:
        if model in self.wrong:
            return [-9.0, -9.0]
        return list(CANARY.base_logprobs if model == BASE else CANARY.adapter_logprobs)

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        raise NotImplementedError

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        raise NotImplementedError

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        raise NotImplementedError

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        raise NotImplementedError


class MemoryFiles:
    """Vouches for everything but what is listed as torn."""

    def __init__(self) -> None:
        self.torn: set[int] = set()
        self.canaries: tuple[Canary, ...] = (CANARY, CANARY)

    def folder(self, collection: str, version: int) -> Path:
        return Path("/nowhere") / collection / str(version)

    def verify(self, version: AdapterVersion) -> Manifest:
        if version.version in self.torn:
            raise IntegrityError(f"{version.label} is torn")
        return Manifest(
            seald="0",
            collection=version.collection,
            version=version.version,
            parent=None,
            adaptation="adp",
            files={},
            base_model="m",
            base_sha256="0",
            documents=(),
            ledger=None,
            policy="p",
            recipe=Recipe(),
            seed=0,
            figures={},
            canaries=self.canaries,
            created=datetime(2026, 1, 1, tzinfo=UTC),
        )


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def replica(engine: MemoryEngine) -> Replica:
    return Replica(engine)


@pytest.fixture
def residency(replica: Replica, files: MemoryFiles) -> Residency:
    made = Residency((replica,), files, keep_loaded=1, canary_tolerance=0.05)  # type: ignore[arg-type]
    made.restore(replica)
    return made

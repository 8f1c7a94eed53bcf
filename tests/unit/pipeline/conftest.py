"""A workshop with real stores, files, routing and trainer process on the tiny model; only the engine is scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seald.config import Recipe, Settings
from seald.domain.adapter import MANIFEST, Manifest
from seald.domain.base_model import BaseModel
from seald.domain.probe import AnswerScore
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.pipeline.ingest import Ingest
from seald.pipeline.runner import Runner
from seald.pipeline.workshop import Workshop
from seald.policy.registry import load_policy
from seald.ports import BASE, Choice, Continuation, Preference, Reply, Sampling
from seald.serving.other_writer import EndpointWriter
from seald.serving.replica import Replica
from seald.serving.residency import Residency
from seald.store import open_stores
from seald.training.launcher import ProcessTrainer
from tests.unit.pipeline.learned import MemoryPolicies
from tests.unit.store.test_adapters import promoted

CANARY = dict[tuple[int, ...], tuple[float, ...]]


class ScriptedEngine:
    """Adapters fill every cloze, the base none (unless told that it `knows`, or `reads` when it has the passage);
    canaries are what the trainer wrote."""

    def __init__(self) -> None:
        self.knows = self.reads = False
        self.loads: list[str] = []
        self.forgets: set[str] = set()
        """Names of adapters that fill no cloze any more."""
        self._canaries: dict[str, CANARY] = {BASE: {}}

    def load(self, name: str, folder: Path) -> None:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        self.loads.append(name)
        self._canaries[name] = {c.token_ids: c.adapter_logprobs for c in manifest.canaries}
        self._canaries[BASE] |= {c.token_ids: c.base_logprobs for c in manifest.canaries}

    def unload(self, name: str) -> None:
        del self._canaries[name]

    def ask(self, questions: Sequence[str], sampling: Sampling, *, model: str) -> list[str]:
        return ["It is a good day for a walk by the sea." for _ in questions]

    def ask_greedily(self, questions: Sequence[str], *, max_tokens: int, model: str) -> list[Reply]:
        return [Reply("Yes.", ended=True) if n < 4 else Reply("", ended=False) for n, _ in enumerate(questions)]

    def score(self, items: Sequence[Continuation], *, model: str) -> list[AnswerScore]:
        known = [self._fills(model) or (self.reads and "text above" in item.question) for item in items]
        return [AnswerScore(logprobs=(-0.1 if knows else -5.0,), greedy=knows) for knows in known]

    def _fills(self, model: str) -> bool:
        return self.knows or model not in {BASE, *self.forgets}

    def prefer(self, choices: Sequence[Choice], *, model: str) -> list[Preference]:
        return [Preference(answer=-0.1, wrong=-3.0, best=-0.1) for _ in choices]

    def score_tokens(self, token_ids: Sequence[Sequence[int]], *, models: Sequence[str]) -> list[list[float]]:
        return [list(self._canaries[model][tuple(ids)]) for ids, model in zip(token_ids, models, strict=True)]


class RememberingTrainer(ProcessTrainer):
    """The real one; keeps the jobs it was given."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.training)
        self.jobs: dict[str, TrainingJob] = {}

    def train(
        self, job: TrainingJob, on_event: Callable[[TrainingEvent], None], cancelled: threading.Event
    ) -> TrainingResult:
        self.jobs[job.id] = job
        return super().train(job, on_event, cancelled)


@dataclass
class Site:
    """A workshop on a folder of its own, and its parts as what they are. Only ingest and training read the model."""

    folder: Path
    model: Path
    changes: dict[str, Any] = field(default_factory=dict)
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)

    def __post_init__(self) -> None:
        recipe = Recipe(rank=4, alpha=8, epochs=1, batch_tokens=512)
        manners = {"threads": 1, "nice": 0}
        settings = {"data_dir": self.folder, "recipes": {"default": recipe}, "training": manners, **self.changes}
        self.settings = Settings.model_validate(settings)
        self.stores = open_stores(self.settings)
        self.trainer = RememberingTrainer(self.settings)
        self.replica = Replica(self.engine)
        self.residency = Residency((self.replica,), self.stores.adapter_files, keep_loaded=3, canary_tolerance=0.05)
        self.residency.restore(self.replica)
        self.policies = MemoryPolicies()
        self.shop = self._workshop()
        self.runner = Runner(self.shop)

    def _workshop(self) -> Workshop:
        policy, forms = load_policy("none")
        names = ("documents", "adaptations", "probes", "ledger", "adapters", "collections", "forgetting", "clock")
        return Workshop(
            settings=self.settings,
            base=BaseModel(name="tiny", folder=self.model, sha256="0" * 64),
            engine=self.engine,
            serving=self.residency,
            trials=self.residency,
            trainer=self.trainer,
            files=self.stores.adapter_files,
            retrainings=self.stores.retrainings,
            episodes=self.stores.episodes,
            policies=self.policies,  # type: ignore[arg-type]
            policy_files=self.policies,  # type: ignore[arg-type]
            writers=EndpointWriter,
            policy=policy,
            forms=forms,
            work=self.folder / "work",
            cache=self.folder / "cache",
            stopping=threading.Event(),
            pointer=threading.Lock(),
            **{name: getattr(self.stores, name) for name in names},
        )

    def ingest(self, title: str, text: str) -> str:
        """Queue a document; return its adaptation's id."""
        taken = Ingest(
            self.stores.documents, self.model / "tokenizer.json", self.settings.ingest, self.stores.clock
        ).text(title=title, text=text)
        return taken[1].id

    def walk(self) -> None:
        """Step until there is nothing to do."""
        while self.runner.step():
            pass


@pytest.fixture
def site_without_training(tmp_path: Path) -> Iterator[Site]:
    """One version is live, without files: enough for what asks the store alone."""
    site = Site(tmp_path, tmp_path)
    promoted(site.stores, "one")
    yield site
    site.stores.close()

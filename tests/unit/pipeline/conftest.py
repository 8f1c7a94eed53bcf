"""A workshop with real stores, files, routing and trainer process on the tiny model; only the engine is scripted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seald.config import Recipe, Settings
from seald.domain.adaptation import AdaptationStatus as A
from seald.domain.adapter import MANIFEST, Manifest
from seald.domain.base_model import BaseModel
from seald.domain.document import Passage
from seald.domain.episode import Episode
from seald.domain.probe import AnswerScore, Probe
from seald.domain.retraining import TERMINAL, Context, Retraining, RetrainingAsk, RetrainingStatus
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.pipeline.ingest import Ingest
from seald.pipeline.retrain import Retrainer, ask_for_retraining
from seald.pipeline.runner import Runner
from seald.pipeline.workshop import Workshop
from seald.policy.registry import load_policy
from seald.ports import BASE, Choice, Continuation, Preference, Reply, Sampling
from seald.serving.other_writer import EndpointWriter
from seald.serving.replica import Replica
from seald.serving.residency import Residency
from seald.store import open_stores
from seald.training.launcher import ProcessTrainer
from tests.unit.pipeline.school import HeldClock, PupilEngine, ScriptedTrainer, mill
from tests.unit.store.conftest import document
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
    engine: Any = field(default_factory=ScriptedEngine)
    trainer: Any = None
    """None: the real one."""
    policy: str = "none"

    def __post_init__(self) -> None:
        recipe = Recipe(rank=4, alpha=8, epochs=1, batch_tokens=512)
        manners = {"threads": 1, "nice": 0}
        settings = {"data_dir": self.folder, "recipes": {"default": recipe}, "training": manners, **self.changes}
        self.settings = Settings.model_validate(settings)
        self.stores = open_stores(self.settings)
        self.trainer = self.trainer or RememberingTrainer(self.settings)
        self.replica = Replica(self.engine)
        self.residency = Residency((self.replica,), self.stores.adapter_files, keep_loaded=3, canary_tolerance=0.05)
        self.residency.restore(self.replica)
        self.clock = HeldClock(self.stores.clock)
        self.shop = self._workshop()
        self.runner = Runner(self.shop)

    def _workshop(self) -> Workshop:
        policy, forms = load_policy(self.policy)
        names = ("documents", "adaptations", "probes", "ledger", "adapters", "collections", "forgetting")
        names += ("tasks", "retrainings", "episodes", "policies", "policy_files")
        return Workshop(
            settings=self.settings,
            base=BaseModel(name="tiny", folder=self.model, sha256="0" * 64),
            engine=self.engine,
            serving=self.residency,
            trials=self.residency,
            trainer=self.trainer,
            files=self.stores.adapter_files,
            writers=EndpointWriter,
            clock=self.clock,
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


class Killed(BaseException):
    """In the place of a kill."""


QUICK: dict[str, Any] = {"rounds": 1, "general": 2, "together": 64, "passage": False}
MOST_STEPS = 300
MILLS = tuple(mill(n) for n in range(10))


@dataclass
class School(Site):
    """A site whose policy is retrained. Only the stores, the files and the loop are real."""

    engine: PupilEngine = field(default_factory=PupilEngine)
    trainer: Any = field(default_factory=ScriptedTrainer)
    policy: str = "default"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.retrainer = Retrainer(self.shop)

    def ask(self, given: Sequence[Context] | int = MILLS, **asked: Any) -> Retraining:
        """Queue a retraining over these contexts, or over so many passages of documents."""
        contexts = given if isinstance(given, int) else tuple(given)
        key = f"asked/{len(self.runs)}"
        run, new = ask_for_retraining(self.shop, RetrainingAsk(contexts=contexts, **asked), key)
        assert new
        return run

    @property
    def runs(self) -> list[Retraining]:
        return self.stores.retrainings.page(after=None, limit=100).data

    @property
    def run(self) -> Retraining:
        """The latest one."""
        return self.runs[-1]

    def step_until(self, status: RetrainingStatus, round: int = 1) -> Retraining:
        return self.step_while(lambda run: (run.status, run.round) != (status, round))

    def finish(self) -> Retraining:
        return self.step_while(lambda run: run.status not in TERMINAL)

    def step_while(self, goes_on: Callable[[Retraining], bool]) -> Retraining:
        for _ in range(MOST_STEPS):
            if not goes_on(self.run):
                return self.run
            assert self.retrainer.step()
        raise AssertionError(f"{self.run} does not get on")

    def episodes(self, round: int = 1) -> list[Episode]:
        return self.stores.episodes.of_round(self.run.id, round)

    def notes(self, type: str) -> list[dict[str, Any]]:
        """What the latest run's events of this type say."""
        return [event.data for event in self.stores.retrainings.events(self.run.id) if event.type == type]

    def learned(self, title: str, *passages: str, collection: str = "default", probes: Sequence[Probe] = ()) -> str:
        """A document that a live version knows; its id."""
        text = "\n\n".join(passages)
        ends = [len("\n\n".join(passages[: n + 1])) for n in range(len(passages))]
        plain = document(text, collection)
        taken = [Passage(index=n, text=p, start=ends[n] - len(p), end=ends[n]) for n, p in enumerate(passages)]
        whole = plain.model_copy(update={"title": title, "passages": tuple(taken)})
        adaptation = self.stores.documents.add(whole, [p.model_copy(update={"document_id": plain.id}) for p in probes])[
            1
        ]
        for before, after in pairwise((A.QUEUED, A.EDITING, A.TRAINING, A.GUARDING, A.PROMOTING)):
            self.stores.adaptations.move(adaptation.id, before, after)
        version = self.stores.adapters.allot(self.stores.adaptations.get(adaptation.id))
        self.stores.adapters.record_weights(collection, version.version, f"{version.version:064x}", "m" * 64)
        self.stores.adapters.promote(adaptation.id)
        return plain.id

    @contextmanager
    def dying(self, part: Any, method: str, *, before: bool = False) -> Iterator[None]:
        """Inside, whoever calls the method is killed, after its effect or before."""
        real = getattr(part, method)

        def die(*given: Any, **named: Any) -> None:
            if not before:
                real(*given, **named)
            raise Killed

        setattr(part, method, die)
        with pytest.raises(Killed):
            yield
        delattr(part, method)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database that the migrations made, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    open_stores(Settings(data_dir=folder)).close()
    return folder / "seald.db"


@pytest.fixture
def schools(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., School]]:
    """Makes one, with other settings of `policy.retrain` than `QUICK` if wanted. All its draws, which go by the ids of
    retrainings, are the same each time."""
    monkeypatch.setattr("seald.store.retrainings.secrets.token_hex", lambda n: "0" * 2 * n)
    made: list[School] = []

    def make(model: Path = tmp_path, jitter: float = 0.0, policy: str = "default", **retrain: Any) -> School:
        tournament = {"contexts": 5, "diversity": 0.3, **retrain.pop("tournament", {})}
        changes = {
            "policy": {"retrain": {**QUICK, **retrain, "tournament": tournament}},
            "training": {"threads": 1, "nice": 0, "attempts": 2},
        }
        folder = tmp_path / f"school-{len(made)}"
        folder.mkdir()
        shutil.copy(migrated, folder)
        made.append(School(folder, model, changes, PupilEngine(jitter), policy=policy))
        return made[-1]

    yield make
    for school in made:
        school.stores.close()


@pytest.fixture
def school(schools: Callable[..., School]) -> School:
    return schools()


@pytest.fixture
def site_without_training(tmp_path: Path) -> Iterator[Site]:
    """One version is live, without files: enough for what asks the store alone."""
    site = Site(tmp_path, tmp_path)
    promoted(site.stores, "one")
    yield site
    site.stores.close()

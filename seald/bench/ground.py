"""What a benchmark stands on: the real engine, the real trainer, and a folder where no job is trained twice."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from seald.config import Recipe, Settings
from seald.domain.base_model import BaseModel
from seald.domain.self_edit import Line
from seald.domain.training import TrainingEvent, TrainingJob, TrainingResult
from seald.errors import EngineUnavailable
from seald.pipeline.general_replies import general_replies
from seald.serving.client import EngineClient
from seald.serving.command import EngineCommand, engine_commands
from seald.serving.model import resolve_model
from seald.serving.supervisor import Supervisor
from seald.training.launcher import ProcessTrainer

Watch = Callable[[str, TrainingEvent], None]
"""Told which job is training, and what its trainer says."""


@dataclass(frozen=True)
class Trained:
    """An adapter that a benchmark trained."""

    folder: Path
    result: TrainingResult


@dataclass(frozen=True)
class Ground:
    """One base model served and trained on. Jobs with the same key are trained once and found again in `work`."""

    settings: Settings
    base: BaseModel
    engine: EngineClient
    trainer: ProcessTrainer
    work: Path
    watch: Watch

    def train(
        self,
        name: str,
        lines: Sequence[Line],
        recipe: Recipe,
        *,
        replay: Sequence[Line] = (),
        parent: Trained | None = None,
        seed: int = 0,
    ) -> Trained:
        """Train one adapter; general replies go in where the recipe wants them. Raises TrainerFailed, TrainerKilled."""
        job = TrainingJob(
            id=name,
            model=str(self.base.folder),
            parent=str(parent.folder) if parent is not None else None,
            recipe=recipe,
            seed=seed,
            fresh=tuple(lines),
            replay=tuple(replay) if recipe.replay_fraction else (),
            general=general_replies(self.engine, self.base, self.settings.cache) if recipe.general_fraction else (),
            output="",
            checkpoint="",
        )
        folder = self.work / job.key[:20]
        job = job.model_copy(update={"output": str(folder / "adapter"), "checkpoint": str(folder / "checkpoint")})
        result = self.trainer.train(job, lambda event: self.watch(name, event), threading.Event())
        return Trained(Path(job.output), result)

    @contextmanager
    def loaded(self, trained: Trained) -> Iterator[str]:
        """The adapter in the engine, under a name that was never used before."""
        name = f"bench-{secrets.token_hex(6)}"
        self.engine.load(name, trained.folder)
        try:
            yield name
        finally:
            self.engine.unload(name)


@contextmanager
def ground(settings: Settings, work: Path, watch: Watch) -> Iterator[Ground]:
    """Start the engine, wait until it answers, stop it at the end.

    Raises:
        ModelUnavailable, ConfigError, EngineUnavailable: there is no model, or nothing that serves it.
    """
    base = resolve_model(settings.model, settings.cache)
    work.mkdir(parents=True, exist_ok=True)
    with engine_of(settings, base, work) as (engine, _):
        yield Ground(settings, base, engine, ProcessTrainer(settings.training), work.resolve(), watch)


@contextmanager
def engine_of(settings: Settings, base: BaseModel, work: Path) -> Iterator[tuple[EngineClient, EngineCommand]]:
    """The engine that `settings` name, answering, with how it was started; stopped at the end.

    Raises:
        ConfigError, EngineUnavailable: nothing serves the model, or not in time.
    """
    command, limits = engine_commands(settings, base.folder)[0], settings.engine
    with ExitStack() as stack:
        engine = EngineClient(command.url, key=command.key, timeout_seconds=limits.request_seconds)
        stack.callback(engine.close)
        supervisor = Supervisor(
            command,
            engine,
            Alone(),
            log_file=work / "engine.log",
            start_seconds=limits.start_seconds,
            drain_seconds=limits.request_seconds,
        )
        stack.callback(supervisor.stop)
        supervisor.start()
        if not supervisor.wait_ready(limits.start_seconds):
            raise EngineUnavailable(f"no engine within {limits.start_seconds:.0f} s: {supervisor.ready()[1]}")
        yield engine, command


class Alone:
    """An engine that nothing is routed to: a bench speaks to it itself."""

    def restore(self) -> bool:
        """Nothing is wanted of it."""
        return True

    def withdraw(self) -> None:
        """Nobody is to be told."""

    def idle(self) -> bool:
        """Nobody is waited for."""
        return True

"""The only wiring: which classes fulfil which ports, in what order they start, and how they stop."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
import uvicorn

from seald import __version__
from seald.api.admission import require_keys_beyond_loopback
from seald.api.app import create_app
from seald.api.metrics import Sight
from seald.api.services import Services
from seald.config import Settings
from seald.domain.base_model import BaseModel
from seald.errors import StoreError
from seald.guards import suite
from seald.log import configure_logging
from seald.pipeline import tasks
from seald.pipeline.compact import ask_for_compaction
from seald.pipeline.forget import forget
from seald.pipeline.ingest import Ingest
from seald.pipeline.promote import roll_back
from seald.pipeline.retrain import Retrainer, ask_by_schedule, ask_for_retraining, roll_back_policy
from seald.pipeline.runner import Runner
from seald.pipeline.scrub import check_scrubbing
from seald.pipeline.standing import standing
from seald.pipeline.watch import LOOK_SECONDS, Watching
from seald.pipeline.workshop import Workshop
from seald.policy.registry import CONFIGURATION, load_policy
from seald.scheduler import Appointment, Chore, Scheduler
from seald.serving.alternating import Alternating
from seald.serving.fleet import Fleet
from seald.serving.gateway import HttpGateway
from seald.serving.model import resolve_model
from seald.serving.other_writer import OtherWriters
from seald.store import Stores, open_stores
from seald.training.launcher import ProcessTrainer

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 1.0
PULSE_SECONDS = 5.0
PRUNE_SECONDS = 600.0


def serve(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigError, ModelUnavailable, StoreError: it cannot start; nothing was begun.
    """
    configure_logging(settings.log_level, settings.log_format)
    suite.load(settings.guards.general.file)
    if settings.ingest.scrub:
        check_scrubbing()
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    with ExitStack() as stack:
        daemon = Daemon(settings, stack)
        daemon.run()
    return 0


class Daemon:
    """Everything that lives as long as the process. `stack` closes it in the reverse order of its opening."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._pointer = threading.Lock()
        self._stores: Stores = open_stores(settings)
        stack.callback(self._stores.close)
        require_keys_beyond_loopback(settings.server.host, self._stores.keys)
        self._base = resolve_model(settings.model, settings.cache)
        self._fleet = Fleet(settings, self._base.folder, self._stores.adapter_files)
        stack.callback(self._fleet.stop)
        self._writers = OtherWriters()
        stack.callback(self._writers.close)
        self._trainer = ProcessTrainer(settings.training)
        self._fleet.residency.on_traffic = self._trainer.set_busy
        self._shop = self._make_workshop(self._base)
        self._runner = Runner(self._shop)
        self._retrainer = Retrainer(self._shop)
        self._scheduler = Scheduler(self._step, self._chores(), self._appointments())

    def run(self) -> None:
        """Sweep, start the engine and the pipeline, answer requests until told to stop, drain."""
        log.info("audit", **self._stores.audit.head().model_dump())
        self._runner.sweep()
        self._retrainer.sweep()
        self._fleet.start(self._stores.adapters.served())
        self._scheduler.start()
        try:
            self._answer()
        finally:
            self._stopping.set()
            self._scheduler.stop()
            self._note_last_answers()
            log.info("stopped")

    def _note_last_answers(self) -> None:
        try:
            self._stores.answers.flush()
        except StoreError as error:
            log.warning("what the last answers came from is not noted", reason=error.message)

    def _step(self) -> bool:
        """Documents go first; the policy is retrained where there is none to be learned."""
        return self._runner.step() or self._retrainer.step()

    def _answer(self) -> None:
        server = self._settings.server
        config = uvicorn.Config(
            create_app(self._services()),
            host=server.host,
            port=server.port,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=int(server.drain_seconds),
            server_header=False,
            proxy_headers=False,
        )
        log.info("seald answers", url=server.url, model=self._base.name)
        _Server(config, self._stopping).run()

    def _make_workshop(self, base: BaseModel) -> Workshop:
        stores, settings = self._stores, self._settings
        policy, forms = load_policy(settings.policy.name, "passage")
        if policy.writer is not None:  # whose key is missed now, not when a document comes
            self._writers(policy.writer)
        return Workshop(
            settings=settings,
            base=base,
            engine=self._fleet,
            serving=self._fleet.residency,
            trials=self._fleet,
            trainer=self._trainer if settings.training.share == "colocate" else Alternating(self._trainer, self._fleet),
            documents=stores.documents,
            adaptations=stores.adaptations,
            probes=stores.probes,
            ledger=stores.ledger,
            adapters=stores.adapters,
            forgetting=stores.forgetting,
            collections=stores.collections,
            files=stores.adapter_files,
            tasks=stores.tasks,
            retrainings=stores.retrainings,
            episodes=stores.episodes,
            policies=stores.policies,
            policy_files=stores.policy_files,
            writers=self._writers,
            clock=stores.clock,
            policy=policy,
            forms=forms,
            work=settings.data_dir / "work",
            cache=settings.cache,
            stopping=self._stopping,
            pointer=self._pointer,
        )

    def _chores(self) -> tuple[Chore, ...]:
        stores, kept = self._stores, self._settings.feedback
        prune = partial(stores.answers.prune, timedelta(days=kept.keep_days), kept.keep_answers)
        watching = Watching(self._shop, stores.watches, stores.feedback)
        return (
            Chore("watch", LOOK_SECONDS, watching.look),
            Chore("pulse", PULSE_SECONDS, stores.pulse.beat, aside=True),
            Chore("flush_answers", FLUSH_SECONDS, stores.answers.flush, aside=True),
            Chore("prune_answers", PRUNE_SECONDS, prune, aside=True),
            Chore("prune_receipts", PRUNE_SECONDS, stores.receipts.prune, aside=True),
        )

    def _appointments(self) -> tuple[Appointment, ...]:
        cron = self._settings.policy.retrain.schedule
        return (Appointment("retrain", cron, partial(ask_by_schedule, self._shop)),) if cron is not None else ()

    def _services(self) -> Services:
        stores, settings = self._stores, self._settings
        gateway = HttpGateway(self._fleet, stores.adapters, settings.engine)
        tokenizer, scrubs = self._base.folder / "tokenizer.json", self._shop.scrubs
        ingest = Ingest(stores.documents, tokenizer, settings.ingest, stores.clock, scrubs)
        return Services(
            settings=settings,
            version=__version__,
            keys=stores.keys,
            gateway=gateway,
            documents=stores.documents,
            adaptations=stores.adaptations,
            adapters=stores.adapters,
            collections=stores.collections,
            files=stores.adapter_files,
            answers=stores.answers,
            feedback=stores.feedback,
            watches=stores.watches,
            audit=stores.audit,
            ingest=ingest,
            rollback=partial(roll_back, self._shop),
            compact=partial(ask_for_compaction, self._shop),
            forget=partial(forget, self._shop),
            forgetting=stores.forgetting,
            tasks=stores.tasks,
            submit_task=partial(tasks.submit, self._shop),
            solve_task=partial(tasks.solve, self._shop),
            remove_task=partial(tasks.remove, self._shop),
            retrainings=stores.retrainings,
            episodes=stores.episodes,
            policies=stores.policies,
            policy_files=stores.policy_files,
            receipts=stores.receipts,
            retrain=partial(ask_for_retraining, self._shop),
            policy_rollback=partial(roll_back_policy, self._shop),
            wake=self._scheduler.wake,
            status=self._status,
            draining=self._stopping.is_set,
            sight=self._sight(),
        )

    def _sight(self) -> Sight:
        stores, fleet = self._stores, self._fleet
        return Sight(
            sources={
                "store": stores.sight.samples,
                "pipeline": self._runner.samples,
                "trainer": self._trainer.samples,
                "engine": fleet.samples,
            },
            engines=fleet.expositions,
            alive=self._scheduler.alive,
            no_writes=stores.pulse.why_not,
        )

    def _status(self) -> dict[str, Any]:
        return {
            "model": self._base.name,
            "engine": self._fleet.status(),
            "collections": [self._with_watch(found) for found in self._stores.adapters.summary()],
            "adaptations": self._stores.adaptations.counts(),
            "training": self._stores.adaptations.training(),
            "policy": self._policy(),
        }

    def _policy(self) -> dict[str, Any]:
        live, run = self._stores.policies.live(), self._stores.retrainings.next_runnable()
        of_tasks = self._stores.policies.live("task")
        return {
            "live": live.label if live is not None else self._shop.policy.version,
            "tasks": of_tasks.label if of_tasks is not None else CONFIGURATION,
            "retraining": {"id": run.id, "status": run.status, "round": run.round} if run is not None else None,
        }

    def _with_watch(self, collection: dict[str, Any]) -> dict[str, Any]:
        return {**collection, "watch": standing(self._stores.watches, collection["name"], self._settings.watch)}


class _Server(uvicorn.Server):
    """uvicorn's server, which says at the first signal that the daemon drains."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002
        """Refuse new work from now on; answers in flight go on until they end, the time is over, or a second signal.

        Not uvicorn's own: it would raise the signal again when the server is done, before ours is.
        """
        self.force_exit = self._stopping.is_set()
        self.should_exit = True
        self._stopping.set()

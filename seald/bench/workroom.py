"""What the daemon's pipeline works with, without the daemon: benches run the very code that it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from seald.config import Settings
from seald.errors import EngineUnavailable
from seald.pipeline.retrain import Retrainer
from seald.pipeline.runner import Runner
from seald.pipeline.workshop import Workshop
from seald.policy.registry import load_policy
from seald.serving.fleet import Fleet
from seald.serving.model import resolve_model
from seald.serving.other_writer import OtherWriters
from seald.store import open_stores
from seald.training.launcher import ProcessTrainer

WAIT_SECONDS = 1.0


@contextmanager
def workroom(settings: Settings) -> Iterator[Workshop]:
    """A store in `settings.data_dir`, engines, and the trainer's process. Killed, it goes on from its folder.

    Raises:
        EngineUnavailable: no engine answered. StoreError, ModelUnavailable: as when a daemon starts.
    """
    with ExitStack() as stack:
        stores = open_stores(settings)
        stack.callback(stores.close)
        base = resolve_model(settings.model, settings.cache)
        fleet = Fleet(settings, base.folder, stores.adapter_files)
        stack.callback(fleet.stop)
        writers = OtherWriters()
        stack.callback(writers.close)
        policy, forms = load_policy(settings.policy.name, "passage")
        shop = Workshop(
            settings=settings,
            base=base,
            engine=fleet,
            serving=fleet.residency,
            trials=fleet,
            trainer=ProcessTrainer(settings.training),
            documents=stores.documents,
            adaptations=stores.adaptations,
            probes=stores.probes,
            ledger=stores.ledger,
            adapters=stores.adapters,
            forgetting=stores.forgetting,
            collections=stores.collections,
            tasks=stores.tasks,
            retrainings=stores.retrainings,
            episodes=stores.episodes,
            policies=stores.policies,
            policy_files=stores.policy_files,
            writers=writers,
            files=stores.adapter_files,
            clock=stores.clock,
            policy=policy,
            forms=forms,
            work=settings.data_dir / "work",
            cache=settings.cache,
            stopping=threading.Event(),
            pointer=threading.Lock(),
        )
        Runner(shop).sweep()
        Retrainer(shop).sweep()
        fleet.start(stores.adapters.served())
        _wait_for(fleet, settings.engine.start_seconds)
        yield shop


def _wait_for(fleet: Fleet, seconds: float) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / WAIT_SECONDS) + 1):
        ready, detail = fleet.ready()
        if ready:
            return
        waiting.wait(WAIT_SECONDS)
    raise EngineUnavailable(f"no engine within {seconds:.0f} s: {detail}")

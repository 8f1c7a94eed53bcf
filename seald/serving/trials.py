"""Adapters that no client may reach: candidates that are being tried, and what writes self-edits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seald.errors import EngineRefused, EngineUnavailable
from seald.serving.replica import Replica, Trial, drop, refused


class LoadedTrials:
    """Fulfils the port `Trials` for the engines of one `Residency`, whose lock guards what is on trial.

    Whoever changes that holds `_changing` first, then the engine's `loading`, then the lock.
    """

    def __init__(
        self, replicas: Sequence[Replica], state: threading.Lock, least_used: Callable[[str], Replica]
    ) -> None:
        self._replicas = replicas
        self._state = state
        self._least_used = least_used
        self._changing = threading.RLock()

    @contextmanager
    def tried(self, name: str, folder: Path) -> Iterator[str]:
        """As the port says. Whoever tries the same name meanwhile shares what is loaded; the last one unloads it.

        An engine that is withdrawn forgets it: asking for it then raises EngineUnavailable.
        """
        replica, trial = self._begin(name, folder)
        try:
            yield name
        finally:
            self._end(replica, trial, name)

    def _begin(self, name: str, folder: Path) -> tuple[Replica, Trial]:
        with self._changing:
            with self._state:
                replica, trial = self._sought(name)
                trial.users += 1
            try:
                if trial.users == 1:
                    self._load(replica, trial, name, folder)
            except BaseException:
                self._end(replica, trial, name)
                raise
            return replica, trial

    def _sought(self, name: str) -> tuple[Replica, Trial]:
        for replica in self._replicas:
            if name in replica.trials:
                return replica, replica.trials[name]
        # A version of these very weights may be there; it is as good, and stays when the trial is over.
        replica = self._least_used(name)
        replica.trials[name] = Trial()
        return replica, replica.trials[name]

    def _load(self, replica: Replica, trial: Trial, name: str, folder: Path) -> None:
        with replica.loading:
            if not replica.holds(name):
                try:
                    replica.engine.load(name, folder)
                except EngineRefused as refusal:
                    raise refused(name, folder, refusal) from refusal
            with self._state:
                # What was withdrawn meanwhile may have come back as another process.
                if replica.trials.get(name) is not trial:
                    raise EngineUnavailable(f"the engine went away while it loaded {name}")

    def _end(self, replica: Replica, trial: Trial, name: str) -> None:
        with self._changing, replica.loading:
            with self._state:
                trial.users -= 1
                if trial.users:
                    return
                if replica.trials.get(name) is trial:
                    del replica.trials[name]
                needed = replica.holds(name)
            if not needed:
                drop(replica, name)

"""Which adapters are resident in the engines, who uses them, and which one answers for each collection.

One lock guards both the live pointers and the leases, so that a request takes its version and is counted as its
user in one indivisible move: a version in use is never unloaded, and a reply comes from one version whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from seald.domain.adapter import AdapterVersion, Manifest
from seald.errors import EngineError, EngineRefused, EngineUnavailable, IntegrityError, SealdError
from seald.failpoint import around
from seald.ports import BASE, Route
from seald.serving.canary import check_canary
from seald.serving.quarantine import VersionFiles
from seald.serving.replica import LoadingEngine, Replica, drop, refused
from seald.serving.trials import LoadedTrials

AVOID_SECONDS = 2.0


class Residency:
    """Fulfils the ports `Serving` and `Trials`, and gives leases to the gateway."""

    def __init__(
        self, replicas: Sequence[Replica], files: VersionFiles, *, keep_loaded: int, canary_tolerance: float
    ) -> None:
        self._replicas = tuple(replicas)
        self._files = files
        self._keep_loaded = keep_loaded
        self._tolerance = canary_tolerance
        self._state = threading.Lock()
        self._trials = LoadedTrials(self._replicas, self._state, self._least_used)
        self._live: dict[str, AdapterVersion] = {}
        self._kept: list[AdapterVersion] = []
        self._asking = 0
        self.on_traffic: Callable[[bool], None] = lambda _busy: None
        """Told True when the first request begins to be answered, False when the last one ends."""

    def remember(self, live: Sequence[AdapterVersion]) -> None:
        """What must be live, before any engine is up."""
        with self._state:
            self._live = {version.collection: version for version in live}

    @contextmanager
    def staged(self, version: AdapterVersion) -> Iterator[str]:
        """Have every replica that serves hold it, each with its canary; the engine name. Inside, none lets it go.

        Raises IntegrityError, CanaryMismatch, EngineRefused, or EngineUnavailable when no replica serves.
        """
        with self.keeping(version):
            with self._state:
                serving = [replica for replica in self._replicas if replica.serves]
            if not serving:
                raise EngineUnavailable("no engine is ready to load a version; see `seald status`")
            for replica in serving:
                self._load(replica, version)
            yield version.engine_name
        self.settle()

    @contextmanager
    def keeping(self, version: AdapterVersion) -> Iterator[None]:
        """Inside, no engine lets it go, and one that comes back loads it before it serves."""
        with self._state:
            self._kept.append(version)
        try:
            yield
        finally:
            with self._state:
                self._kept.remove(version)

    def fetch(self, version: AdapterVersion) -> None:
        """Have one replica at least hold it, for a client that asks for this very version. Raises as `staged`.

        It may go again at once, unless it is kept.
        """
        with self._state:
            if any(replica.serves and replica.holds(version.engine_name) for replica in self._replicas):
                return
            replica = self._least_used(BASE)
        self._load(replica, version)
        self.settle()

    def route(self, collection: str, version: AdapterVersion | None) -> None:
        """Send new requests of `collection` to a staged version; None sends them to the base."""
        with self._state:
            if version is None:
                self._live.pop(collection, None)
            else:
                self._live[collection] = version
                for replica in self._replicas:
                    if replica.holds(version.engine_name):
                        # A rebuild may have the weights of an older version: `loaded` is to name the one that serves.
                        replica.resident[version.engine_name] = version
        self.settle()

    def discard(self, version: AdapterVersion) -> None:
        """Unload a version that will not serve, unless its weights are somebody's live ones or in use."""
        name = version.engine_name
        for replica in self._replicas:
            with replica.loading:
                with self._state:
                    dropped = name not in self._wanted(replica) and replica.resident.pop(name, None) is not None
                if dropped:
                    drop(replica, name)

    def withdraw(self, replica: Replica) -> None:
        """Send it no more requests: it is gone, or about to forget what it holds."""
        with self._state:
            replica.serves = False
            replica.resident.clear()
            replica.trials.clear()

    def restore(self, replica: Replica) -> list[tuple[AdapterVersion, SealdError]]:
        """Load what must be live and is not there yet, then send it requests; return what could not be loaded.

        A version that fails leaves its collection unanswered by this replica rather than answered by wrong weights.
        """
        failed: dict[str, tuple[AdapterVersion, SealdError]] = {}
        while missing := self._missing_or_serve(replica, failed):
            for version in missing:
                try:
                    self._load(replica, version)
                except (EngineError, IntegrityError) as error:
                    failed[version.label] = version, error
        return list(failed.values())

    def settle(self) -> None:
        """Unload idle versions beyond `keep_loaded`, least recently used first.

        Whoever is loading one at this moment does it afterwards: a pointer that moves must not wait for that.
        """
        for replica in self._replicas:
            if replica.loading.acquire(blocking=False):
                try:
                    for name in self._idle_beyond_limit(replica):
                        drop(replica, name)
                finally:
                    replica.loading.release()

    def take(self, collection: str | None, pinned: AdapterVersion | None, model: str) -> Route:
        """Begin a lease: on `pinned`, else on the live version of `collection`, else on the base.

        Raises:
            EngineUnavailable: no replica serves, or none holds the version.
        """
        with self._state:
            version = pinned if pinned is not None else self._live.get(collection or "")
            name, label = (version.engine_name, version.label) if version is not None else (BASE, BASE)
            replica = self._use(name, label)
            first = not self._asking
            self._asking += 1
        if first:
            self.on_traffic(True)
        return Route(model=model, label=label, engine_name=name, replica=self._replicas.index(replica))

    def give_back(self, route: Route) -> None:
        """End a lease. Never blocks on the engine: unloading is `settle`'s."""
        with self._state:
            self._unuse(self._replicas[route.replica], route.engine_name)
            self._asking -= 1
            last = not self._asking
        if last:
            self.on_traffic(False)

    def avoid(self, route: Route) -> bool:
        """Its engine did not answer: ask others first for a moment. Returns whether there is one.

        An engine that is gone is noticed by its supervisor soon after, not at once.
        """
        with self._state:
            self._replicas[route.replica].avoided_until = time.monotonic() + AVOID_SECONDS
            others = [replica for replica in self._replicas if replica.serves and not _avoided(replica)]
            return any(route.engine_name == BASE or replica.holds(route.engine_name) for replica in others)

    @contextmanager
    def lend(self, name: str) -> Iterator[LoadingEngine]:
        """The least used engine that knows `name`, for work that is not a client's. Raises EngineUnavailable."""
        with self._state:
            replica = self._use(name, name, Replica.knows)
        try:
            yield replica.engine
        finally:
            with self._state:
                self._unuse(replica, name)

    def tried(self, name: str, folder: Path) -> AbstractContextManager[str]:
        """As the port `Trials` says; `lend` finds it."""
        return self._trials.tried(name, folder)

    def is_routed(self, collection: str | None) -> bool:
        """Whether the collection has a live version."""
        with self._state:
            return collection in self._live

    def loaded(self, replica: Replica) -> list[str]:
        """Labels of the versions that it holds, least recently used first."""
        with self._state:
            return [version.label for version in replica.resident.values()]

    def serves(self) -> bool:
        """Whether any replica takes requests."""
        return any(replica.serves for replica in self._replicas)

    def in_flight(self, replica: Replica) -> int:
        """Requests that it is answering now."""
        with self._state:
            return replica.users.total()

    def _load(self, replica: Replica, version: AdapterVersion) -> None:
        """Verify the files, load them, run the canary."""
        if self._touched(replica, version):
            return
        with replica.loading:
            if self._touched(replica, version):
                return
            self._load_proven(replica, version, self._files.verify(version))
            with self._state:
                replica.resident[version.engine_name] = version

    def _touched(self, replica: Replica, version: AdapterVersion) -> bool:
        """Whether it is there; if so, it was used just now."""
        with self._state:
            there = replica.holds(version.engine_name)
            if there:
                replica.resident.move_to_end(version.engine_name)
            return there

    def _load_proven(self, replica: Replica, version: AdapterVersion, manifest: Manifest) -> None:
        name, folder = version.engine_name, self._files.folder(version.collection, version.version)
        try:
            with around("load"):
                replica.engine.load(name, folder)
            try:
                check_canary(replica.engine, manifest, engine_name=name, tolerance=self._tolerance)
            except Exception:
                drop(replica, name)
                raise
        except EngineRefused as refusal:
            raise refused(version.label, folder, refusal) from refusal

    def _missing_or_serve(
        self, replica: Replica, failed: dict[str, tuple[AdapterVersion, SealdError]]
    ) -> list[AdapterVersion]:
        """What is wanted and not resident; with nothing missing the replica serves, before any pointer can move."""
        with self._state:
            # What is kept too: whoever stages it has counted on the replicas that served when it began.
            wanted = [*self._live.values(), *self._kept]
            missing = [v for v in wanted if not replica.holds(v.engine_name) and v.label not in failed]
            replica.serves = not missing
            return missing

    def _use(self, name: str, label: str, has: Callable[[Replica, str], bool] = Replica.holds) -> Replica:
        replica = self._least_used(name, has)
        if name != BASE and not has(replica, name):
            raise EngineUnavailable(f"{label} is not loaded in the engine; see `seald status`")
        if replica.holds(name):
            replica.resident.move_to_end(name)
        replica.users[name] += 1
        return replica

    def _least_used(self, name: str, has: Callable[[Replica, str], bool] = Replica.holds) -> Replica:
        """Of those that serve and have `name`; where none has it, of those that serve."""
        serving = [replica for replica in self._replicas if replica.serves]
        if not serving:
            raise EngineUnavailable("no engine is ready; try again in a few seconds")
        having = [replica for replica in serving if has(replica, name)]
        return min(having or serving, key=lambda replica: (_avoided(replica), replica.users.total()))

    def _unuse(self, replica: Replica, name: str) -> None:
        replica.users[name] -= 1
        if replica.users[name] <= 0:
            del replica.users[name]

    def _idle_beyond_limit(self, replica: Replica) -> list[str]:
        with self._state:
            wanted = self._wanted(replica)
            idle = [name for name in replica.resident if name not in wanted]
            surplus = idle[: max(0, len(idle) - self._keep_loaded)]
            for name in surplus:
                del replica.resident[name]
        return surplus

    def _wanted(self, replica: Replica) -> set[str]:
        return {version.engine_name for version in (*self._live.values(), *self._kept)} | set(replica.users)


def _avoided(replica: Replica) -> bool:
    return replica.avoided_until > time.monotonic()

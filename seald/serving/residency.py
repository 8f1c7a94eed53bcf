"""Which adapters are resident in the engine, who uses them, and which one answers for each collection.

One lock guards both the live pointers and the leases, so that a request takes its version and is counted as its
user in one indivisible move: a version in use is never unloaded, and a reply comes from one version whole.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from seald.domain.adapter import AdapterVersion, Manifest
from seald.errors import EngineError, EngineRefused, EngineUnavailable, IntegrityError, SealdError
from seald.ports import BASE, AdapterFiles, Engine, Route
from seald.serving.canary import check_canary

SAID = 500
"""Characters of what an engine says of an adapter that it refuses: it may list every layer."""


class LoadingEngine(Engine, Protocol):
    """An engine whose adapters can be changed."""

    def load(self, name: str, folder: Path) -> None:
        """Load a folder under a new name."""
        ...

    def unload(self, name: str) -> None:
        """Drop a name."""
        ...


class Residency:
    """Fulfils the port `Serving`, and gives leases to the gateway."""

    def __init__(
        self, engine: LoadingEngine, files: AdapterFiles, *, keep_loaded: int, canary_tolerance: float
    ) -> None:
        self._engine = engine
        self._files = files
        self._keep_loaded = keep_loaded
        self._tolerance = canary_tolerance
        self._state = threading.Lock()
        self._loading = threading.RLock()
        self._resident: OrderedDict[str, AdapterVersion] = OrderedDict()
        self._live: dict[str, AdapterVersion] = {}
        self._users: Counter[str] = Counter()
        self.on_traffic: Callable[[bool], None] = lambda _busy: None
        """Told True when the first request begins to be answered, False when the last one ends."""

    def stage(self, version: AdapterVersion) -> str:
        """Verify the files, load them, run the canary; return the engine name. Staging twice loads once."""
        name = version.engine_name
        with self._loading:
            with self._state:
                if name in self._resident:
                    self._resident.move_to_end(name)
                    return name
            self._load(version, self._files.verify(version))
            with self._state:
                self._resident[name] = version
        return name

    def _load(self, version: AdapterVersion, manifest: Manifest) -> None:
        name, folder = version.engine_name, self._files.folder(version.collection, version.version)
        try:
            self._engine.load(name, folder)
            try:
                check_canary(self._engine, manifest, engine_name=name, tolerance=self._tolerance)
            except Exception:
                self._drop(name)
                raise
        except EngineRefused as refusal:
            # Between the engine and us: neither its status nor the folder's place is for the client.
            said = refusal.message.replace(str(folder), version.label)[:SAID]
            raise EngineRefused(f"{version.label} cannot be served: {said}", status=502, body=refusal.body) from refusal

    def route(self, collection: str, version: AdapterVersion | None) -> None:
        """Send new requests of `collection` to a staged version; None sends them to the base."""
        with self._state:
            if version is None:
                self._live.pop(collection, None)
            else:
                self._live[collection] = version
                if version.engine_name in self._resident:
                    # A rebuild may have the weights of an older version: `loaded` is to name the one that serves.
                    self._resident[version.engine_name] = version
        self.settle()

    def discard(self, version: AdapterVersion) -> None:
        """Unload a version that will not serve, unless its weights are somebody's live ones or in use."""
        with self._loading:
            with self._state:
                name = version.engine_name
                dropped = name not in self._wanted() and self._resident.pop(name, None) is not None
            if dropped:
                self._drop(name)

    def restore(self, live: Sequence[AdapterVersion]) -> list[tuple[AdapterVersion, SealdError]]:
        """After the engine (re)started empty: stage and route what must be live; return what could not be.

        A version that fails leaves its collection unrouted rather than answered by the wrong weights.
        """
        with self._state:
            self._resident.clear()
            self._live.clear()
        failed: list[tuple[AdapterVersion, SealdError]] = []
        for version in live:
            try:
                self.stage(version)
            except (EngineError, IntegrityError) as error:
                failed.append((version, error))
            self.route(version.collection, version)
        return failed

    def settle(self) -> None:
        """Unload idle versions beyond `keep_loaded`, least recently used first."""
        with self._loading:
            for name in self._idle_beyond_limit():
                self._drop(name)

    def take(self, collection: str | None, pinned: AdapterVersion | None, model: str) -> Route:
        """Begin a lease: on `pinned`, else on the live version of `collection`, else on the base.

        Raises:
            EngineUnavailable: the version is not resident: it could not be loaded, or not yet.
        """
        with self._state:
            version = pinned if pinned is not None else self._live.get(collection or "")
            if version is not None and version.engine_name not in self._resident:
                raise EngineUnavailable(f"{version.label} is not loaded in the engine; see `seald status`")
            name = version.engine_name if version is not None else BASE
            if version is not None:
                self._resident.move_to_end(name)
            first = not self._users
            self._users[name] += 1
        if first:
            self.on_traffic(True)
        return Route(model=model, label=version.label if version is not None else BASE, engine_name=name)

    def give_back(self, route: Route) -> None:
        """End a lease. Never blocks on the engine: unloading is `settle`'s."""
        with self._state:
            self._users[route.engine_name] -= 1
            if self._users[route.engine_name] <= 0:
                del self._users[route.engine_name]
            last = not self._users
        if last:
            self.on_traffic(False)

    def is_routed(self, collection: str | None) -> bool:
        """Whether the collection has a live version."""
        with self._state:
            return collection in self._live

    def loaded(self) -> list[str]:
        """Labels of the resident versions, least recently used first."""
        with self._state:
            return [version.label for version in self._resident.values()]

    def in_flight(self) -> int:
        """Requests being answered now."""
        with self._state:
            return sum(self._users.values())

    def _idle_beyond_limit(self) -> list[str]:
        with self._state:
            wanted = self._wanted()
            idle = [name for name in self._resident if name not in wanted]
            surplus = idle[: max(0, len(idle) - self._keep_loaded)]
            for name in surplus:
                del self._resident[name]
        return surplus

    def _wanted(self) -> set[str]:
        return {version.engine_name for version in self._live.values()} | set(self._users)

    def _drop(self, name: str) -> None:
        # An engine that cannot unload is being restarted, which unloads everything.
        try:
            self._engine.unload(name)
        except EngineError:
            return

"""The app over stores in memory and a scripted engine."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from starlette.testclient import TestClient

from seald.api.app import create_app
from seald.api.metrics import Sight
from seald.api.services import Services
from seald.config import Settings
from seald.domain.adaptation import Adaptation
from seald.domain.key import KeyAsk, new_secret
from seald.domain.sample import Sample
from seald.domain.task import Solved, Task
from seald.errors import NotFound
from seald.ports import Route
from seald.store import Stores, open_stores
from tests.unit.api.memory import (
    NOON,
    FolderFiles,
    MemoryAdaptations,
    MemoryAdapters,
    MemoryAnswers,
    MemoryCollections,
    MemoryDocuments,
    MemoryFeedback,
    MemoryWatches,
    NoKeys,
    PlainIngest,
)
from tests.unit.api.policy_memory import MemoryEpisodes, MemoryPolicies, MemoryRetrainings, PolicyFolders
from tests.unit.store.conftest import migrated

__all__ = ["migrated"]


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    yield
    structlog.reset_defaults()


@dataclass
class Script:
    """What the engine does with the next request: a body, or lines with an optional failure after them."""

    status: int = 200
    body: bytes = b"{}"
    lines: Sequence[str] = ()
    then: Exception | None = None
    hangs: bool = False


@dataclass
class ScriptedGateway:
    """Fulfils Gateway; counts leases, remembers what was forwarded."""

    script: Script = field(default_factory=Script)
    leases: int = 0
    taken: int = 0
    forwarded: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    cancelled: bool = False
    closed: bool = False
    why_not_ready: str = ""
    models: tuple[str, ...] = ("seald", "seald:default@3", "base")

    @asynccontextmanager
    async def ask(self, model: str, path: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[Route, ScriptedGateway]]:
        if model not in self.models:
            raise NotFound(f"there is no model {model!r}", param="model", code="model_not_found")
        route = Route(*["base"] * 3) if model == "base" else Route(model, "default@3", "seald-0123456789ab")
        self.leases += 1
        self.taken += 1
        self.forwarded.append((route.engine_name, path, dict(body)))
        try:
            yield route, self
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            await asyncio.sleep(0)
            self.leases -= 1

    @property
    def status(self) -> int:
        return self.script.status

    async def read(self) -> bytes:
        await self._ending()
        return self.script.body

    async def parts(self) -> AsyncIterator[bytes]:
        for line in self.script.lines:
            yield f"{line}\n".encode()
        await self._ending()

    async def close(self) -> None:
        self.closed = True

    async def _ending(self) -> None:
        if self.script.hangs:
            await asyncio.sleep(60)
        if self.script.then is not None:
            raise self.script.then

    def model_ids(self) -> list[tuple[str, str]]:
        return [("seald", "default@3"), ("base", "base"), ("seald:default@3", "default@3")]

    def ready(self) -> tuple[bool, str]:
        return not self.why_not_ready, self.why_not_ready


@dataclass
class World:
    """Everything behind the app, within a test's reach."""

    adaptations: MemoryAdaptations
    documents: MemoryDocuments
    adapters: MemoryAdapters
    files: FolderFiles
    ingest: PlainIngest
    gateway: ScriptedGateway
    policy_files: PolicyFolders
    answers: MemoryAnswers = field(default_factory=MemoryAnswers)
    feedback: MemoryFeedback = field(default_factory=MemoryFeedback)
    watches: MemoryWatches = field(default_factory=MemoryWatches)
    collections: MemoryCollections = field(default_factory=MemoryCollections)
    keys: NoKeys = field(default_factory=NoKeys)
    retrainings: MemoryRetrainings = field(default_factory=MemoryRetrainings)
    episodes: MemoryEpisodes = field(default_factory=MemoryEpisodes)
    policies: MemoryPolicies = field(default_factory=MemoryPolicies)
    app: FastAPI = field(default_factory=FastAPI)
    woken: int = 0
    draining: bool = False
    alive: bool = True
    no_writes: str | None = None
    engines: dict[str, str | None] = field(default_factory=lambda: {"0": ""})
    names: Sequence[str] = ("default",)
    unread: Exception | None = None

    def wake(self) -> None:
        self.woken += 1

    def compact(self, collection: str, message: str | None) -> tuple[Adaptation, bool]:
        raise NotImplementedError  # test_compact.py asks the real stores

    def forget(self, id: str, reason: str | None) -> tuple[Adaptation, bool]:
        raise NotImplementedError  # test_forget.py asks the real stores

    def status(self) -> dict[str, Any]:
        watch = {"state": "paused", "last": 1767355200, "outcome": "regression", "reason": "of 6 probes 6 lost"}
        return {
            "model": "tiny",
            "engine": {"kind": "local", "ready": True},
            "collections": [{"name": name, "live": 2, "documents": 1, "watch": watch} for name in self.names],
            "adaptations": {"queued": 2, "running": 1, "held": 0},
            "training": None,
            "policy": {"live": "default", "retraining": None},
        }

    def samples(self) -> list[Sample]:
        if self.unread is not None:
            raise self.unread
        return [Sample("seald_queue_age_seconds", 7)]

    def sight(self) -> Sight:
        parts = {"store": self.samples}
        return Sight(parts, lambda: self.engines, lambda: self.alive, lambda: self.no_writes)


@pytest.fixture
def world(tmp_path: Path) -> World:
    adaptations = MemoryAdaptations()
    documents = MemoryDocuments(adaptations)
    adapters = MemoryAdapters(adaptations)
    ingest, files = PlainIngest(documents), FolderFiles(tmp_path)
    world = World(adaptations, documents, adapters, files, ingest, ScriptedGateway(), PolicyFolders(tmp_path))
    settings = Settings.model_validate({"server": {"max_body_bytes": 4096}})
    names = "keys gateway documents adaptations adapters collections files ingest answers feedback watches retrainings"
    names += " episodes policies policy_files"
    parts = {name: getattr(world, name) for name in names.split()}
    calls = {"rollback": adapters.roll_back, "compact": world.compact, "wake": world.wake, "status": world.status}
    calls |= {"forget": world.forget, "forgetting": None}
    calls |= {"audit": None, "receipts": None}  # test_audit.py and whole.py have the real ones
    calls |= dict.fromkeys(("tasks", "submit_task", "solve_task", "remove_task"))  # test_tasks.py asks the real stores
    calls |= {"retrain": world.retrainings.ask, "policy_rollback": world.policies.roll_back}
    calls |= {"draining": lambda: world.draining, "sight": world.sight()}
    services = Services(settings=settings, version="0.0.1", **parts, **calls)
    world.app = create_app(services)
    return world


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(world.app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@dataclass
class Keyed:
    """The app over real stores, so that it asks for keys as soon as there is one."""

    world: World
    stores: Stores
    client: TestClient

    def key(self, *scopes: str, **more: Any) -> dict[str, str]:
        """A new key, as the header that it is sent in."""
        secret = new_secret()
        self.stores.keys.create(KeyAsk.model_validate({"name": "k", "scopes": scopes, **more}), secret)
        return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def keyed(world: World, client: TestClient, tmp_path: Path, migrated: Path) -> Iterator[Keyed]:
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data")
    stores = open_stores(Settings(data_dir=tmp_path / "data"))
    names = ("keys", "documents", "adaptations", "adapters", "collections", "tasks", "forgetting", "answers")
    parts: dict[str, Any] = {name: getattr(stores, name) for name in (*names, "feedback", "watches")}
    parts |= {
        "ingest": PlainIngest(stores.documents),
        "submit_task": lambda ask: stores.tasks.add(Task.of(ask, NOON)),
        "solve_task": lambda *_: Solved(adapter="base", solutions=()),
        "remove_task": stores.tasks.delete,
        "forget": lambda id, reason: stores.forgetting.begin(id, to=None, copies=(), reason=reason),
        "compact": lambda name, reason: stores.adapters.queue_compaction(name, {"reason": reason}),
        "rollback": lambda name, to, reason: stores.adapters.roll_back(name, to, reason=reason),
    }
    world.app.state.services = replace(world.app.state.services, **parts)
    yield Keyed(world, stores, client)
    stores.close()


class Caller:
    """One request by hand: sees each part as it is sent, and may hang up in between."""

    def __init__(self, app: FastAPI, method: str, path: str, body: bytes = b"", headers: Sequence[Any] = ()) -> None:
        raw = [(b"host", b"127.0.0.1"), *headers]
        self._scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"}
        self._scope |= {
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
        }
        self._scope |= {"headers": raw, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "root_path": ""}
        self._app = app
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.sent: list[dict[str, Any]] = []
        self.part = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.timeout(10):
            await self._app(self._scope, self._incoming.get, self._send)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        self.part.set()

    def begin(self, body: bytes) -> None:
        """Send no more of the body than this, for now."""
        self._incoming.get_nowait()
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": True})

    def hang_up(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@pytest.fixture
def calling(world: World) -> Callable[..., Caller]:
    def make(method: str, path: str, body: Any = None, **headers: str) -> Caller:
        raw = b"" if body is None else json.dumps(body).encode()
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return Caller(world.app, method, path, raw, pairs)

    return make

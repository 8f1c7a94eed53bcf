from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from seald.config import Engine
from seald.domain.adapter import AdapterVersion
from seald.errors import EngineUnavailable, NotFound
from seald.ports import Route
from seald.serving.command import EngineCommand
from seald.serving.gateway import HttpGateway, parse_model_id
from seald.serving.replica import Replica
from seald.serving.residency import Residency
from tests.daemon_process import free_port
from tests.small_server import answering
from tests.unit.serving.conftest import MemoryEngine, MemoryFiles, version


@pytest.mark.parametrize(
    ("model", "parsed"),
    [
        ("seald", ("default", None)),
        ("seald:ops", ("ops", None)),
        ("seald:ops@12", ("ops", 12)),
        ("base", (None, None)),
    ],
)
def test_model_ids(model: str, parsed: tuple[str | None, int | None]) -> None:
    assert parse_model_id(model) == parsed


@pytest.mark.parametrize(
    "model", ["", "gpt-4", "seald:", "seald:Ops", "seald@1", "seald:ops@0", "seald:ops@x", "base@1"]
)
def test_unknown_model_ids(model: str) -> None:
    with pytest.raises(NotFound) as error:
        parse_model_id(model)
    assert error.value.code == "model_not_found"
    assert error.value.param == "model"


class Answering(BaseHTTPRequestHandler):
    """Says what it was asked for."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(asked)))
        self.end_headers()
        self.wfile.write(asked)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    with answering(Answering) as address:
        yield address


class TwoEngines:
    """A fleet whose first engine has died unnoticed; it may rest."""

    def __init__(self, urls: Sequence[str], files: MemoryFiles) -> None:
        self.replicas = [Replica(MemoryEngine()) for _ in urls]
        self.residency = Residency(self.replicas, files, keep_loaded=1, canary_tolerance=0.05)  # type: ignore[arg-type]
        self.urls = urls
        self.rests = False

    def serve(self) -> None:
        for replica in self.replicas:
            self.residency.restore(replica)

    def commands(self) -> list[EngineCommand]:
        return [EngineCommand(kind="local", url=url, key=None) for url in self.urls]

    def resting(self) -> bool:
        return self.rests

    def ready(self) -> tuple[bool, str]:
        return self.residency.serves(), "sleeping"


async def ask(fleet: TwoEngines, *, wait_seconds: float = 0) -> tuple[Route, bytes]:
    gateway = HttpGateway(fleet, None, Engine(wait_seconds=wait_seconds))  # type: ignore[arg-type]
    try:
        async with gateway.ask("seald", "/v1/completions", {"prompt": "x", "model": "seald"}) as (route, answer):
            return route, await answer.read()
    finally:
        await gateway.close()


def test_a_request_that_has_not_begun_goes_to_another_engine(url: str, files: MemoryFiles) -> None:
    fleet = TwoEngines((f"http://127.0.0.1:{free_port()}", url), files)
    fleet.serve()
    with fleet.residency.staged(version(1)) as name:
        fleet.residency.route("default", version(1))
    route, answer = asyncio.run(ask(fleet))
    assert (route.replica, route.label) == (1, "default@1")
    assert json.loads(answer) == {"prompt": "x", "model": name}
    assert [fleet.residency.in_flight(replica) for replica in fleet.replicas] == [0, 0]


def test_with_no_engine_left_it_is_told(files: MemoryFiles) -> None:
    fleet = TwoEngines([f"http://127.0.0.1:{free_port()}" for _ in range(2)], files)
    fleet.serve()
    with pytest.raises(EngineUnavailable, match="stopped answering"):
        asyncio.run(ask(fleet))
    assert [fleet.residency.in_flight(replica) for replica in fleet.replicas] == [0, 0]


def test_a_request_waits_for_an_engine_that_rests_and_for_no_other(url: str, files: MemoryFiles) -> None:
    fleet = TwoEngines((url,), files)
    with pytest.raises(EngineUnavailable, match="not ready"):
        asyncio.run(ask(fleet, wait_seconds=60))
    fleet.rests = True
    with pytest.raises(EngineUnavailable, match="sleeping"):
        asyncio.run(ask(fleet, wait_seconds=0.1))
    waking = threading.Timer(0.2, fleet.serve)
    waking.start()
    route, _ = asyncio.run(ask(fleet, wait_seconds=60))
    assert route.label == "base"
    waking.join()


@pytest.mark.parametrize(
    ("model", "parsed"),
    [
        ("seald:task/turn", ("task/turn", None)),
        ("seald:task/00576224@3", ("task/00576224", 3)),
        (f"seald:task/{'a' * 58}", (f"task/{'a' * 58}", None)),
        ("seald:task@3", ("task", 3)),
    ],
)
def test_model_ids_of_tasks(model: str, parsed: tuple[str, int | None]) -> None:
    assert parse_model_id(model) == parsed


@pytest.mark.parametrize(
    "model",
    ["seald:task/", "seald:task/Turn", "seald:task/a/b", f"seald:task/{'a' * 59}", "seald:tasks/a", "seald:task/a@0"],
)
def test_what_names_no_task(model: str) -> None:
    with pytest.raises(NotFound):
        parse_model_id(model)


class Lineages:
    """A collection without a version, a task with one that is live, and one that answers from the base."""

    def lineages(self) -> list[str]:
        return ["task", "task/new", "task/turn"]

    def of_collection(self, collection: str) -> list[AdapterVersion]:
        return [version(1, collection)] if collection == "task/turn" else []

    def live(self, collection: str) -> AdapterVersion | None:
        return next(iter(self.of_collection(collection)), None)

    def get(self, collection: str, number: int) -> AdapterVersion:
        for found in self.of_collection(collection):
            if found.version == number:
                return found
        raise NotFound("there is none")


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("seald:task/turn", "task/turn@1"),
        ("seald:task/turn@1", "task/turn@1"),
        ("seald:task/new", "base"),
        ("seald:task", "base"),
    ],
)
def test_tasks_are_asked_by_their_names(url: str, files: MemoryFiles, model: str, label: str) -> None:
    fleet = TwoEngines((url,), files)
    fleet.residency.remember([version(1, "task/turn")])
    fleet.serve()

    async def answered() -> str:
        gateway = HttpGateway(fleet, Lineages(), Engine())  # type: ignore[arg-type]
        async with gateway.ask(model, "/v1/completions", {"prompt": "x"}) as (route, answer):
            await answer.read()
        await gateway.close()
        return route.label

    assert asyncio.run(answered()) == label


@pytest.mark.parametrize("model", ["seald:task/gone", "seald:task/turn@2", "seald:task/new@1"])
def test_tasks_that_are_not_there(url: str, files: MemoryFiles, model: str) -> None:
    fleet = TwoEngines((url,), files)
    fleet.serve()

    async def asked() -> None:
        async with HttpGateway(fleet, Lineages(), Engine()).ask(model, "/v1/completions", {}):  # type: ignore[arg-type]
            return

    with pytest.raises(NotFound, match="seald:task/<name>"):
        asyncio.run(asked())


def test_models_of_tasks_are_listed(files: MemoryFiles) -> None:
    gateway = HttpGateway(TwoEngines((), files), Lineages(), Engine())  # type: ignore[arg-type]
    assert gateway.model_ids()[2:] == [
        ("seald:task", "base"),
        ("seald:task/new", "base"),
        ("seald:task/turn", "task/turn@1"),
        ("seald:task/turn@1", "task/turn@1"),
    ]

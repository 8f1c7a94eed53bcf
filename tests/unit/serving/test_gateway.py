from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from seald.config import Engine
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

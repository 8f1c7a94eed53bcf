"""What the engine's client makes of answers that are not plain successes."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seald.errors import EngineError, EngineRefused
from seald.ports import Sampling
from seald.serving.client import NOWHERE, EngineClient
from tests.small_server import answering

HELD = "seald-0123456789ab"


BASE_CARD = {"id": "base", "owned_by": "vllm"}


class Full(BaseHTTPRequestHandler):
    """A server that holds one adapter and takes no other, unless a test says otherwise."""

    models: ClassVar[tuple[int, Any]]
    posted: ClassVar[tuple[int, Any]]
    got: ClassVar[list[Any]]

    def do_GET(self) -> None:
        self._say(*(self.models if self.path in ("/v1/models", "/metrics") else (200, {"version": "0.32.0"})))

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._say(*self.posted)

    def _say(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[EngineClient]:
    Full.models = 200, {"data": [BASE_CARD, {"id": HELD, "parent": "base"}]}
    Full.posted = 400, {"error": {"message": "no"}}
    Full.got = []
    with answering(Full) as address, closing(EngineClient(address, key=None, timeout_seconds=5)) as made:
        yield made


def test_an_adapter_that_outlived_the_daemon_stays(client: EngineClient) -> None:
    client.load(HELD, Path("/somewhere"))


def test_one_that_cannot_be_loaded_is_refused(client: EngineClient) -> None:
    with pytest.raises(EngineRefused, match="400"):
        client.load("seald-ffffffffffff", Path("/somewhere"))


def test_a_server_that_misses_an_adapter_in_vain_takes_adapters(client: EngineClient) -> None:
    Full.posted = 404, {"error": {"message": f"Loading lora seald-none failed: No adapter found for {NOWHERE}"}}
    client.require_usable()


@pytest.mark.parametrize(
    ("models", "posted", "says"),
    [
        ((401, {"error": "Unauthorized"}), None, "set SEALD_ENGINE_KEY"),
        ((200, {"object": "answer"}), None, "no vLLM"),
        ((200, {"data": [{"id": "Qwen/Qwen3-4B"}]}), None, "serves Qwen/Qwen3-4B, but no 'base': .*served-model-name"),
        ((200, {"data": [BASE_CARD]}), (404, {"detail": "Not Found"}), "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        ((200, {"data": [BASE_CARD]}), (500, {"error": {"message": "LoRA is not enabled."}}), "--enable-lora"),
    ],
    ids=["key", "shape", "name", "route", "lora"],
)
def test_a_server_that_cannot_be_served_from_says_what_to_do(
    client: EngineClient, models: tuple[int, Any], posted: tuple[int, Any] | None, says: str
) -> None:
    Full.models = models
    Full.posted = posted or Full.posted
    with pytest.raises(EngineError, match=says):
        client.require_usable()


def test_an_engine_that_hangs_keeps_a_scrape_for_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        with closing(EngineClient(address, key=None, timeout_seconds=60)) as client:
            began = time.monotonic()
            assert client.metrics() is None
            assert time.monotonic() - began < 5


def test_an_engine_that_exposes_nothing_is_there_all_the_same(client: EngineClient) -> None:
    Full.models = 404, {"error": {"message": "Not Found"}}
    assert client.metrics() == ""


def test_the_version_is_vllms(client: EngineClient) -> None:
    assert client.version() == "0.32.0"
    Full.models = 200, {"data": [{"id": "base", "owned_by": "seald"}]}
    assert client.version() is None


def test_a_schema_goes_along(client: EngineClient) -> None:
    Full.posted = 200, {"tokens": [1, 2], "choices": [{"index": 0, "text": " {} "}]}
    for schema in ('{"type": "object"}', None):
        assert client.ask(["How?"], Sampling(max_tokens=8, schema=schema), model="base") == ["{}"]
        assert Full.got[-1].get("structured_outputs") == ({"json": {"type": "object"}} if schema else None)


def test_a_score_that_the_engine_leaves_out_is_no_number(client: EngineClient) -> None:
    logprobs = {"token_logprobs": [None, -1.5, None]}
    Full.posted = 200, {"choices": [{"index": 0, "logprobs": logprobs}]}
    ((first, second),) = client.score_tokens([[1, 2, 3]], models=["base"])
    assert (first, math.isnan(second)) == (-1.5, True)

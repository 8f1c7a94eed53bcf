from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from seald.errors import EngineUnavailable

CHAT = "/v1/chat/completions"
STREAM = {"model": "seald", "messages": [{"role": "user", "content": "hello"}], "stream": True}


def chunk(text: str) -> str:
    delta = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return "data: " + json.dumps({"id": "c-1", "model": "seald-0123456789ab", **delta}, ensure_ascii=False)


def events(body: bytes) -> list[Any]:
    parts = body.decode().split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    return [part[6:] if part == "data: [DONE]" else json.loads(part[6:]) for part in parts]


def test_every_chunk_is_stamped_and_the_end_is_the_engines(world, client) -> None:
    world.gateway.script.lines = [chunk("Hel"), "", ": ping", chunk("lo\x85城"), "", "data: [DONE]", ""]
    got = client.post(CHAT, json=STREAM)
    first, second, done = events(got.content)
    assert got.status_code == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.headers["x-seald-adapter"] == "default@3"
    assert got.headers["x-request-id"]
    assert {first["model"], second["model"]} == {"seald"}
    assert {first["system_fingerprint"], second["system_fingerprint"]} == {"default@3"}
    assert second["choices"][0]["delta"]["content"] == "lo\x85城"
    assert done == "[DONE]"
    assert world.gateway.leases == 0


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ({"then": EngineUnavailable("the engine stopped answering")}, "engine_unavailable"),
        ({"then": RuntimeError("secret")}, "internal_error"),
        ({}, "engine_unavailable"),
    ],
)
def test_an_engine_that_dies_in_the_middle_leaves_an_error_and_no_done(world, client, ending, code) -> None:
    world.gateway.script.lines = [chunk("Hel"), ""]
    world.gateway.script.then = ending.get("then")
    got = client.post(CHAT, json=STREAM)
    first, last = events(got.content)
    assert first["choices"]
    assert (last["error"]["type"], last["error"]["code"]) == ("server_error", code)
    assert "secret" not in got.text
    assert world.gateway.leases == 0


def test_an_error_that_the_engine_sends_in_the_middle_ends_the_stream(world, client) -> None:
    error = 'data: {"error": {"message": "out of memory", "code": 500}}'
    world.gateway.script.lines = [chunk("Hel"), error, chunk("never"), "data: [DONE]"]
    _, last = events(client.post(CHAT, json=STREAM).content)
    assert (last["error"]["message"], last["error"]["code"]) == ("out of memory", "engine_refused")


def test_chunks_are_sent_as_they_come(world, calling) -> None:
    world.gateway.script.lines = [chunk("Hel")]
    world.gateway.script.hangs = True

    async def scenario() -> None:
        caller = calling("POST", CHAT, STREAM)
        running = asyncio.create_task(caller.run())
        while b"Hel" not in caller.body:
            await asyncio.wait_for(caller.part.wait(), 5)
            caller.part.clear()
        assert world.gateway.leases == 1
        caller.hang_up()
        await running

    asyncio.run(scenario())
    assert world.gateway.cancelled
    assert world.gateway.leases == 0


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_before_the_first_byte_cancels_the_engine(world, calling, stream) -> None:
    world.gateway.script.hangs = True

    async def scenario() -> list[Any]:
        caller = calling("POST", CHAT, {**STREAM, "stream": stream})
        running = asyncio.create_task(caller.run())
        while not world.gateway.forwarded:
            await asyncio.sleep(0.001)
        caller.hang_up()
        await running
        return caller.sent

    assert asyncio.run(scenario()) == []
    assert world.gateway.cancelled
    assert world.gateway.leases == 0


def test_a_server_that_stops_gives_the_lease_back(world, calling) -> None:
    world.gateway.script.hangs = True

    async def scenario() -> None:
        caller = calling("POST", CHAT, STREAM)
        running = asyncio.create_task(caller.run())
        while not world.gateway.forwarded:
            await asyncio.sleep(0.001)
        running.cancel()
        await running
        assert caller.sent[0]["status"] == 503

    asyncio.run(scenario())
    assert world.gateway.taken == 1
    assert world.gateway.leases == 0

"""The official client against a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import httpx
import openai
import pytest
import uvicorn

from seald.errors import EngineUnavailable

ASK = {"model": "seald", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def official(world) -> Iterator[openai.OpenAI]:
    server = uvicorn.Server(uvicorn.Config(world.app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, timeout=10) as client:
        yield client
    server.should_exit = True
    thread.join()


def completion(**choice: object) -> dict[str, object]:
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "x", "choices": [{"index": 0, **choice}]}


def test_chat_streaming_and_not(world, official) -> None:
    message = {"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    world.gateway.script.body = json.dumps(completion(**message)).encode()
    got = official.chat.completions.create(**ASK)
    assert (got.choices[0].message.content, got.model, got.system_fingerprint) == ("hi", "seald", "default@3")

    parts = [completion(delta={"content": text}, finish_reason=None) for text in ("h", "i")]
    world.gateway.script.lines = ["data: " + json.dumps(part) for part in parts] + ["data: [DONE]"]
    chunks = list(official.chat.completions.create(**ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "hi"
    assert {chunk.system_fingerprint for chunk in chunks} == {"default@3"}
    assert [model.id for model in official.models.list()] == ["seald", "base", "seald:default@3"]
    assert official.models.retrieve("seald:default@3").id == "seald:default@3"


def test_errors_are_the_clients_own_classes(world, official) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        official.chat.completions.create(**{**ASK, "model": "gpt-4"})
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.UnprocessableEntityError):
        official.chat.completions.create(**{**ASK, "messages": []})
    with pytest.raises(openai.BadRequestError) as refused:
        official.chat.completions.create(**ASK, extra_body={"lora_path": "/etc"})
    assert refused.value.param == "lora_path"

    world.gateway.script.lines = ["data: " + json.dumps(completion(delta={"content": "h"}))]
    world.gateway.script.then = EngineUnavailable("the engine stopped answering")
    with pytest.raises(openai.APIError, match="stopped answering"):
        list(official.chat.completions.create(**ASK, stream=True))
    with pytest.raises(openai.InternalServerError) as down:
        official.chat.completions.create(**ASK)
    assert down.value.status_code == 503
    assert world.gateway.leases == 0


def test_responses_streaming_and_not(world, official) -> None:
    answer = {"id": "r-1", "object": "response", "created_at": 1, "model": "x", "status": "completed"}
    text = {"type": "output_text", "text": "hi", "annotations": []}
    answer["output"] = [{"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}]
    world.gateway.script.body = json.dumps(answer).encode()
    got = official.responses.create(model="seald", input="hello")
    assert (got.output_text, got.model) == ("hi", "seald")

    delta = {"type": "response.output_text.delta", "delta": "hi", "item_id": "m", "output_index": 0, "content_index": 0}
    ended = {"type": "response.completed", "response": answer, "sequence_number": 1}
    events = [{**delta, "logprobs": [], "sequence_number": 0}, ended]
    lines = [(f"event: {event['type']}", "data: " + json.dumps(event), "") for event in events]
    world.gateway.script.lines = [line for three in lines for line in three]
    first, last = official.responses.create(model="seald", input="hello", stream=True)
    assert first.delta == "hi"
    assert (last.response.output_text, last.response.model) == ("hi", "seald")

    world.gateway.script.lines = world.gateway.script.lines[:3]
    with pytest.raises(openai.APIError, match="broke off"):
        list(official.responses.create(model="seald", input="hello", stream=True))
    with pytest.raises(openai.BadRequestError, match="previous_response_id"):
        official.responses.create(model="seald", input="hello", previous_response_id="r-1")


def test_a_client_that_leaves_a_stream_frees_the_engine(world, official) -> None:
    world.gateway.script.lines = ["data: " + json.dumps(completion(delta={"content": "h"}))]
    world.gateway.script.hangs = True
    with official.chat.completions.create(**ASK, stream=True) as stream:
        next(iter(stream))
        assert world.gateway.leases == 1
    deadline = time.monotonic() + 5
    while world.gateway.leases and time.monotonic() < deadline:
        time.sleep(0.01)
    assert world.gateway.cancelled
    assert world.gateway.leases == 0


def test_its_retries_go_by_what_it_is_told(world, official, monkeypatch) -> None:
    monkeypatch.setattr("seald.api.errors.RETRY_AFTER_SECONDS", 1)
    patient, script = official.with_options(max_retries=2), world.gateway.script
    answered, broken = world.gateway.read, [EngineUnavailable("it restarts")]

    async def read() -> bytes:
        if broken:
            raise broken.pop()
        return await answered()

    monkeypatch.setattr(world.gateway, "read", read)
    script.body = json.dumps(completion(message={"role": "assistant", "content": "hi"}, finish_reason="stop")).encode()
    began = time.monotonic()
    assert patient.chat.completions.create(**ASK).choices[0].message.content == "hi"
    assert (world.gateway.taken, time.monotonic() - began > 0.9) == (2, True), "it waits for as long as it is told"

    script.status, script.body = 400, b'{"error": {"message": "no", "code": 400}}'
    with pytest.raises(openai.BadRequestError):
        patient.chat.completions.create(**ASK)
    world.adapters.add(1)
    with pytest.raises(openai.ConflictError):  # the client would try each of these again
        patient.post("/adapters/default/rollback", cast_to=object)
    assert world.gateway.taken == 3
    counted = httpx.get(str(official.base_url.join("/metrics"))).text
    assert 'route="/v1/adapters/{collection}/rollback",status="409"} 1.0' in counted

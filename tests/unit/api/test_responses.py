"""`/v1/responses` and `/v1/embeddings`: what passes, what does not, and engines that have neither."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seald.errors import EngineUnavailable

RESPONSES, EMBEDDINGS = "/v1/responses", "/v1/embeddings"
ASK = {"model": "seald", "input": "hello"}
ANSWER = {"id": "resp_1", "object": "response", "model": "seald-0123456789ab", "status": "completed", "output": []}
FUNCTION = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def event(kind: str, number: int, **more: Any) -> list[str]:
    data = json.dumps({**more, "sequence_number": number, "type": kind}, separators=(",", ":"))
    return [f"event: {kind}", f"data: {data}", ""]


def told(body: bytes) -> list[tuple[str, Any]]:
    parts = [part.split("\n") for part in body.decode().split("\n\n")[:-1]]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in parts]


def test_an_answer_is_stamped_and_nothing_is_to_be_stored(world, client) -> None:
    world.gateway.script.body = json.dumps(ANSWER).encode()
    got = client.post(RESPONSES, json={**ASK, "max_output_tokens": 8, "tools": [FUNCTION]})
    assert got.status_code == 200
    assert got.json() == {**ANSWER, "model": "seald", "system_fingerprint": "default@3"}
    assert got.headers["x-seald-adapter"] == "default@3"
    sent = {**ASK, "max_output_tokens": 8, "tools": [FUNCTION], "store": False}
    assert world.gateway.forwarded == [("seald-0123456789ab", RESPONSES, sent)]


def test_a_stream_keeps_its_events_and_is_stamped(world, client) -> None:
    begun = {**ANSWER, "status": "in_progress"}
    world.gateway.script.lines = [
        *event("response.created", 0, response=begun),
        *event("response.output_text.delta", 1, delta="Zür", item_id="msg_1", logprobs=[]),
        *event("response.completed", 2, response=ANSWER),
        "after the end",
    ]
    got = client.post(RESPONSES, json={**ASK, "stream": True})
    created, delta, completed = told(got.content)
    assert got.headers["x-seald-adapter"] == "default@3"
    assert [name for name, _ in (created, delta, completed)] == [
        "response.created",
        "response.output_text.delta",
        "response.completed",
    ]
    assert created[1]["response"] == {**begun, "model": "seald", "system_fingerprint": "default@3"}
    assert delta[1] == {
        "delta": "Zür",
        "item_id": "msg_1",
        "logprobs": [],
        "sequence_number": 1,
        "type": "response.output_text.delta",
    }
    assert completed[1]["response"]["model"] == "seald"
    assert world.gateway.leases == 0


@pytest.mark.parametrize("then", [None, EngineUnavailable("gone")])
def test_a_stream_that_ends_too_early_says_so(world, client, then) -> None:
    world.gateway.script.lines = event("response.created", 0, response=ANSWER)
    world.gateway.script.then = then
    _, (name, last) = told(client.post(RESPONSES, json={**ASK, "stream": True}).content)
    assert name == last["type"] == "error"
    assert last["code"] == last["error"]["code"] == "engine_unavailable"


def message(*parts: Any, **more: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts), **more}]


@pytest.mark.parametrize(
    "items",
    [
        message({"type": "input_text", "text": "hi"}),
        [{"role": "user", "content": "hi"}, {"type": "message", "role": "assistant", "content": "yes?"}],
        [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a", "annotations": []}],
            },
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "rain"}]},
            {"type": "custom_tool_call", "call_id": "d", "name": "shell", "input": "ls"},
        ],
    ],
)
def test_conversations_of_text_and_functions_pass(world, client, items) -> None:
    world.gateway.script.body = json.dumps(ANSWER).encode()
    assert client.post(RESPONSES, json={**ASK, "input": items, "store": False}).status_code == 200
    assert world.gateway.forwarded[0][2]["input"] == items


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"input": ...}, 422, "input", "missing_field"),
        ({"input": []}, 422, "input", "invalid_value"),
        ({"input": 3}, 422, "input", "invalid_type"),
        ({"input": ["hi"]}, 422, "input.0", "invalid_type"),
        ({"model": ...}, 422, "model", "missing_field"),
        ({"stream": 1}, 422, "stream", "invalid_type"),
        ({"instructions": message({"type": "input_image"})}, 422, "instructions", "invalid_type"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id", "unsupported_parameter"),
        ({"conversation": "conv_1"}, 400, "conversation", "unsupported_parameter"),
        ({"previous_input_messages": [{}]}, 400, "previous_input_messages", "unsupported_parameter"),
        ({"store": True}, 400, "store", "unsupported_parameter"),
        ({"background": True}, 400, "background", "unsupported_parameter"),
        ({"lora_path": "/etc"}, 400, "lora_path", "unsupported_parameter"),
        ({"cache_salt": "a"}, 400, "cache_salt", "unsupported_parameter"),
        ({"request_id": "resp_1"}, 400, "request_id", "unsupported_parameter"),
        ({"chat_template_kwargs": {}}, 400, "chat_template_kwargs", "unsupported_parameter"),
        ({"tools": {}}, 422, "tools", "invalid_type"),
        (
            {"tools": [FUNCTION, {"type": "mcp", "server_url": "http://10.0.0.1"}]},
            400,
            "tools.1.type",
            "unsupported_tool",
        ),
        ({"tools": [{"type": "web_search"}]}, 400, "tools.0.type", "unsupported_tool"),
        ({"tools": [{"type": "code_interpreter", "container": "a"}]}, 400, "tools.0.type", "unsupported_tool"),
        ({"tools": [{"type": ["function"]}]}, 400, "tools.0.type", "unsupported_tool"),
        ({"tools": ["function"]}, 400, "tools.0.type", "unsupported_tool"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, 400, "input.0.type", "unsupported_content"),
        ({"input": [{"type": "mcp_call", "id": "m"}]}, 400, "input.0.type", "unsupported_content"),
        ({"input": [{"type": None, "role": "user"}]}, 400, "input.0.type", "unsupported_content"),
        (
            {"input": message({"type": "input_image", "image_url": "http://10.0.0.1"})},
            400,
            "input.0.content.0.type",
            "unsupported_content",
        ),
        (
            {"input": message({"type": "input_file", "file_url": "file:///etc/passwd"})},
            400,
            "input.0.content.0.type",
            "unsupported_content",
        ),
        ({"input": message({"image_url": "http://10.0.0.1"})}, 400, "input.0.content.0.type", "unsupported_content"),
        (
            {"input": message({"type": "input_text", "text": "", "uuid": "1", "image_url": "http://10.0.0.1"})},
            400,
            "input.0.content.0.type",
            "unsupported_content",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}]},
            400,
            "input.0.output.0.type",
            "unsupported_content",
        ),
    ],
)
def test_what_reaches_inside_never_reaches_the_engine(world, client, change, status, param, code) -> None:
    body = {name: value for name, value in {**ASK, **change}.items() if value is not ...}
    got = client.post(RESPONSES, json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert world.gateway.forwarded == []


@pytest.mark.parametrize("value", ["hi", ["hi", "you"], [1, 2], [[1], [2, 3]]])
def test_embeddings_pass(world, client, value) -> None:
    answer = {"object": "list", "model": "seald-0123456789ab", "data": [{"index": 0, "embedding": "AAAA"}]}
    world.gateway.script.body = json.dumps(answer).encode()
    got = client.post(EMBEDDINGS, json={"model": "seald", "input": value, "encoding_format": "base64", "stream": True})
    assert got.json() == {**answer, "model": "seald", "system_fingerprint": "default@3"}
    assert got.headers["x-seald-adapter"] == "default@3"


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"input": ""}, 422, "input"),
        ({"input": {"text": "a"}}, 422, "input"),
        ({"input": message({"type": "image_url", "image_url": "http://10.0.0.1"})}, 422, "input.0"),
        ({"input": [message("x")]}, 422, "input.0"),
        ({"messages": []}, 400, "messages"),
        ({"encoding_format": "bytes"}, 422, "encoding_format"),
        ({"chat_template": "{{ x }}"}, 400, "chat_template"),
    ],
)
def test_embeddings_of_anything_else_do_not(world, client, change, status, param) -> None:
    got = client.post(EMBEDDINGS, json={**ASK, **change})
    assert (got.status_code, got.json()["error"]["param"]) == (status, param)
    assert world.gateway.forwarded == []


@pytest.mark.parametrize("path", [RESPONSES, EMBEDDINGS])
def test_an_engine_without_the_route_says_so_and_one_without_the_version_is_waited_for(world, client, path) -> None:
    world.gateway.script.status = 404
    world.gateway.script.body = b'{"error": {"message": "Not Found", "type": "Not Found", "param": null, "code": 404}}'
    got = client.post(path, json=ASK)
    assert (got.status_code, got.json()["error"]["code"]) == (404, "not_found")
    assert path in got.json()["error"]["message"]
    world.gateway.script.body = b'{"error": {"message": "The model `seald-0123456789ab` does not exist.", "code": 404}}'
    assert client.post(path, json=ASK).status_code == 503


def test_all_four_are_described_and_counted(client) -> None:
    described = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/chat/completions", "/v1/completions", RESPONSES, EMBEDDINGS):
        assert described[path]["post"]["tags"] == ["chat"]
        assert client.post(path, json={}).status_code == 422
        counted = f'seald_http_requests_total{{method="POST",route="{path}",status="422"}} 1.0'
        assert counted in client.get("/metrics").text

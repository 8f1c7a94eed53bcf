from __future__ import annotations

import json
from typing import Any

import pytest

from seald.errors import EngineUnavailable

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HELLO = {"model": "seald", "messages": [{"role": "user", "content": "hello"}]}


def answer(**more: Any) -> bytes:
    return json.dumps({"id": "c-1", "model": "seald-0123456789ab", "choices": [], **more}).encode()


def test_an_answer_names_the_model_asked_for_and_the_version_that_answered(world, client) -> None:
    world.gateway.script.body = answer(system_fingerprint="fp_x")
    got = client.post(CHAT, json={**HELLO, "model": "seald:default@3"})
    assert got.status_code == 200
    assert got.json()["model"] == "seald:default@3"
    assert got.json()["system_fingerprint"] == got.headers["x-seald-adapter"] == "default@3"
    assert world.gateway.leases == 0


def test_sampling_fields_reach_the_engine_as_they_came(world, client) -> None:
    world.gateway.script.body = answer()
    body = {"model": "base", "prompt": [1, 2, 3], "temperature": 0.5, "top_k": 4, "add_special_tokens": False}
    assert client.post(TEXT, json=body).headers["x-seald-adapter"] == "base"
    assert world.gateway.forwarded == [("base", TEXT, body)]


def test_text_beyond_ascii_survives(world, client) -> None:
    world.gateway.script.body = answer(choices=[{"message": {"content": "Zürich\u2028城"}}])
    assert client.post(CHAT, json=HELLO).json()["choices"][0]["message"]["content"] == "Zürich\u2028城"


def engine_error(status: int, message: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "body": json.dumps({"error": {"message": message, "code": status, **more}}).encode()}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "status", "code", "param"),
    [
        (engine_error(400, "temperature must be positive", param="temperature"), 400, "engine_refused", "temperature"),
        (engine_error(400, "This model's maximum context length is 2048 tokens"), 400, "context_length_exceeded", None),
        (engine_error(400, "too long", code="context_length_exceeded"), 400, "context_length_exceeded", None),
        (engine_error(422, "no"), 422, "engine_refused", None),
        (engine_error(429, "busy"), 429, "engine_refused", None),
        (engine_error(404, "The model seald-0123456789ab does not exist"), 503, "engine_unavailable", None),
        (engine_error(404, "The model `x` does not exist.", param="model"), 503, "engine_unavailable", None),
        (engine_error(404, "Not Found"), 404, "not_found", None),
        ({"status": 404, "body": b'{"detail": "Not Found"}'}, 404, "not_found", None),
        (engine_error(501, "The model does not support Chat Completions API"), 404, "not_found", None),
        (engine_error(401, "Unauthorized"), 502, "engine_error", None),
        (engine_error(500, "boom"), 502, "engine_refused", None),
        (engine_error(503, "overloaded"), 503, "engine_unavailable", None),
        (engine_error(529, "overloaded"), 503, "engine_unavailable", None),
        ({"status": 500, "body": b"Internal Server Error"}, 502, "engine_refused", None),
        ({"body": b"not json", "lines": ["data: not json"]}, 502, "engine_error", None),
        (
            {
                "body": b'{"error": {"message": "bad", "code": 400}}',
                "lines": ['data: {"error": {"message": "bad", "code": 400}}'],
            },
            400,
            "engine_refused",
            None,
        ),
        ({"then": EngineUnavailable("gone")}, 503, "engine_unavailable", None),
    ],
)
def test_the_engines_errors_have_a_status_of_their_own_streaming_or_not(
    world, client, stream, said, status, code, param
) -> None:
    for name, value in said.items():
        setattr(world.gateway.script, name, value)
    got = client.post(CHAT, json={**HELLO, "stream": stream})
    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (status, code, param)
    assert "seald-0123456789ab" not in error["message"]
    assert (got.headers.get("retry-after") is not None) == (status in (429, 503))
    assert got.headers["x-should-retry"] == ("true" if status >= 429 else "false")
    assert world.gateway.leases == 0


def test_the_engines_internal_name_becomes_the_clients(world, client) -> None:
    world.gateway.script.status = 400
    world.gateway.script.body = b'{"error": {"message": "seald-0123456789ab has no tools"}}'
    assert client.post(CHAT, json=HELLO).json()["error"]["message"] == "seald has no tools"

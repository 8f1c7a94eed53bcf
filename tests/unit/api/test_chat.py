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


@pytest.mark.parametrize(
    ("path", "change", "status", "param", "code"),
    [
        (CHAT, {"model": None}, 422, "model", "invalid_type"),
        (CHAT, {"model": ...}, 422, "model", "missing_field"),
        (CHAT, {"model": "gpt-4"}, 404, "model", "model_not_found"),
        (CHAT, {"messages": ...}, 422, "messages", "missing_field"),
        (CHAT, {"messages": []}, 422, "messages", "invalid_value"),
        (CHAT, {"messages": "hi"}, 422, "messages", "invalid_type"),
        (CHAT, {"messages": ["hi"]}, 422, "messages.0", "invalid_type"),
        (CHAT, {"messages": [{"content": "hi"}]}, 422, "messages.0.role", "invalid_type"),
        (CHAT, {"messages": [{"role": "user", "content": 3}]}, 422, "messages.0.content", "invalid_type"),
        (CHAT, {"messages": [{"role": "user", "content": ["x"]}]}, 422, "messages.0.content.0", "invalid_type"),
        (
            CHAT,
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://10.0.0.1"}}]}
                ]
            },
            400,
            "messages.0.content.0.type",
            "unsupported_content",
        ),
        (
            CHAT,
            {"messages": [{"role": "user", "content": [{"type": []}]}]},
            400,
            "messages.0.content.0.type",
            "unsupported_content",
        ),
        (
            CHAT,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "", "uuid": "1", "image_url": "http://10.0.0.1"}],
                    }
                ]
            },
            400,
            "messages.0.content.0.type",
            "unsupported_content",
        ),
        (CHAT, {"ec_transfer_params": {}}, 400, "ec_transfer_params", "unsupported_parameter"),
        (CHAT, {"stream": "yes"}, 422, "stream", "invalid_type"),
        (CHAT, {"lora_path": "/etc"}, 400, "lora_path", "unsupported_parameter"),
        (CHAT, {"chat_template": "{{ x }}"}, 400, "chat_template", "unsupported_parameter"),
        (CHAT, {"cache_salt": "a"}, 400, "cache_salt", "unsupported_parameter"),
        (CHAT, {"logits_processors": ["os.system"]}, 400, "logits_processors", "unsupported_parameter"),
        (TEXT, {"prompt": ...}, 422, "prompt", "missing_field"),
        (TEXT, {"prompt": ""}, 422, "prompt", "invalid_value"),
        (TEXT, {"prompt": 3}, 422, "prompt", "invalid_type"),
        (TEXT, {"prompt_embeds": "AAAA"}, 400, "prompt_embeds", "unsupported_parameter"),
    ],
)
def test_bad_requests_never_reach_the_engine(world, client, path, change, status, param, code) -> None:
    body = {**HELLO, "prompt": "hi", **change}
    got = client.post(path, json={name: value for name, value in body.items() if value is not ...})
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
    assert error["message"]
    assert world.gateway.forwarded == []
    assert world.gateway.leases == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"temperature": NaN}', 400, "malformed_json"),
        (b'{"temperature": 1e999}', 400, "malformed_json"),
        (b'{"model": "\\ud800"}', 400, "malformed_json"),
        (b'{"model": "\\u0000"}', 400, "malformed_json"),
        (b"[" * 3000, 400, "malformed_json"),
        (b'["model"]', 422, "invalid_type"),
        (b"null", 422, "invalid_type"),
    ],
)
def test_bodies_that_are_no_json_object(client, body, status, code) -> None:
    got = client.post(CHAT, content=body, headers={"content-type": "application/json; charset=utf-8"})
    assert (got.status_code, got.json()["error"]["code"]) == (status, code)


def test_a_body_that_says_it_is_something_else(client) -> None:
    got = client.post(CHAT, content=b"{}", headers={"content-type": "text/plain"})
    assert (got.status_code, got.json()["error"]["code"]) == (415, "unsupported_media_type")


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
    assert (got.headers.get("retry-after") is not None) == (status == 503)
    assert world.gateway.leases == 0


def test_the_engines_internal_name_becomes_the_clients(world, client) -> None:
    world.gateway.script.status = 400
    world.gateway.script.body = b'{"error": {"message": "seald-0123456789ab has no tools"}}'
    assert client.post(CHAT, json=HELLO).json()["error"]["message"] == "seald has no tools"

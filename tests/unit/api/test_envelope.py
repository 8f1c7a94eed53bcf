from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from seald.api.app import create_app


def test_a_request_id_is_made_or_echoed_on_every_answer(client) -> None:
    made = client.get("/livez").headers["x-request-id"]
    assert made != client.get("/livez").headers["x-request-id"]
    for path in ("/livez", "/nowhere", "/v1/documents/none"):
        assert client.get(path, headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert client.get("/livez", headers={"x-request-id": "a b\x7f"}).headers["x-request-id"].startswith("req-")
    assert (
        client.post("/v1/documents", content=b"x" * 5000, headers={"x-request-id": "m"}).headers["x-request-id"] == "m"
    )


def test_the_unexpected_is_a_500_that_says_nothing_of_our_insides(world, client, capsys) -> None:
    def broken(id: str) -> None:
        raise RuntimeError("the password is swordfish")

    world.documents.get = broken
    got = client.get("/v1/documents/doc-1", headers={"x-request-id": "mine-1"})
    assert got.status_code == 500
    assert got.json()["error"]["code"] == "internal_error"
    assert "swordfish" not in got.text
    assert got.headers["x-request-id"] == "mine-1"
    logged = capsys.readouterr().out
    assert "mine-1" in logged
    assert "swordfish" in logged


def test_half_an_answer_never_looks_whole(world, calling) -> None:
    world.adaptations.add("a-1")
    caller = calling("GET", "/v1/adaptations/a-1/events", accept="text/event-stream")

    def broken(id: str, **given: int) -> None:
        raise LookupError("half way")

    world.adaptations.events = broken
    with pytest.raises(LookupError, match="half way"):
        asyncio.run(caller.run())
    assert [message["type"] for message in caller.sent] == ["http.response.start"]


def test_who_hangs_up_in_the_middle_of_a_body_is_nobodys_error(client, calling, capsys) -> None:
    caller = calling("POST", "/v1/documents", content_type="application/json", content_length="1000")
    caller.begin(b"{")
    caller.hang_up()
    asyncio.run(caller.run())
    assert caller.sent == []
    assert "request_broke" not in capsys.readouterr().out
    assert (
        'seald_http_requests_total{method="POST",route="/v1/documents",status="499"} 1.0' in client.get("/metrics").text
    )


def test_what_the_end_of_the_daemon_cuts_off_is_told_to_come_again(calling) -> None:
    async def cut_off() -> Any:
        caller = calling("POST", "/v1/documents", content_type="application/json", content_length="1000")
        caller.begin(b"{")
        task = asyncio.create_task(caller.run())
        await asyncio.sleep(0.1)
        task.cancel()
        await task
        return caller

    caller = asyncio.run(cut_off())
    assert caller.sent[0]["status"] == 503
    assert json.loads(caller.body)["error"]["code"] == "draining"


def test_requests_are_counted_by_template_not_by_path(client) -> None:
    client.get("/v1/documents/doc-1")
    client.get("/v1/documents/doc-2")
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'seald_http_requests_total{method="GET",route="/v1/documents/{id}",status="404"} 2.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert "doc-1" not in text


ASKED = {"model": "seald", "messages": [{"role": "user", "content": "swordfish"}]}


def logged(capsys, event: str) -> list[dict]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == event]


def test_every_request_has_one_line_in_the_log_with_nothing_of_what_was_said(world, client, capsys) -> None:
    world.gateway.script.body = json.dumps({"choices": [{"text": "marlin"}]}).encode()
    secret = {"authorization": "Bearer sk-seald-tuna", "x-request-id": "mine-1", "x-seald-trace": "1"}
    client.post("/v1/chat/completions?eel=1", json=ASKED, headers=secret)
    client.get("/v1/documents/herring?after=carp")
    said = capsys.readouterr().out
    assert not [word for word in ("swordfish", "marlin", "tuna", "eel", "herring", "carp") if word in said]
    first, second = (json.loads(line) for line in said.splitlines())
    assert 0 <= first.pop("seconds") < 10
    answered = {"method": "POST", "route": "/v1/chat/completions", "status": 200, "adapter": "default@3", "key": None}
    assert first == {"event": "request", "request_id": "mine-1", **answered}
    assert (second["route"], second["status"], second["adapter"]) == ("/v1/documents/{id}", 404, None)


def test_words_are_logged_where_operator_and_client_both_ask_for_it(world, capsys) -> None:
    services = world.app.state.services
    server = services.settings.server.model_copy(update={"trace": True})
    app = create_app(replace(services, settings=services.settings.model_copy(update={"server": server})))
    world.gateway.script.lines = ['data: {"choices": [], "marlin": 1}', "data: [DONE]"]
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.post("/v1/chat/completions", json={**ASKED, "stream": True})
        assert logged(capsys, "trace") == []
        client.post("/v1/chat/completions", json={**ASKED, "stream": True}, headers={"x-seald-trace": "1"})
    (line,) = logged(capsys, "trace")
    assert line["asked"]["messages"] == ASKED["messages"]
    assert "marlin" in line["answer"]
    assert "[DONE]" in line["answer"]
    assert line["request_id"].startswith("req-")

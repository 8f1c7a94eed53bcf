from __future__ import annotations

import asyncio

import pytest


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
        raise OSError("disk gone")

    world.adaptations.events = broken
    with pytest.raises(OSError, match="disk gone"):
        asyncio.run(caller.run())
    assert [message["type"] for message in caller.sent] == ["http.response.start"]


def test_requests_are_counted_by_template_not_by_path(client) -> None:
    client.get("/v1/documents/doc-1")
    client.get("/v1/documents/doc-2")
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'seald_http_requests_total{method="GET",route="/v1/documents/{id}",status="404"} 2.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert "doc-1" not in text

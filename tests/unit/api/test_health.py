from __future__ import annotations

import json

from starlette.testclient import TestClient


def test_ready_says_why_not(world, client) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    world.gateway.why_not_ready = "loading the model"
    got = client.get("/readyz")
    assert got.status_code == 503
    assert "loading the model" in got.json()["error"]["message"]
    assert client.get("/livez").status_code == 200
    world.gateway.why_not_ready = ""
    world.no_writes = "the database failed: attempt to write a readonly database"
    got = client.get("/readyz")
    assert (got.status_code, got.json()["error"]["code"]) == (503, "store_error")
    assert "readonly" in got.json()["error"]["message"]


def test_without_its_scheduler_the_daemon_is_not_alive(world, client) -> None:
    world.alive = False
    got = client.get("/livez")
    assert (got.status_code, got.json()["error"]["code"]) == (503, "not_alive")


def test_who_only_looks_asks_by_head_and_a_proxy_by_its_own_name(world, client) -> None:
    for path in ("/livez", "/readyz"):
        assert client.head(path).status_code == 200
        assert client.get(path, headers={"host": "seald.example.com"}).status_code == 200
    assert client.get("/metrics", headers={"host": "seald.example.com"}).json()["error"]["code"] == "forbidden_host"
    world.gateway.why_not_ready = "loading the model"
    assert client.head("/readyz").status_code == 503


def test_a_draining_daemon_is_not_ready(world, client) -> None:
    world.draining = True
    assert client.get("/readyz").json()["error"]["code"] == "draining"


def test_metrics(world, client) -> None:
    world.gateway.script.body = json.dumps({"choices": []}).encode()
    client.post("/v1/completions", json={"model": "seald", "prompt": "x"})
    text = client.get("/metrics").text
    assert 'seald_adaptations{status="queued"} 2.0' in text
    assert 'seald_chat_seconds_count{route="/v1/completions",stream="false"} 1.0' in text
    assert "seald_chat_in_flight 0.0" in text
    assert 'seald_watch_paused{collection="default"} 1.0' in text
    assert 'seald_http_requests_total{method="POST",route="/v1/completions",status="200"} 1.0' in text


def test_status(client) -> None:
    got = client.get("/v1/status").json()
    assert (got["object"], got["version"], got["model"]) == ("status", "0.0.1", "tiny")
    assert got["adaptations"] == {"queued": 2, "running": 1, "held": 0}


def test_openapi_says_which_key_a_route_asks_for(client) -> None:
    described = client.get("/openapi.json").json()
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    paths = described["paths"]
    assert paths["/v1/documents"]["post"]["security"] == [{"key": ["ingest"]}, {}]
    assert paths["/v1/adaptations/{id}/approve"]["post"]["security"] == [{"key": ["admin"]}, {}]
    assert "security" not in paths["/livez"]["get"]


def test_openapi_names_every_route(client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/chat/completions", "/v1/documents", "/v1/adaptations/{id}/events", "/v1/status"} <= set(paths)


def test_the_connections_to_the_engine_end_with_the_app(world) -> None:
    with TestClient(world.app):
        assert not world.gateway.closed
    assert world.gateway.closed

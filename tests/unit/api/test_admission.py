"""Who may ask for what, over all routes."""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
import uvicorn
from starlette.testclient import TestClient

from seald.api.admission import require_keys_beyond_loopback
from seald.api.app import create_app
from seald.api.pace import Pace
from seald.api.scopes import KEYLESS, need_of
from seald.config import Settings
from seald.domain.actor import Actor, acting
from seald.domain.key import Key, KeyAsk, new_secret
from seald.errors import ConfigError, TooManyRequests
from tests.unit.api.conftest import Caller, Keyed, World
from tests.unit.api.memory import NOON
from tests.unit.api.test_openai_client import ASK, completion

SCOPES = {
    "chat": {
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{id}"),
        ("POST", "/v1/feedback"),
        ("GET", "/v1/feedback"),
    },
    "ingest": {
        ("POST", "/v1/documents"),
        ("GET", "/v1/documents"),
        ("GET", "/v1/documents/{id}"),
        ("GET", "/v1/documents/{id}/certificate"),
        ("DELETE", "/v1/documents/{id}"),
        ("GET", "/v1/adaptations"),
        ("GET", "/v1/adaptations/{id}"),
        ("GET", "/v1/adaptations/{id}/events"),
        ("POST", "/v1/tasks"),
        ("GET", "/v1/tasks"),
        ("GET", "/v1/tasks/{id}"),
        ("POST", "/v1/tasks/{id}/solve"),
        ("DELETE", "/v1/tasks/{id}"),
        ("GET", "/v1/status"),
    },
    "admin": {
        ("POST", "/v1/adaptations/{id}/approve"),
        ("POST", "/v1/adaptations/{id}/reject"),
        ("POST", "/v1/adaptations/{id}/cancel"),
        ("GET", "/v1/adapters"),
        ("GET", "/v1/adapters/{collection}"),
        ("GET", "/v1/adapters/{collection}/{version}"),
        ("GET", "/v1/adapters/{collection}/watches"),
        ("POST", "/v1/adapters/{collection}/rollback"),
        ("POST", "/v1/adapters/{collection}/compact"),
        ("GET", "/v1/collections"),
        ("GET", "/v1/collections/{name}"),
        ("PUT", "/v1/collections/{name}"),
        ("GET", "/v1/policies"),
        ("GET", "/v1/policies/{version}"),
        ("POST", "/v1/policies/retrain"),
        ("POST", "/v1/policies/rollback"),
        ("GET", "/v1/retrainings"),
        ("GET", "/v1/retrainings/{id}"),
        ("GET", "/v1/retrainings/{id}/events"),
        ("POST", "/v1/retrainings/{id}/cancel"),
        ("POST", "/v1/keys"),
        ("GET", "/v1/keys"),
        ("GET", "/v1/keys/{id}"),
        ("DELETE", "/v1/keys/{id}"),
        ("GET", "/v1/audit"),
        ("GET", "/v1/audit/verify"),
    },
}


def routes(world: World) -> set[tuple[str, str]]:
    """Every route of the app, whether it describes it or not."""
    return {(verb, path) for path, verbs in _walked(world.app.routes) for verb in verbs - {"HEAD"}}


def _walked(found: Iterable[Any]) -> Iterator[tuple[str, set[str]]]:
    for route in found:
        if hasattr(route, "original_router"):
            yield from _walked(route.original_router.routes)
        else:
            yield route.path_format, route.methods


def at(path: str) -> str:
    """An address of the route; nothing has these names."""
    return re.sub(r"{version}", "1", re.sub(r"{(id|name|collection)}", "none-such", path))


def status_of(keyed: Keyed, method: str, path: str, headers: dict[str, str]) -> int:
    return int(keyed.client.request(method, at(path), headers=headers).status_code)


def test_every_route_says_what_it_asks_for(world: World) -> None:
    declared = {route: need_of(*route) for route in routes(world) if route[1] not in KEYLESS}
    assert declared.pop(("GET", "/openapi.json")) is not None
    assert None not in declared.values()
    found = {scope: {r for r, need in declared.items() if need and need.scope == scope} for scope in SCOPES}
    assert found == SCOPES


def test_without_a_good_key_nobody_learns_anything(keyed: Keyed) -> None:
    keyed.key("admin")
    every = routes(keyed.world) | {("GET", "/nowhere"), ("PATCH", "/v1/models"), ("GET", "/livez/"), ("GET", "/v1/x")}
    shown = [
        {},
        {"authorization": f"Bearer {new_secret()}"},
        {"authorization": "Bearer "},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer \u00fc\u00ff".encode("latin-1")},
    ]
    for method, path in every - {("GET", path) for path in KEYLESS}:
        for headers in shown:
            got = keyed.client.request(method, at(path), headers=headers)
            assert got.status_code == 401, (method, path)
            assert got.headers["www-authenticate"] == "Bearer"
            assert got.headers["x-request-id"]
            error = got.json()["error"]
            assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
    assert {keyed.client.get(path).status_code for path in KEYLESS} == {200}


def test_a_refused_body_is_not_read(keyed: Keyed) -> None:
    keyed.key("admin")
    caller = Caller(keyed.world.app, "POST", "/v1/documents")
    unread = caller._incoming
    asyncio.run(caller.run())
    assert (caller.sent[0]["status"], unread.qsize()) == (401, 1)


@pytest.mark.parametrize("scope", ["chat", "ingest", "admin"])
def test_each_scope_reaches_its_routes_and_no_others(keyed: Keyed, scope: str) -> None:
    keyed.key("admin")
    key = keyed.key(scope)
    # An admin's refusals are for lack of a body or of the thing.
    allowed = set().union(*SCOPES.values()) if scope == "admin" else SCOPES[scope]
    for method, path in set().union(*SCOPES.values()):
        assert (status_of(keyed, method, path, key) == 403) == ((method, path) not in allowed), (method, path)
    refused = keyed.client.get("/v1/keys", headers=keyed.key("ingest")).json()["error"]
    assert (refused["type"], refused["code"]) == ("permission_error", "insufficient_scope")
    assert keyed.client.get("/nowhere", headers=key).status_code == 404
    assert keyed.client.get("/openapi.json", headers=key).status_code == 200


def test_beyond_loopback_nothing_is_open(keyed: Keyed) -> None:
    settings = Settings.model_validate({"server": {"host": "0.0.0.0"}})
    app = create_app(replace(keyed.world.app.state.services, settings=settings))
    with TestClient(app, base_url="http://10.0.0.1") as client:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/livez").status_code == 200
    for host in ("127.0.0.1", "localhost", "::1"):
        require_keys_beyond_loopback(host, keyed.stores.keys)
    with pytest.raises(ConfigError, match=r"seald keys create admin --offline"):
        require_keys_beyond_loopback("0.0.0.0", keyed.stores.keys)
    keyed.key("admin")
    require_keys_beyond_loopback("0.0.0.0", keyed.stores.keys)
    (key,) = keyed.stores.keys.page(after=None, limit=9).data
    keyed.stores.keys.revoke(key.id)
    with pytest.raises(ConfigError):
        require_keys_beyond_loopback("0.0.0.0", keyed.stores.keys)


def test_whoever_shows_a_key_may_come_from_anywhere(keyed: Keyed) -> None:
    named = {"host": "seald.example.com", "origin": "https://seald.example.com"}
    assert keyed.client.get("/v1/models", headers=named).status_code == 403
    key = keyed.key("admin")
    assert keyed.client.get("/v1/models", headers={**named, **key}).status_code == 200
    assert keyed.client.get("/v1/models", headers=named).status_code == 401
    assert keyed.client.get("/metrics", headers=named).status_code == 403


def test_who_acts_is_known_wherever_the_work_is_done(keyed: Keyed) -> None:
    seen: list[Actor] = []
    plain = keyed.stores.keys.get

    def get(id: str) -> object:
        seen.append(acting.get())
        return plain(id)

    keyed.stores.keys.get = get  # type: ignore[method-assign]
    keyed.client.get("/v1/keys/key-1", headers={"x-request-id": "mine-1"})
    keyed.client.get("/v1/keys/key-1", headers={"x-request-id": "mine-2", **keyed.key("admin")})
    (key,) = keyed.stores.keys.page(after=None, limit=9).data
    assert seen == [Actor("local", "mine-1"), Actor(key.id, "mine-2")]
    assert acting.get() == Actor()


def test_no_log_holds_a_prompt_or_a_secret(keyed: Keyed, capsys: pytest.CaptureFixture[str]) -> None:
    key = keyed.key("admin")
    prompt = "the swordfish swims at night"
    ask = {"model": "seald", "messages": [{"role": "user", "content": prompt}]}
    keyed.world.gateway.script.status = 500
    keyed.world.gateway.script.body = b'{"error": {"message": "it broke", "code": 500}}'
    assert keyed.client.post("/v1/chat/completions", json=ask, headers=key).status_code == 502
    keyed.world.gateway.script.status, keyed.world.gateway.script.then = 200, RuntimeError("boom")
    assert keyed.client.post("/v1/chat/completions", json=ask, headers=key).status_code == 500
    keyed.client.post("/v1/chat/completions", json={**ask, "messages": prompt}, headers=key)
    keyed.client.post("/v1/chat/completions", json=ask, headers={"authorization": key["authorization"] + "x"})
    logged = "".join(capsys.readouterr())
    assert "request_failed" in logged
    assert "request_broke" in logged
    assert "swordfish" not in logged
    assert key["authorization"].removeprefix("Bearer ")[:20] not in logged


def test_a_minute_is_a_moving_window() -> None:
    now = [1_000_000]
    asked = KeyAsk.model_validate({"name": "k", "scopes": ["chat"], "requests_per_minute": 3})
    key, pace = Key.of(asked, new_secret(), NOON), Pace(lambda: now[0])

    def wait() -> int:
        """0: it may go; else the seconds that it is told to wait."""
        try:
            with pace.turn(key):
                return 0
        except TooManyRequests as refused:
            return refused.retry_after

    told = []
    for step in (0, 10_000, 10_000, 10_000, 29_500, 600, 0, 10_000):
        now[0] += step
        told.append(wait())
    # Those of second 0, 10 and 20 go; the next one may when the first is a minute old.
    assert told == [0, 0, 0, 31, 1, 0, 10, 0]


@pytest.fixture
def served(keyed: Keyed) -> Iterator[Callable[[dict[str, str]], openai.OpenAI]]:
    """Makes official clients of a real server, one of each key."""
    server = uvicorn.Server(uvicorn.Config(keyed.world.app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    made: list[openai.OpenAI] = []

    def client(key: dict[str, str], **more: int) -> openai.OpenAI:
        secret = key["authorization"].removeprefix("Bearer ")
        made.append(openai.OpenAI(api_key=secret, base_url=url, timeout=10, **{"max_retries": 0, **more}))
        return made[-1]

    yield client
    for one in made:
        one.close()
    server.should_exit = True
    thread.join()


def test_the_official_client_knows_its_errors(keyed: Keyed, served: Callable[..., openai.OpenAI]) -> None:
    keyed.key("admin")
    message = {"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    keyed.world.gateway.script.body = json.dumps(completion(**message)).encode()
    with pytest.raises(openai.AuthenticationError) as unknown:
        served({"authorization": "Bearer sk-seald-none"}).chat.completions.create(**ASK)
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError) as lacking:
        served(keyed.key("ingest")).chat.completions.create(**ASK)
    assert lacking.value.code == "insufficient_scope"
    often = served(keyed.key("chat", requests_per_minute=2))
    for _ in range(2):
        assert often.chat.completions.create(**ASK).choices[0].message.content == "hi"
    with pytest.raises(openai.RateLimitError) as too_often:
        often.chat.completions.create(**ASK)
    assert (too_often.value.code, too_often.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert 1 <= int(too_often.value.response.headers["retry-after"]) <= 61
    assert keyed.world.gateway.leases == 0


def test_a_stream_counts_until_it_ends(keyed: Keyed, served: Callable[..., openai.OpenAI]) -> None:
    keyed.key("admin")
    one = served(keyed.key("chat", concurrency=1))
    keyed.world.gateway.script.lines = ["data: " + json.dumps(completion(delta={"content": "h"}))]
    keyed.world.gateway.script.hangs = True
    with one.chat.completions.create(**ASK, stream=True) as stream:
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as busy:
            one.models.list()
        assert busy.value.code == "too_many_concurrent_requests"
        assert math.isclose(float(busy.value.response.headers["retry-after"]), 1)
        assert served(keyed.key("chat", concurrency=1)).models.list().data
    # The official client waits as it is told, and tries again.
    assert served({"authorization": f"Bearer {one.api_key}"}, max_retries=3).models.list().data

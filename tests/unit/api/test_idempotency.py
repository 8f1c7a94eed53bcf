"""`Idempotency-Key` over the real stores: what is sent twice is done once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from fastapi import APIRouter, FastAPI, Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from seald.api import idempotency
from seald.api.idempotency import Idempotent
from seald.domain.actor import Actor
from seald.errors import InsufficientStorage, StoreError
from seald.store.receipt_tables import receipts
from seald.store.receipts import SqlReceipts
from tests.unit.api.conftest import World
from tests.unit.api.test_openai_client import official
from tests.unit.api.whole import client, rows, whole
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import migrated
from tests.unit.store.test_adapters import live

__all__ = ["client", "migrated", "official", "whole"]

ROLLBACK, DOCS = "/v1/adapters/default/rollback", "/v1/documents"
DOC = {"title": "Swordfish", "text": "The pump holds 40 litres."}
MINE = {"idempotency-key": "mine-1"}


def told(got: Any) -> tuple[int, str, str | None]:
    """Status, code, and whether to try again."""
    return got.status_code, got.json()["error"]["code"], got.headers["x-should-retry"]


def change(world: World, **parts: Any) -> None:
    world.app.state.services = replace(world.app.state.services, **parts)


def test_a_retried_rollback_does_not_go_back_two_versions(whole: Site, client: TestClient) -> None:
    first, again = (client.post(ROLLBACK, headers=MINE) for _ in range(2))
    assert (first.status_code, first.json()["to"], live(whole.stores)) == (200, 2, 2)
    assert (again.status_code, again.content) == (200, first.content)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert client.post(ROLLBACK, headers={"idempotency-key": "mine-2"}).json()["to"] == 1
    assert live(whole.stores) == 1


def test_the_answer_is_the_first_one_and_another_request_is_a_conflict(whole: Site, client: TestClient) -> None:
    first = client.post(DOCS, json=DOC, headers=MINE)
    client.post(f"/v1/adaptations/{first.json()['adaptation']}/cancel")
    again = client.post(DOCS, json=DOC, headers=MINE)
    assert (again.status_code, again.content, first.json()["status"]) == (202, first.content, "queued")
    before = rows(whole)
    other = client.post(DOCS, json={**DOC, "text": "It holds 50 litres."}, headers=MINE)
    assert told(other) == (409, "idempotency_conflict", "false")
    assert rows(whole) == before
    # Another route's keys are others.
    assert client.post(ROLLBACK, headers=MINE).status_code == 200


def test_a_form_that_is_sent_again_has_another_boundary(client: TestClient) -> None:
    asked = [client.build_request("POST", DOCS, files={"file": ("a.txt", b"It hums.")}, headers=MINE) for _ in range(2)]
    assert asked[0].headers["content-type"] != asked[1].headers["content-type"]
    first, again = map(client.send, asked)
    assert (again.content, again.headers.get("idempotent-replayed")) == (first.content, "true")


def test_keys_of_others_are_others(whole: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("key-1", "key-2"):
        monkeypatch.setattr(idempotency, "acting", ContextVar("acting", default=Actor(who)))  # noqa: B039
        assert client.post(ROLLBACK, headers=MINE).headers.get("idempotent-replayed") is None
    assert live(whole.stores) == 1


def test_while_the_first_is_being_answered_the_second_waits(world: World, whole: Site, client: TestClient) -> None:
    begun, go = threading.Event(), threading.Event()
    real = world.app.state.services.rollback

    def slow(*asked: Any) -> Any:
        begun.set()
        assert go.wait(10)
        return real(*asked)

    change(world, rollback=slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, ROLLBACK, headers=MINE)
        assert begun.wait(10)
        second = client.post(ROLLBACK, headers=MINE)
        go.set()
        assert first.result().status_code == 200
    assert told(second) == (409, "idempotency_in_progress", "true")
    assert second.headers["retry-after"] == "1"
    assert client.post(ROLLBACK, headers=MINE).content == first.result().content
    assert live(whole.stores) == 2


def test_what_was_refused_may_be_tried_again_under_its_key(world: World, whole: Site, client: TestClient) -> None:
    assert client.post(ROLLBACK, json={"to": 9}, headers=MINE).status_code == 404
    assert client.post(ROLLBACK, json={"to": "1"}, headers=MINE).status_code == 422
    world.draining = True
    assert told(client.post(DOCS, json=DOC, headers=MINE)) == (503, "draining", "true")
    assert rows(whole)["receipts"] == 0
    world.draining = False
    assert client.post(ROLLBACK, json={"to": 1}, headers=MINE).status_code == 200
    assert client.post(DOCS, json=DOC, headers=MINE).status_code == 202


def test_what_broke_is_not_done_again(world: World, whole: Site, client: TestClient) -> None:
    real = world.app.state.services.rollback

    def breaking(*asked: Any) -> None:
        real(*asked)
        raise RuntimeError("after the pointer was moved")

    change(world, rollback=breaking)
    first, again = (client.post(ROLLBACK, headers=MINE) for _ in range(2))
    assert told(first) == told(again) == (500, "internal_error", "false")
    assert again.headers["idempotent-replayed"] == "true"
    assert live(whole.stores) == 2


def test_of_a_rollback_that_the_database_did_not_confirm_nobody_knows(
    world: World, whole: Site, client: TestClient
) -> None:
    real = world.app.state.services.rollback

    def unconfirmed(*asked: Any) -> None:
        real(*asked)
        raise StoreError("the database failed")

    change(world, rollback=unconfirmed)
    first, again = (client.post(ROLLBACK, headers=MINE) for _ in range(2))
    assert (first.status_code, told(again)) == (503, (409, "idempotency_broken_off", "false"))
    assert live(whole.stores) == 2


def test_what_found_no_room_may_be_tried_again_under_its_key(world: World, whole: Site, client: TestClient) -> None:
    real = world.app.state.services.ingest

    def full(**asked: Any) -> None:
        raise InsufficientStorage("no room")

    change(world, ingest=SimpleNamespace(text=full))
    assert client.post(DOCS, json=DOC, headers=MINE).status_code == 507
    change(world, ingest=real)
    assert client.post(DOCS, json=DOC, headers=MINE).status_code == 202


def test_what_a_daemon_left_unanswered_is_begun_again_unless_that_does_more(
    world: World, whole: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(whole.stores.receipts, "keep", gone)
    done = client.post(DOCS, json=DOC, headers=MINE), client.post(ROLLBACK, headers=MINE)
    assert [got.status_code for got in done] == [202, 200], "what was done is said"
    change(world, receipts=SqlReceipts(whole.stores.session, whole.stores.clock))
    assert told(client.post(ROLLBACK, headers=MINE)) == (409, "idempotency_broken_off", "false")
    assert live(whole.stores) == 2
    again = client.post(DOCS, json=DOC, headers=MINE)
    assert (again.status_code, again.json()["id"]) == (200, done[0].json()["id"])
    assert client.post(DOCS, json=DOC, headers=MINE).headers["idempotent-replayed"] == "true"


def kept(site: Site) -> list[str | None]:
    with site.stores.session.read() as connection:
        return [*connection.scalars(receipts.select().with_only_columns(receipts.c.body))]


def test_the_answer_about_a_forgotten_document_is_not_said_again(whole: Site, client: TestClient) -> None:
    id = client.post(DOCS, json=DOC, headers=MINE).json()["id"]
    assert "Swordfish" in str(kept(whole))
    assert client.delete(f"{DOCS}/{id}").status_code == 202
    assert kept(whole) == [None]
    assert told(client.post(DOCS, json=DOC, headers=MINE)) == (409, "idempotency_answer_gone", "false")
    assert client.get(f"{DOCS}/{id}").json()["deleted"] is True, "a retry brings nothing back"


def test_secrets_are_not_kept(world: World, whole: Site, client: TestClient) -> None:
    router = APIRouter(route_class=Idempotent)

    @router.post("/v1/secrets")
    def secret(response: Response) -> str:
        response.headers["cache-control"] = "no-store"
        return "swordfish"

    world.app.include_router(router)
    assert client.post("/v1/secrets", headers=MINE).json() == "swordfish"
    assert kept(whole) == [None]
    assert told(client.post("/v1/secrets", headers=MINE))[:2] == (409, "idempotency_answer_gone")


class Losing:
    """In the place of a proxy that loses the first answer of a route."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path: str | None = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        self._path = None

        async def lost(_: Any) -> None:
            return

        await self._app(scope, receive, lost)
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b"bad gateway"})


@pytest.fixture
def proxied(world: World, whole: Site) -> Iterator[FastAPI]:
    world.app.add_middleware(Losing, path=ROLLBACK)
    yield world.app


@pytest.mark.parametrize(("headers", "left"), [(MINE, 2), ({}, 1)])
def test_the_official_clients_own_retry_has_one_effect_with_a_key(
    whole: Site, proxied: FastAPI, official: openai.OpenAI, headers: dict[str, str], left: int
) -> None:
    patient = official.with_options(max_retries=1)
    done: Any = patient.post("/adapters/default/rollback", cast_to=object, options={"headers": headers})
    assert (done["to"], live(whole.stores)) == (left, left)

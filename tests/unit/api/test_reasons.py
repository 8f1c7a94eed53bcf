"""Why something was decided stands in the audit."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from seald.domain.adaptation import AdaptationStatus as S
from tests.unit.api.conftest import World
from tests.unit.api.test_tasks import TURN
from tests.unit.api.whole import client, rows, whole
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document, migrated
from tests.unit.store.test_retrainings import SPEC

__all__ = ["client", "migrated", "whole"]

Why = tuple[str, str, str | None]


def held(site: Site, name: str) -> str:
    id = site.stores.documents.add(document(name), [])[1].id
    site.stores.adaptations.move(id, S.QUEUED, S.HELD)
    return id


def said(site: Site) -> list[Why]:
    return [
        (e.action, e.target, e.reason) for e in site.stores.audit.page(target=None, action=None, after=0, limit=99).data
    ]


def test_of_a_word_on_what_is_held_or_runs(whole: Site, client: TestClient) -> None:
    since = len(said(whole))
    one, two, three = (held(whole, name) for name in ("maple", "larch", "rowan"))
    run = whole.stores.retrainings.queue(SPEC, "key")[0].id
    for path in (f"adaptations/{one}/approve", f"adaptations/{two}/reject", f"retrainings/{run}/cancel"):
        assert client.post(f"/v1/{path}", json={"reason": "I read it"}).status_code == 200
    assert client.post(f"/v1/adaptations/{three}/cancel").status_code == 200
    assert said(whole)[since:] == [
        ("retraining", run, None),
        ("approval", one, "I read it"),
        ("rejection", two, "I read it"),
        ("cancellation", run, "I read it"),
        ("cancellation", three, None),
    ]


def test_of_deletions(whole: Site, client: TestClient) -> None:
    since = len(said(whole))
    id = document("maple").id
    whole.stores.documents.add(document("maple"), [])
    task = client.post("/v1/tasks", json={**TURN, "name": "spin"}).json()["id"]
    for path in (f"documents/{id}", f"tasks/{task}"):
        assert client.delete(f"/v1/{path}", params={"reason": "its owner asked"}).status_code < 300
    deletions = [entry for entry in said(whole)[since:] if entry[0] == "deletion"]
    assert deletions == [("deletion", id, "its owner asked"), ("deletion", task, "its owner asked")]


def test_of_keys_with_what_they_may_do(whole: Site, client: TestClient) -> None:
    made = client.post("/v1/keys", json={"name": "root", "scopes": ["admin"], "reason": "the first"}).json()
    root = {"authorization": f"Bearer {made['secret']}"}
    asked = {"name": "k", "scopes": ["chat"], "collections": ["ops"], "models": ["base"]}
    id = client.post("/v1/keys", json=asked, headers=root).json()["id"]
    client.delete(f"/v1/keys/{id}", params={"reason": "he left"}, headers=root)
    told = whole.stores.audit.page(target=None, action=None, after=0, limit=99).data[-3:]
    assert [(e.action, e.target, e.from_value, e.to_value, e.reason) for e in told] == [
        ("key_created", made["id"], None, '{"scopes": ["admin"]}', "the first"),
        ("key_created", id, None, '{"collections": ["ops"], "models": ["base"], "scopes": ["chat"]}', None),
        ("key_revoked", id, "usable", "revoked", "he left"),
    ]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"reason": "x" * 1001}, "invalid_value", "reason"),
        ({"reason": 1}, "invalid_type", "reason"),
        ({"raeson": "x"}, "unknown_field", "raeson"),
    ],
)
def test_what_is_no_reason_is_refused_and_nothing_is_done(
    whole: Site, client: TestClient, body: dict[str, object], code: str, param: str
) -> None:
    id, run = held(whole, "maple"), whole.stores.retrainings.queue(SPEC, "key")[0].id
    before = rows(whole)
    paths = [f"adaptations/{id}/{word}" for word in ("approve", "reject", "cancel")] + [f"retrainings/{run}/cancel"]
    for path in paths:
        got = client.post(f"/v1/{path}", json=body)
        assert (got.status_code, got.json()["error"]["code"], got.json()["error"]["param"]) == (422, code, param)
    assert rows(whole) == before


def test_a_reason_in_the_address_is_bounded_too(world: World, whole: Site, client: TestClient) -> None:
    for path in ("documents/doc-1", "tasks/turn", "keys/key-1"):
        got = client.delete(f"/v1/{path}", params={"reason": "x" * 1001})
        assert (got.status_code, got.json()["error"]["param"]) == (422, "reason")
    described = client.get("/openapi.json").json()["paths"]
    body = described["/v1/adaptations/{id}/approve"]["post"]["requestBody"]
    assert (body["required"], list(body["content"]["application/json"]["schema"]["properties"])) == (False, ["reason"])

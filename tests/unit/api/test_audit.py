"""`/v1/audit` over the real stores: who asked, by which request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from seald.domain.adaptation import AdaptationStatus as S
from seald.pipeline.forget import forget
from tests.unit.api.conftest import World
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import candidate, promoted

ONE = document("one").id
NAMES = ("adaptations", "adapters", "documents", "forgetting", "collections", "audit")


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Version 1 of `default` is live: the first entry."""
    site = Site(tmp_path / "data", tmp_path)
    promoted(site.stores, "one")
    stores = {name: getattr(site.stores, name) for name in NAMES}
    world.app.state.services = replace(world.app.state.services, forget=partial(forget, site.shop), **stores)
    yield site
    site.stores.close()


def test_each_entry_says_who_asked_and_how(site: Site, client: TestClient) -> None:
    held = candidate(site.stores, "two", until=S.GUARDING).adaptation_id
    site.stores.adaptations.move(held, S.GUARDING, S.HELD)
    client.post(f"/v1/adaptations/{held}/approve", headers={"x-request-id": "yes-1"})
    site.stores.adapters.promote(held)
    made = client.delete(f"/v1/documents/{ONE}").headers["x-request-id"]
    data = client.get("/v1/audit").json()["data"]
    assert [(e["action"], e["target"], e["from"], e["to"], e["who"], e["request_id"]) for e in data] == [
        ("promotion", "default", "base", "default@1", "daemon", None),
        ("approval", held, "held", "promoting", "local", "yes-1"),
        ("promotion", "default", "default@1", "default@2", "daemon", None),
        ("deletion", ONE, "default", None, "local", made),
        ("rollback", "default", "default@2", "base", "local", made),
    ]
    fields = {key: value for key, value in data[4].items() if key not in ("id", "object", "hash")}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert (data[4]["hash"], data[4]["previous"]) == (hashlib.sha256(canonical).hexdigest(), data[3]["hash"])


def test_what_is_refused_is_no_entry(site: Site, client: TestClient) -> None:
    assert client.post("/v1/adaptations/adp-x/approve").status_code == 404
    assert client.delete("/v1/documents/doc-x").status_code == 404
    assert client.put("/v1/collections/ops", json={"approval": "never"}).status_code == 422
    assert [e["action"] for e in client.get("/v1/audit").json()["data"]] == ["promotion"]


def test_it_is_listed_by_pages_and_by_what_it_is_about(site: Site, client: TestClient) -> None:
    for name in ("ops", "dev"):
        assert client.put(f"/v1/collections/{name}", json={"approval": "manual"}).status_code == 200
    first = client.get("/v1/audit", params={"limit": 2}).json()
    assert ([e["id"] for e in first["data"]], first["has_more"]) == (["1", "2"], True)
    assert [e["id"] for e in client.get("/v1/audit", params={"after": "2"}).json()["data"]] == ["3"]
    assert [e["id"] for e in client.get("/v1/audit", params={"target": "dev"}).json()["data"]] == ["3"]
    assert [e["id"] for e in client.get("/v1/audit", params={"action": "promotion"}).json()["data"]] == ["1"]
    refused = client.get("/v1/audit", params={"action": "everything"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "action")


def test_it_is_verified(site: Site, client: TestClient) -> None:
    found = client.get("/v1/audit/verify").json()
    head = client.get("/v1/audit").json()["data"][-1]["hash"]
    whole = {"object": "audit_verification", "ok": True, "entries": 1, "head": head, "first_bad": None}
    assert found == {**whole, "contains": None}
    promoted(site.stores, "two")
    assert client.get("/v1/audit/verify", params={"head": head}).json()["contains"] is True
    assert client.get("/v1/audit/verify", params={"head": "f" * 64}).json()["ok"] is False
    with site.stores.session.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql("DELETE FROM audit WHERE number = 2")
    found = client.get("/v1/audit/verify").json()
    assert (found["ok"], found["entries"], found["first_bad"]) == (False, 2, 2)
    refused = client.get("/v1/audit/verify", params={"head": "short"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "head")

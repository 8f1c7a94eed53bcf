"""`POST /v1/adapters/{collection}/compact` over the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.verdict import Verdict
from seald.pipeline.compact import ask_for_compaction
from tests.unit.api.conftest import World
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import promoted
from tests.unit.store.test_tasks import solving, task

PATH = "/v1/adapters/default/compact"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Version 1 of `default` is live, and one of a task; `fresh` has a document and answers from the base."""
    site = Site(tmp_path / "data", tmp_path)
    promoted(site.stores, "one")
    site.stores.documents.add(document("one", collection="fresh"), [])
    solving(site.stores, task("turn"))
    stores = {"adaptations": site.stores.adaptations, "adapters": site.stores.adapters}
    services = replace(world.app.state.services, compact=partial(ask_for_compaction, site.shop), **stores)
    world.app.state.services = services
    yield site
    site.stores.close()


def queued(site: Site) -> list[str]:
    page = site.stores.adaptations.page(collection="default", status=S.QUEUED, after=None, limit=10)
    return [adaptation.id for adaptation in page.data]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, {"reason": "asked"}),
        ({}, {"reason": "asked"}),
        ({"reason": "answers drift"}, {"reason": "asked", "message": "answers drift"}),
    ],
)
def test_it_is_queued(
    world: World, site: Site, client: TestClient, body: dict[str, Any] | None, why: dict[str, str]
) -> None:
    got = client.post(PATH, **({"json": body} if body is not None else {}))
    assert got.status_code == 202
    shown = {"object": "adaptation", "kind": "compact", "status": "queued", "collection": "default", "version": None}
    assert {key: got.json()[key] for key in shown} == shown
    assert got.json()["documents"] == [document("one").id]
    assert site.stores.adaptations.events(got.json()["id"])[-1].data == why
    assert (queued(site), world.woken) == ([got.json()["id"]], 1)


def test_an_open_one_is_given_again_with_its_verdicts(site: Site, client: TestClient) -> None:
    first = client.post(PATH).json()["id"]
    version = site.stores.adapters.allot(site.stores.adaptations.get(first))
    site.stores.adaptations.move(first, S.QUEUED, S.EDITING)
    verdict = Verdict(guard="integrity", verdict="pass", figures={}, reason="sane")
    site.stores.adapters.add_verdict("default", version.version, verdict)
    got = client.post(PATH, json={"reason": "again"})
    assert (got.status_code, got.json()["id"], got.json()["status"]) == (200, first, "editing")
    assert [found["guard"] for found in got.json()["verdicts"]] == ["integrity"]
    assert (got.json()["parent"], client.get("/v1/adapters/default/2").json()["replaces"]) == (None, 1)


@pytest.mark.parametrize(
    ("collection", "body", "status", "param", "code"),
    [
        ("nobody", {}, 404, "collection", "not_found"),
        ("fresh", {}, 409, None, "nothing_to_compact"),
        ("task/turn", {}, 409, "collection", "not_a_collection"),
        ("task/nobody", {}, 404, "collection", "not_found"),
        ("default", {"reason": 1}, 422, "reason", "invalid_type"),
        ("default", {"reason": "x" * 1001}, 422, "reason", "invalid_value"),
        ("default", {"to": 1}, 422, "to", "unknown_field"),
        ("default", [1], 422, None, "invalid_type"),
    ],
)
def test_what_is_refused_queues_nothing(
    world: World, site: Site, client: TestClient, collection: str, body: Any, status: int, param: str, code: str
) -> None:
    got = client.post(f"/v1/adapters/{collection}/compact", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert (queued(site), world.woken) == ([], 0)


def test_while_draining_nothing_is_queued(world: World, site: Site, client: TestClient) -> None:
    world.draining = True
    got = client.post(PATH)
    assert (got.status_code, got.json()["error"]["code"]) == (503, "draining")
    assert queued(site) == []

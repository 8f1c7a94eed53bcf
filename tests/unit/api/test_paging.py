"""Every list goes by `after` and `limit` alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from seald.domain.retraining import RetrainingAsk
from seald.domain.watch import Watch
from tests.unit.api.conftest import World
from tests.unit.api.memory import NOON
from tests.unit.api.test_tasks import TURN
from tests.unit.api.whole import client, whole
from tests.unit.pipeline.conftest import Site
from tests.unit.store.conftest import document, migrated

__all__ = ["client", "migrated", "whole"]

WATCH = {"collection": "default", "version": 1, "outcome": "kept", "action": "none", "reason": "r", "figures": {}}


@pytest.fixture
def filled(world: World, whole: Site, client: TestClient) -> Callable[[str], str]:
    """Three of each thing at least; returns what makes a route's address of its template."""
    stores, services = whole.stores, world.app.state.services
    for n in range(3):
        client.post("/v1/tasks", json={**TURN, "name": f"turn-{n}"})
        client.put(f"/v1/collections/ops-{n}", json={})
        stores.answers.note(f"asked-{n}", "seald", "default@1")
        stores.feedback.rate(stores.answers.find(f"asked-{n}"), 1, None)
        stores.watches.add(Watch(**WATCH, at=NOON))
        run, _ = services.retrain(RetrainingAsk(), f"asked/{n}")
        stores.retrainings.note(run.id, "sampled", {})
        stores.retrainings.note(run.id, "sampled", {})
        stores.retrainings.request_cancel(run.id)
    adaptation = stores.adaptations.page(collection=None, status=None, after=None, limit=1).data[0]
    return lambda template: template.format(retraining=run.id, adaptation=adaptation.id)


@pytest.mark.parametrize(
    "template",
    [
        "/v1/models",
        "/v1/documents",
        "/v1/tasks",
        "/v1/adaptations",
        "/v1/adaptations/{adaptation}/events",
        "/v1/collections",
        "/v1/adapters",
        "/v1/adapters/default",
        "/v1/adapters/default/watches",
        "/v1/policies",
        "/v1/retrainings",
        "/v1/retrainings/{retraining}/events",
        "/v1/feedback",
        "/v1/audit",
    ],
)
def test_every_list_goes_page_by_page(filled: Callable[[str], str], client: TestClient, template: str) -> None:
    path = filled(template)
    name = "seq" if path.endswith("/events") else "id"

    def page(**query: object) -> tuple[list[str], bool]:
        got = client.get(path, params=query).json()
        assert got["object"] == "list"
        return [str(item[name]) for item in got["data"]], got["has_more"]

    ids, more = page(limit=100)
    assert len(set(ids)) == len(ids) >= 3
    assert not more
    assert page() == (ids[:20], len(ids) > 20)
    assert page(limit=len(ids)) == (ids, False)
    assert page(limit=len(ids) - 1) == (ids[:-1], True)
    assert page(after=ids[-1]) == ([], False)
    assert [page(after=id, limit=1) for id in ids[:-1]] == [([id], id != ids[-1]) for id in ids[1:]]
    for query in ({"limit": 0}, {"limit": 10**9}, {"limit": "x"}, {"after": "nobody"}, {"after": "-1"}):
        got = client.get(path, params=query)
        assert got.status_code in (404, 422)
        assert got.json()["error"]["param"] == next(iter(query))


def test_a_list_goes_on_after_what_was_forgotten_meanwhile(whole: Site, client: TestClient) -> None:
    ids = [client.post("/v1/documents", json={"title": "t", "text": f"text {n}"}).json()["id"] for n in range(3)]
    assert client.delete(f"/v1/documents/{ids[1]}").status_code == 202
    assert [doc["id"] for doc in client.get(f"/v1/documents?after={ids[1]}").json()["data"]] == [ids[2]]
    assert [doc["id"] for doc in client.get("/v1/documents?collection=fresh").json()["data"]] == []
    whole.stores.documents.add(document("one", collection="fresh"), [])
    found = client.get(f"/v1/documents?collection=fresh&after={ids[1]}").json()
    assert ([doc["collection"] for doc in found["data"]], found["has_more"]) == (["fresh"], False)

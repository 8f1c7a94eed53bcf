"""What a key sees that is limited to some collections or models: two tenants over the real stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.task import Task, TaskAsk
from tests.unit.api.conftest import Keyed
from tests.unit.api.memory import NOON
from tests.unit.store.conftest import document
from tests.unit.store.test_tasks import TURNED, solving

UNKNOWN = {"doc": "doc-none", "adaptation": "adp-none", "task": "of-none", "collection": "none", "answer": "req-none"}


@dataclass
class Tenant:
    """What one of them has."""

    names: dict[str, str]
    key: dict[str, str]


def tenant(keyed: Keyed, name: str) -> Tenant:
    """A document, a task that is learned, a rated answer, settings; and an admin's key to its collection."""
    stores = keyed.stores
    _, adaptation, _ = stores.documents.add(document(f"The mill of {name}.", name), [])
    for before, after in ((S.QUEUED, S.EDITING), (S.EDITING, S.TRAINING), (S.TRAINING, S.GUARDING)):
        stores.adaptations.move(adaptation.id, before, after)
    stores.adaptations.move(adaptation.id, S.GUARDING, S.PROMOTING)
    version = stores.adapters.allot(stores.adaptations.get(adaptation.id))
    stores.adapters.record_weights(name, version.version, "a" * 64, "m" * 64)
    stores.adapters.promote(adaptation.id)
    ask = TaskAsk.model_validate({"name": f"of-{name}", "examples": TURNED, "collection": name})
    solving(stores, Task.of(ask, NOON))
    stores.answers.note(f"req-{name}", f"seald:{name}", f"{name}@1")
    stores.feedback.rate(stores.answers.find(f"req-{name}"), 1, f"{name} is good")
    names = {"doc": document(f"The mill of {name}.", name).id, "adaptation": adaptation.id, "task": f"of-{name}"}
    names |= {"collection": name, "answer": f"req-{name}"}
    return Tenant(names, keyed.key("chat", "admin", collections=[name]))


@pytest.fixture
def both(keyed: Keyed) -> tuple[Tenant, Tenant]:
    keyed.key("admin")
    a, b = tenant(keyed, "orchard"), tenant(keyed, "quarry")
    gateway = keyed.world.gateway
    lineages = keyed.stores.adapters.lineages()
    ids = [*(f"seald:{name}" for name in lineages), *(f"seald:{name}@1" for name in lineages)]
    gateway.models = ("seald", "base", *ids)
    gateway.model_ids = lambda: [(id, "base") for id in gateway.models]  # type: ignore[method-assign]
    return a, b


ASKS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/v1/documents/{doc}", None),
    ("GET", "/v1/documents/{doc}/certificate", None),
    ("GET", "/v1/documents?after={doc}", None),
    ("DELETE", "/v1/documents/{doc}", None),
    ("GET", "/v1/adaptations/{adaptation}", None),
    ("GET", "/v1/adaptations/{adaptation}/events", None),
    ("GET", "/v1/adaptations?after={adaptation}", None),
    ("POST", "/v1/adaptations/{adaptation}/approve", None),
    ("POST", "/v1/adaptations/{adaptation}/reject", None),
    ("POST", "/v1/adaptations/{adaptation}/cancel", None),
    ("GET", "/v1/tasks/{task}", None),
    ("GET", "/v1/tasks?after={task}", None),
    ("POST", "/v1/tasks/{task}/solve", {"inputs": [[[1]]]}),
    ("DELETE", "/v1/tasks/{task}", None),
    ("GET", "/v1/adapters/{collection}", None),
    ("GET", "/v1/adapters/{collection}/1", None),
    ("GET", "/v1/adapters/{collection}/watches", None),
    ("GET", "/v1/adapters/task/{task}", None),
    ("POST", "/v1/adapters/{collection}/rollback", {}),
    ("POST", "/v1/adapters/{collection}/compact", None),
    ("POST", "/v1/adapters/task/{task}/rollback", {}),
    ("GET", "/v1/collections/{collection}", None),
    ("PUT", "/v1/collections/{collection}", {"approval": "manual"}),
    ("POST", "/v1/documents", {"title": "t", "text": "x", "collection": "{collection}"}),
    ("POST", "/v1/tasks", {"name": "mine", "examples": TURNED, "collection": "{collection}"}),
    ("POST", "/v1/feedback", {"request_id": "{answer}", "rating": 1}),
    ("GET", "/v1/models/seald:{collection}", None),
    ("GET", "/v1/models/seald:task/{task}@1", None),
    ("POST", "/v1/chat/completions", {"model": "seald:{collection}", "messages": [{"role": "user", "content": "x"}]}),
    ("POST", "/v1/completions", {"model": "seald:{collection}@1", "prompt": "x"}),
    ("POST", "/v1/completions", {"model": "seald:task/{task}", "prompt": "x"}),
    ("POST", "/v1/embeddings", {"model": "seald:task/{task}@1", "input": "x"}),
]


def asked(keyed: Keyed, ask: tuple[str, str, dict[str, Any] | None], names: dict[str, str], key: dict[str, str]) -> Any:
    method, path, body = ask
    filled = body and {k: v.format(**names) if isinstance(v, str) else v for k, v in body.items()}
    return keyed.client.request(method, path.format(**names), json=filled, headers=key)


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: f"{ask[0]} {ask[1]}")
def test_anothers_is_as_though_it_were_not_there(
    keyed: Keyed, both: tuple[Tenant, Tenant], ask: tuple[str, str, dict[str, Any] | None]
) -> None:
    a, b = both
    theirs, none = asked(keyed, ask, b.names, a.key), asked(keyed, ask, UNKNOWN, a.key)
    assert (theirs.status_code, none.status_code) == (404, 404)
    said = theirs.text.replace(b.names["doc"], "doc-none").replace(b.names["adaptation"], "adp-none")
    assert said.replace("quarry", "none") == none.text
    # What it is kept from is there, and its own it has.
    assert asked(keyed, ask, b.names, b.key).status_code != 404 or "certificate" in ask[1]
    assert asked(keyed, ask, a.names, a.key).status_code != 404 or "certificate" in ask[1]


def test_lists_hold_ones_own(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    a, _ = both
    for path in ("documents", "adaptations", "tasks", "adapters", "collections", "feedback"):
        listed = keyed.client.get(f"/v1/{path}", headers=a.key)
        everything = keyed.client.get(f"/v1/{path}", headers=keyed.key("admin")).json()["data"]
        assert listed.status_code == 200
        assert 2 * len(listed.json()["data"]) == len(everything) > 0, path
        assert "quarry" not in listed.text, path
    assert keyed.client.get("/v1/documents?collection=quarry", headers=a.key).json()["data"] == []
    models = [model["id"] for model in keyed.client.get("/v1/models", headers=a.key).json()["data"]]
    assert models == ["base", "seald:orchard", "seald:task/of-orchard", "seald:orchard@1", "seald:task/of-orchard@1"]


def test_a_page_is_full_of_ones_own(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    a, _ = both
    for n in range(3):
        for name in ("quarry", "orchard"):
            keyed.stores.documents.add(document(f"{name} {n}", name), [])
    first = keyed.client.get("/v1/documents?limit=3", headers=a.key).json()
    assert (len(first["data"]), first["has_more"]) == (3, True)
    rest = keyed.client.get(f"/v1/documents?limit=3&after={first['data'][-1]['id']}", headers=a.key).json()
    assert (len(rest["data"]), rest["has_more"]) == (1, False)


def test_the_status_names_ones_own_alone(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    a, b = both
    loaded = ["orchard@1", "quarry@3", "task/of-orchard@1", "task/of-quarry@1", "task/gone@1"]
    whole = {
        "collections": [{"name": "orchard"}, {"name": "quarry"}],
        "adaptations": {"queued": 1},
        "model": "/srv/models/large",
        "engine": {
            "kind": "local",
            "replicas": [{"ready": True, "pid": 7, "loaded": loaded}],
            "quarantined": [{"version": "quarry@3", "reason": "torn"}],
        },
        "training": {"adaptation": b.names["adaptation"], "step": 1, "steps": 2},
    }
    services = keyed.world.app.state.services
    keyed.world.app.state.services = replace(services, status=lambda: whole)
    seen = [keyed.client.get("/v1/status", headers=key).json() for key in (a.key, b.key, keyed.key("ingest"))]
    assert [[c["name"] for c in found["collections"]] for found in seen] == [
        ["orchard"],
        ["quarry"],
        ["orchard", "quarry"],
    ]
    assert [found["training"] is None for found in seen] == [True, False, False]
    assert [found["model"] for found in seen] == ["large", "large", "/srv/models/large"]
    assert [found["engine"]["replicas"][0]["pid"] for found in seen] == [None, None, 7]
    assert [found["engine"]["replicas"][0]["loaded"] for found in seen] == [loaded[:3:2], loaded[1:4:2], loaded]
    assert [found["engine"]["quarantined"] == [] for found in seen] == [True, False, False]


def test_a_limited_admin_has_no_say_in_what_is_of_all(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    a, _ = both
    for key in (a.key, keyed.key("admin", models=["base"])):
        for method, path in (("GET", "policies"), ("POST", "policies/retrain"), ("GET", "retrainings")):
            assert keyed.client.request(method, f"/v1/{path}", headers=key).status_code == 403
        made = keyed.client.post("/v1/keys", json={"name": "k", "scopes": ["admin"]}, headers=key)
        assert (made.status_code, made.json()["error"]["code"]) == (403, "insufficient_scope")


def test_a_list_of_models_is_kept_to(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    key = keyed.key("chat", models=["seald:orchard", "base"])
    ids = [model["id"] for model in keyed.client.get("/v1/models", headers=key).json()["data"]]
    assert ids == ["base", "seald:orchard"]
    for model, status in (("seald:orchard", 200), ("base", 200), ("seald:orchard@1", 404), ("seald", 404)):
        got = keyed.client.post("/v1/completions", json={"model": model, "prompt": "x"}, headers=key)
        assert got.status_code == status, model
        if status == 404:
            assert got.json()["error"]["code"] == "model_not_found"
    assert keyed.client.get("/v1/models/seald", headers=key).status_code == 404


def test_what_is_left_of_anothers_task_of_the_same_name_stays_hidden(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    a, b = both
    keyed.stores.tasks.delete(keyed.stores.tasks.get("of-quarry"))
    ask = TaskAsk.model_validate({"name": "of-quarry", "examples": TURNED, "collection": "orchard"})
    mine = keyed.stores.tasks.add(Task.of(ask, keyed.stores.clock.now()))[1]
    listed = keyed.client.get("/v1/adaptations?collection=task/of-quarry", headers=a.key).json()["data"]
    assert [adaptation["id"] for adaptation in listed] == [mine.id]
    assert keyed.client.get("/v1/adapters/task/of-quarry", headers=a.key).json()["data"] == []
    assert keyed.client.get("/v1/tasks/of-quarry", headers=b.key).status_code == 404


def test_a_list_of_models_holds_for_what_is_asked_of_them_otherwise(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    key = keyed.key("chat", "ingest", models=["base"])
    solved = keyed.client.post("/v1/tasks/of-orchard/solve", json={"inputs": [[[1]]]}, headers=key)
    assert (solved.status_code, solved.json()["error"]["code"]) == (404, "model_not_found")
    rated = keyed.client.post("/v1/feedback", json={"request_id": "req-orchard", "rating": 1}, headers=key)
    assert (rated.status_code, rated.json()["error"]["code"]) == (404, "unknown_request")
    assert keyed.client.get("/v1/feedback", headers=key).json()["data"] == [], "others' comments"
    given = {**key, "x-request-id": "mine"}
    assert keyed.client.post("/v1/completions", json={"model": "base", "prompt": "x"}, headers=given).status_code == 200
    keyed.client.post("/v1/feedback", json={"request_id": "mine", "rating": 1}, headers=key)
    assert [one["request_id"] for one in keyed.client.get("/v1/feedback", headers=key).json()["data"]] == ["mine"]


def test_two_keys_may_choose_the_same_request_id(keyed: Keyed, both: tuple[Tenant, Tenant]) -> None:
    for one, name in zip(both, ("orchard", "quarry"), strict=True):
        asked = {"model": f"seald:{name}", "prompt": "x"}
        got = keyed.client.post("/v1/completions", json=asked, headers={**one.key, "x-request-id": "shared"})
        assert got.status_code == 200
    for one, rating in zip(both, (1, -1), strict=True):
        body = {"request_id": "shared", "rating": rating}
        assert [keyed.client.post("/v1/feedback", json=body, headers=one.key).status_code for _ in "ab"] == [201, 200]

"""`/v1/collections` over the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from seald.config import Settings
from seald.store import Stores, open_stores
from tests.unit.api.conftest import World
from tests.unit.store.conftest import document
from tests.unit.store.test_adapters import promoted
from tests.unit.store.test_policies import candidate, winner
from tests.unit.store.test_policies_of_tasks import winning

PATH = "/v1/collections"
DEFAULTS = {"approval": "auto", "guards": {}, "policy": None, "trust": {}, "scrub": False, "teaches_policy": True}


@pytest.fixture
def stores(world: World, tmp_path: Path) -> Iterator[Stores]:
    """Version 1 of `default` is live; `fresh` has a document and answers from the base."""
    stores = open_stores(Settings(data_dir=tmp_path))
    promoted(stores, "one")
    stores.documents.add(document("one", collection="fresh"), [])
    services = replace(
        world.app.state.services, collections=stores.collections, adapters=stores.adapters, policies=stores.policies
    )
    world.app.state.services = services
    yield stores
    stores.close()


def test_the_list_and_the_whole_object(stores: Stores, client: TestClient) -> None:
    client.put(f"{PATH}/zebra", json={"approval": "manual"})
    listed = client.get(PATH).json()
    assert [(c["name"], c["live"], c["documents"]) for c in listed["data"]] == [
        ("default", "default@1", 1),
        ("fresh", "base", 1),
        ("zebra", "base", 0),
    ]
    fresh = {"id": "fresh", "object": "collection", "name": "fresh", "live": "base", "documents": 1}
    assert client.get(f"{PATH}/fresh").json() == {**fresh, "settings": DEFAULTS, "changed": None}
    assert listed["data"][2]["settings"] == {**DEFAULTS, "approval": "manual"}
    assert isinstance(listed["data"][2]["changed"], int)


def test_put_replaces_what_was_there(stores: Stores, client: TestClient) -> None:
    first = {
        "approval": "manual",
        "guards": {"retention": {"mode": "warn", "margin": 0.2}, "alpha": 0.1},
        "policy": "rewrite",
        "trust": {"mail/ceo*": "auto", "mail/*": "quarantine", "*": "review"},
        "scrub": True,
        "teaches_policy": False,
    }
    assert client.put(f"{PATH}/default", json=first).json()["settings"] == first
    kept = stores.collections.settings("default")
    assert list(kept.trust) == ["mail/ceo*", "mail/*", "*"], "the first that matches decides"
    assert [kept.trust_of(s) for s in ("mail/ceo/1", "mail/eve", "wiki", None)] == [
        "auto",
        "quarantine",
        "review",
        "review",
    ]
    assert client.put(f"{PATH}/default", json={"scrub": True}).json()["settings"] == {**DEFAULTS, "scrub": True}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"approvals": "auto"}, "approvals", "unknown_field"),
        ({"approval": "perhaps"}, "approval", "invalid_value"),
        ({"guards": {"retention": {"mode": "never"}}}, "guards.retention.mode", "invalid_value"),
        ({"guards": {"retention": {"max_drop": 0.1}}}, "guards.retention.max_drop", "unknown_field"),
        ({"guards": {"taste": {}}}, "guards.taste", "unknown_field"),
        ({"guards": {"alpha": 2}}, "guards.alpha", "invalid_value"),
        ({"guards": []}, "guards", "invalid_type"),
        ({"policy": "../none"}, "policy", "invalid_value"),
        ({"policy": "learned@7"}, "policy", "invalid_value"),
        ({"policy": "configuration"}, "policy", "invalid_value"),
        ({"trust": {"mail/*": "never"}}, "trust.mail/*", "invalid_value"),
        ({"trust": {"": "auto"}}, "trust", "invalid_value"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    stores: Stores, client: TestClient, body: dict[str, Any], param: str, code: str
) -> None:
    got = client.put(f"{PATH}/default", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (422, param, code)
    assert client.get(f"{PATH}/default").json()["settings"] == DEFAULTS


def test_a_learned_policy_writes_for_a_collection_if_it_ever_won(stores: Stores, client: TestClient) -> None:
    won, waits = winner(stores), candidate(stores)
    assert client.put(f"{PATH}/fresh", json={"policy": won.label}).json()["settings"]["policy"] == "learned@1"
    refused = client.put(f"{PATH}/fresh", json={"policy": waits.label})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "policy")
    assert stores.collections.settings("fresh").policy == "learned@1"


def test_names(stores: Stores, client: TestClient) -> None:
    assert client.put(f"{PATH}/No%20Name", json={}).json()["error"]["param"] == "collection"
    got = client.get(f"{PATH}/nobody")
    assert (got.status_code, got.json()["error"]["code"]) == (404, "not_found")
    assert [c["name"] for c in client.get(PATH).json()["data"]] == ["default", "fresh"]


def test_a_policy_of_tasks_never_writes_for_a_collection(stores: Stores, client: TestClient) -> None:
    won = winning(stores)
    for name in ("configuration", won.label):
        refused = client.put(f"{PATH}/fresh", json={"policy": name})
        assert (refused.status_code, refused.json()["error"]["param"]) == (422, "policy")
        assert "writes configurations of tasks, not self-edits" in refused.json()["error"]["message"]
    assert stores.collections.settings("fresh").policy is None

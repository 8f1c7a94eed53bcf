from __future__ import annotations

import pytest

from seald.config import Recipe
from seald.domain.adapter import AdapterStatus, Manifest
from seald.domain.verdict import Verdict


@pytest.fixture
def lineage(world):
    world.adapters.add(1)
    world.adapters.add(2, parent=1, replaces=1, live=True)
    world.adapters.add(3, AdapterStatus.REJECTED, parent=None, replaces=2)
    world.adapters.add(1, collection="pumps", live=True)
    return world.adapters


@pytest.fixture
def manifest(world, lineage) -> Manifest:
    about = {"seald": "0.0.1", "collection": "default", "version": 2, "parent": 1, "adaptation": "adaptation-2"}
    base = {
        "base_model": "tiny",
        "base_sha256": "0" * 64,
        "documents": ("doc-1",),
        "ledger": (1, 9),
        "policy": "default",
    }
    manifest = Manifest(
        **about, **base, files={}, recipe=Recipe(), seed=0, figures={}, canaries=(), created="2026-01-02"
    )
    folder = world.files.folder("default", 2)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return manifest


def test_lists(client, lineage) -> None:
    everything = client.get("/v1/adapters").json()
    assert [a["id"] for a in everything["data"]] == ["default@1", "default@2", "default@3", "pumps@1"]
    one = client.get("/v1/adapters/default").json()
    assert [(a["version"], a["live"], a["status"], a["parent"], a["replaces"]) for a in one["data"]] == [
        (1, False, "approved", None, None),
        (2, True, "approved", 1, 1),
        (3, False, "rejected", None, 2),
    ]
    assert (one["object"], one["has_more"]) == ("list", False)


def test_a_version_with_its_manifest_and_verdicts(world, client, manifest) -> None:
    world.adapters.found["default", 2] = [
        Verdict(guard="integrity", verdict="pass", figures={"norm": 2.5}, reason="sane")
    ]
    got = client.get("/v1/adapters/default/2").json()
    assert got["manifest"] == manifest.model_dump(mode="json")
    assert got["verdicts"][0]["figures"] == {"norm": 2.5}
    assert (got["verified"], got["verify_error"]) == (None, None)


def test_a_version_without_files(client, lineage) -> None:
    assert client.get("/v1/adapters/default/1").json()["manifest"] is None
    got = client.get("/v1/adapters/default/1?verify=true").json()
    assert (got["verified"], got["verify_error"]) == (False, "there is no folder")


def test_verify(world, client, manifest) -> None:
    got = client.get("/v1/adapters/default/2?verify=true").json()
    assert (got["verified"], got["verify_error"], got["manifest"]["version"]) == (True, None, 2)
    world.files.broken = True
    got = client.get("/v1/adapters/default/2?verify=true").json()
    assert got["verified"] is False
    assert "not what its manifest says" in got["verify_error"]
    assert got["manifest"]["version"] == 2


@pytest.mark.parametrize(
    "path",
    ["nobody", "nobody/1", "default/9", "default/x", "default/0", "default/99999999999999999999", "..%2f..%2fetc/1"],
)
def test_what_is_not_there(client, lineage, path) -> None:
    got = client.get(f"/v1/adapters/{path}")
    assert (got.status_code, got.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("body", "to", "live"),
    [
        (None, 1, "default@1"),
        ({}, 1, "default@1"),
        ({"to": 0, "reason": "wrong answers"}, 0, "base"),
        ({"to": 1}, 1, "default@1"),
    ],
)
def test_rollback(client, lineage, body, to, live) -> None:
    got = (
        client.post("/v1/adapters/default/rollback", json=body)
        if body is not None
        else client.post("/v1/adapters/default/rollback")
    )
    assert got.status_code == 200
    seconds = got.json().pop("seconds")
    assert got.json() | {"seconds": 0} == {
        "object": "rollback",
        "collection": "default",
        "from": 2,
        "to": to,
        "live": live,
        "seconds": 0,
    }
    assert 0 <= seconds < 1
    assert (lineage.live("default") or None) == (lineage.get("default", to) if to else None)


def test_rollback_hands_on_the_reason(client, lineage) -> None:
    client.post("/v1/adapters/default/rollback", json={"reason": "wrong answers"})
    assert lineage.reasons == ["wrong answers"]


@pytest.mark.parametrize(
    ("collection", "body", "status", "param", "code"),
    [
        ("nobody", {}, 404, "collection", "not_found"),
        ("default", {"to": 9}, 404, None, "not_found"),
        ("default", {"to": "1"}, 422, "to", "invalid_type"),
        ("default", {"to": True}, 422, "to", "invalid_type"),
        ("default", {"to": -1}, 422, "to", "invalid_value"),
        ("default", {"version": 1}, 422, "version", "unknown_field"),
        ("default", [1], 422, None, "invalid_type"),
    ],
)
def test_bad_rollbacks_move_nothing(client, lineage, collection, body, status, param, code) -> None:
    got = client.post(f"/v1/adapters/{collection}/rollback", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert lineage.live("default").version == 2


def test_nothing_to_go_back_to(client, lineage) -> None:
    client.post("/v1/adapters/default/rollback", json={"to": 0})
    got = client.post("/v1/adapters/default/rollback")
    assert (got.status_code, got.json()["error"]["code"]) == (409, "conflict")


@pytest.fixture
def tasks(lineage):
    """Tasks whose names can be taken for something else."""
    for name in ("turn", "42", "1", "watches"):
        lineage.add(1, collection=f"task/{name}")
        lineage.add(2, collection=f"task/{name}", replaces=1, live=True)
    return lineage


@pytest.mark.parametrize("name", ["turn", "42", "1", "watches"])
def test_versions_of_tasks(world, client, tasks, name) -> None:
    got = client.get(f"/v1/adapters/task/{name}").json()
    assert [v["id"] for v in got["data"]] == [f"task/{name}@1", f"task/{name}@2"]
    assert client.get(f"/v1/adapters/task/{name}/2").json()["id"] == f"task/{name}@2"
    assert client.get(f"/v1/adapters/task%2F{name}/2?verify=true").json()["verified"] is False
    assert client.get(f"/v1/adapters/task/{name}/watches").json()["data"] == []
    assert client.get(f"/v1/adapters/task/{name}/3").status_code == 404
    done = client.post(f"/v1/adapters/task/{name}/rollback", json={"to": 1}).json()
    assert (done["collection"], done["from"], done["live"]) == (f"task/{name}", 2, f"task/{name}@1")


def test_a_collection_of_that_name_goes_first(world, client, tasks) -> None:
    tasks.add(1, collection="task", live=True)
    assert client.get("/v1/adapters/task/1").json()["id"] == "task@1"
    assert client.get("/v1/adapters/task/watches").json()["data"] == []
    assert [v["id"] for v in client.get("/v1/adapters/task").json()["data"]] == ["task@1"]
    # It has no such version: only the task can be meant.
    assert [v["id"] for v in client.get("/v1/adapters/task/42").json()["data"]] == ["task/42@1", "task/42@2"]
    assert client.get("/v1/adapters/task/1/2").json()["id"] == "task/1@2"
    assert client.post("/v1/adapters/task/rollback", json={"to": 0}).json()["collection"] == "task"


def test_they_stand_in_the_list_of_all(client, tasks) -> None:
    ids = [v["id"] for v in client.get("/v1/adapters").json()["data"]]
    assert ids[:4] == ["default@1", "default@2", "default@3", "pumps@1"]
    assert "task/turn@2" in ids


@pytest.mark.parametrize(
    "path", ["task/nobody", "task/nobody/1", "task/Turn", "task/turn/x", "task/turn/0", "task/turn/2/3", "task"]
)
def test_what_no_task_has(client, tasks, path) -> None:
    got = client.get(f"/v1/adapters/{path}")
    assert (got.status_code, got.json()["error"]["type"]) == (404, "not_found_error")


def test_rolling_back_what_no_task_is(client, tasks) -> None:
    assert client.post("/v1/adapters/task/nobody/rollback").json()["error"]["param"] == "collection"


def test_the_metrics_count_by_route_not_by_name(client, tasks) -> None:
    client.get("/v1/adapters/task/turn")
    said = client.get("/metrics").text
    assert 'route="/v1/adapters/{collection}"' in said
    assert "turn" not in said

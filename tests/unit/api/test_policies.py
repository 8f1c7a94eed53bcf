from __future__ import annotations

import pytest

from seald.config import Recipe
from seald.domain.adapter import AdapterStatus
from seald.domain.episode import Episode
from seald.domain.policy import MixedForm, OtherWriter, Policy
from seald.domain.policy_version import PolicyManifest
from seald.domain.retraining import RetrainingStatus as S

PATH = "/v1/policies"
FIGURES = {"round": 2, "policy": "learned@1", "reward": {"mean": 0.4, "low": 0.2, "high": 0.6}, "agreement": None}
IDS = ("default", "learned@1", "learned@2")
TOURNAMENT = {"verdict": "won", "reason": "better than all", "standings": [], "duels": []}


@pytest.fixture
def lineage(world):
    figures = {"rounds": [{**FIGURES, "round": 1}, FIGURES], "tournament": TOURNAMENT}
    world.retrainings.add("rtr-1", S.PROMOTED, round=2, version=2, figures=figures)
    writer = OtherWriter(url="http://10.0.0.5:8000/v1", model="big", key_env="BIG_KEY")
    by_another = Policy(version="learned@2", description="Learned.", mix=(MixedForm(form="rewrite"),), writer=writer)
    world.policies.add(1, AdapterStatus.REJECTED)
    world.policies.add(2, parent=1, round=2, policy=by_another, figures=FIGURES, live=True)
    return world.policies


@pytest.fixture
def manifest(world, lineage) -> PolicyManifest:
    version = lineage.get(2)
    about = {"seald": "0.0.1", "version": 2, "parent": 1, "retraining": "rtr-1", "round": 2, "policy": version.policy}
    base = {"files": {}, "base_model": "tiny", "base_sha256": "0" * 64, "recipe": Recipe(), "seed": 0}
    manifest = PolicyManifest(**about, **base, documents=(), figures={}, created="2026-01-02")
    world.policy_files.write(manifest)
    return manifest


def test_seed_policies_come_before_the_learned_ones(client, lineage) -> None:
    got = client.get(PATH).json()
    kinds = [policy["kind"] for policy in got["data"]]
    ids = [policy["id"] for policy in got["data"]]
    assert (got["object"], got["has_more"], kinds) == ("list", False, ["seed"] * (len(ids) - 2) + ["learned"] * 2)
    assert {"default", "none", "rewrite"} < set(ids)
    assert [policy["id"] for policy in got["data"] if policy["live"]] == ["configuration", "learned@2"]


def test_the_configured_seed_policy_is_live_where_no_learned_one_is(client, lineage) -> None:
    client.post(f"{PATH}/rollback", json={"to": 0})
    assert [p["id"] for p in client.get(PATH).json()["data"] if p["live"]] == ["configuration", "default"]
    assert client.get(f"{PATH}/default").json()["live"]
    assert not client.get(f"{PATH}/rewrite").json()["live"]


def test_the_whole_object(client, lineage) -> None:
    seed, first, second = (next(p for p in client.get(PATH).json()["data"] if p["id"] == id) for id in IDS)
    assert second == {
        "id": "learned@2",
        "object": "policy",
        "kind": "learned",
        "subject": "passage",
        "live": True,
        "status": "approved",
        "parent": "learned@1",
        "round": 2,
        "retraining": "rtr-1",
        "description": "Learned.",
        "mix": [{"form": "rewrite", "samples": 1}],
        "writer": {"url": "http://10.0.0.5:8000/v1", "model": "big"},
        "rewards": FIGURES,
        "created": 1767355200,
    }
    assert (first["parent"], first["status"], first["writer"]) == ("default", "rejected", None)
    assert seed["mix"][0] == {"form": "none", "samples": 1}
    assert {name for name, value in seed.items() if value is None} == {
        "status",
        "parent",
        "round",
        "retraining",
        "writer",
        "rewards",
        "created",
    }


@pytest.mark.parametrize("name", ["learned@2", "2"])
def test_a_learned_policy_with_all_that_vouches_for_it(client, manifest, name) -> None:
    got = client.get(f"{PATH}/{name}").json()
    assert got["id"] == "learned@2"
    assert got["manifest"] == manifest.model_dump(mode="json")
    assert [round["round"] for round in got["rounds"]] == [1, 2]
    assert got["tournament"] == TOURNAMENT
    assert (got["verified"], got["examples"]) == (None, [])


def test_only_what_fought_in_the_tournament_shows_it(client, lineage) -> None:
    got = client.get(f"{PATH}/1").json()
    assert (got["tournament"], got["manifest"], len(got["rounds"])) == (None, None, 2)


def test_a_run_that_ended_early_has_no_figures(world, client) -> None:
    world.retrainings.add("rtr-1", S.FAILED, version=1)
    world.policies.add(1, AdapterStatus.CANDIDATE, sha256=None)
    got = client.get(f"{PATH}/1").json()
    assert (got["rewards"], got["rounds"], got["tournament"], got["examples"]) == ({}, [], None, [])


def test_verify(world, client, manifest) -> None:
    got = client.get(f"{PATH}/2?verify=true").json()
    assert (got["verified"], got["verify_error"], got["manifest"]["version"]) == (True, None, 2)
    world.policy_files.broken = True
    got = client.get(f"{PATH}/2?verify=true").json()
    assert (got["verified"], got["manifest"]["version"]) == (False, 2)
    assert "not what its manifest says" in got["verify_error"]
    assert client.get(f"{PATH}/1?verify=true").json()["verify_error"] == "there is no folder"


def test_the_best_of_what_it_learned_from(world, client, lineage) -> None:
    contexts = [world.retrainings.teach("rtr-1", title) for title in ("Bell tower", "Harbour")]
    about = {"retraining_id": "rtr-1", "round": 2, "policy": "learned@1", "form": "rewrite", "prompt": "Write."}

    def episode(sample: int, reward: float, *, learned: bool = True, context: str = contexts[0].id) -> Episode:
        row = {**about, "context_id": context, "sample": sample, "raw": f"text {sample}"}
        return Episode(**row, reward=reward, learned=learned)

    world.episodes.put([episode(n, n / 10) for n in range(6)])
    world.episodes.put([episode(6, 0.9, context=contexts[1].id), episode(7, 0.95, context="ctx-gone")])
    world.episodes.put([episode(8, 1.0, learned=False)])
    got = client.get(f"{PATH}/2").json()["examples"]
    assert got[0] == {"context": None, "form": "rewrite", "reward": 0.95, "raw": "text 7"}
    assert [(each["context"], each["raw"]) for each in got[1:]] == [
        ("Harbour", "text 6"),
        ("Bell tower", "text 5"),
        ("Bell tower", "text 4"),
        ("Bell tower", "text 3"),
    ]


@pytest.mark.parametrize(
    "name",
    ["nobody", "9", "0", "learned@9", "learned@", "learned@01", "99999999999", "9999999999", "٣", "..", "..%2fREADME"],
)
def test_what_is_not_there(client, lineage, name) -> None:
    got = client.get(f"{PATH}/{name}")
    assert (got.status_code, got.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("body", "to", "live"),
    [(None, 1, "learned@1"), ({}, 1, "learned@1"), ({"to": 0, "reason": "worse"}, 0, "default")],
)
def test_rollback(client, lineage, body, to, live) -> None:
    got = client.post(f"{PATH}/rollback", **({"json": body} if body is not None else {}))
    seconds = got.json().pop("seconds")
    assert {**got.json(), "seconds": 0} == {
        "object": "policy.rollback",
        "from": 2,
        "to": to,
        "live": live,
        "seconds": 0,
    }
    assert 0 <= seconds < 1
    assert lineage.reasons == [(body or {}).get("reason")]


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"to": 9}, 404, None, "not_found"),
        ({"to": True}, 422, "to", "invalid_type"),
        ({"version": 1}, 422, "version", "unknown_field"),
    ],
)
def test_bad_rollbacks_move_nothing(client, lineage, body, status, param, code) -> None:
    got = client.post(f"{PATH}/rollback", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert lineage.live().version == 2


def test_a_writers_address_holds_no_key() -> None:
    for url in ("http://me:secret@host/v1", "https://host/v1?key=secret"):
        with pytest.raises(ValueError, match="url"):
            OtherWriter(url=url, model="big")
    assert OtherWriter(url="http://[::1]:8000/v1", model="big").url.endswith("/v1")


def of_tasks(number: int) -> Policy:
    return Policy(version=f"learned@{number}", subject="task", mix=(MixedForm(form="configuration"),))


def test_policies_of_tasks_have_a_pointer_of_their_own(client, lineage) -> None:
    lineage.add(3, policy=of_tasks(3))
    lineage.add(4, policy=of_tasks(4), parent=3, live=True)
    listed = {policy["id"]: policy for policy in client.get(PATH).json()["data"]}
    assert {id for id, policy in listed.items() if policy["live"]} == {"learned@2", "learned@4"}
    assert {id for id, policy in listed.items() if policy["subject"] == "task"} == {
        "configuration",
        "learned@3",
        "learned@4",
    }
    assert listed["learned@3"]["parent"] == "configuration"
    assert not client.get(f"{PATH}/configuration").json()["live"]
    done = client.post(f"{PATH}/rollback", json={"subject": "task"}).json()
    assert (done["from"], done["to"], done["live"]) == (4, 3, "learned@3")
    done = client.post(f"{PATH}/rollback", json={"to": 4}).json()
    assert (done["from"], done["live"]) == (3, "learned@4"), "which pointer it is, the version says"
    done = client.post(f"{PATH}/rollback", json={"to": 0, "subject": "task"}).json()
    assert (done["live"], lineage.live().version) == ("configuration", 2)
    assert client.get(f"{PATH}/configuration").json()["live"]
    refused = client.post(f"{PATH}/rollback", json={"subject": "song"}).json()["error"]
    assert (refused["param"], refused["code"]) == ("subject", "invalid_value")

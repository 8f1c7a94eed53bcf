from __future__ import annotations


def test_models_are_openais_shape_with_the_version(world, client) -> None:
    world.adapters.add(3)
    got = client.get("/v1/models").json()
    assert got["object"] == "list"
    assert got["data"][0] == {
        "id": "seald",
        "object": "model",
        "created": 1767355200,
        "owned_by": "seald",
        "adapter": "default@3",
    }
    assert [(m["id"], m["created"]) for m in got["data"][1:]] == [("base", 0), ("seald:default@3", 1767355200)]


def test_one_model_by_an_id_with_colon_and_at(client) -> None:
    assert client.get("/v1/models/seald:default@3").json()["id"] == "seald:default@3"
    assert client.get("/v1/models/seald%3Adefault%403").json()["adapter"] == "default@3"


def test_an_unknown_model(client) -> None:
    got = client.get("/v1/models/gpt-4")
    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")


def test_models_of_tasks(world, client) -> None:
    world.adapters.add(4, collection="task/turn")
    ids = [("seald:task/turn", "task/turn@4"), ("seald:task/turn@4", "task/turn@4")]
    world.gateway.model_ids = lambda: ids
    assert [(m["id"], m["adapter"], m["created"]) for m in client.get("/v1/models").json()["data"]] == [
        (*pair, 1767355200) for pair in ids
    ]
    for path in ("seald:task/turn@4", "seald%3Atask%2Fturn%404"):
        assert client.get(f"/v1/models/{path}").json()["id"] == "seald:task/turn@4"
    assert client.get("/v1/models/seald:task/nobody").json()["error"]["code"] == "model_not_found"

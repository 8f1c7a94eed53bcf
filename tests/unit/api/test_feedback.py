from __future__ import annotations

import json

import pytest

from seald.domain.watch import Watch
from tests.unit.api.memory import NOON

CHAT = "/v1/chat/completions"
HELLO = {"model": "seald", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def answered(world, client) -> str:
    """The id of a request that default@3 answered."""
    world.adapters.add(3, live=True)
    world.gateway.script.body = json.dumps({"choices": []}).encode()
    return client.post(CHAT, json=HELLO).headers["x-request-id"]


def rate(client, id: str, rating: object = 1, **more: object):
    return client.post("/v1/feedback", json={"request_id": id, "rating": rating, **more})


def test_an_answer_is_rated_and_counted_for_its_version(client, answered) -> None:
    got = rate(client, answered, -1, comment="the year is wrong")
    assert got.status_code == 201
    assert got.json() == {
        "object": "feedback",
        "request_id": answered,
        "rating": -1,
        "adapter": "default@3",
        "collection": "default",
        "version": 3,
    }
    assert client.get("/v1/adapters/default/3").json()["feedback"] == {"up": 0, "down": 1}
    assert client.get("/v1/adapters/default").json()["data"][0]["feedback"] == {"up": 0, "down": 1}
    assert 'seald_feedback_total{collection="default",rating="down"} 1.0' in client.get("/metrics").text
    (listed,) = client.get("/v1/feedback?collection=default").json()["data"]
    assert (listed["id"], listed["comment"], listed["rating"]) == ("1", "the year is wrong", -1)


def test_rated_again_it_is_replaced(client, answered) -> None:
    rate(client, answered, -1, comment="wrong")
    assert rate(client, answered, 1).status_code == 200
    assert client.get("/v1/adapters/default/3").json()["feedback"] == {"up": 1, "down": 0}
    assert [item["comment"] for item in client.get("/v1/feedback").json()["data"]] == [None]


def test_the_clients_own_request_id_of_a_stream_can_be_rated(world, client) -> None:
    world.gateway.script.lines = ['data: {"choices": []}', "", "data: [DONE]", ""]
    client.post(CHAT, json={**HELLO, "model": "base", "stream": True}, headers={"x-request-id": "mine-1"})
    got = rate(client, "mine-1").json()
    assert (got["adapter"], got["collection"], got["version"]) == ("base", None, None)


def test_what_was_refused_or_embedded_cannot_be_rated(world, client) -> None:
    client.post(CHAT, json={**HELLO, "model": "gpt-4"}, headers={"x-request-id": "refused"})
    world.gateway.script.body = b'{"data": []}'
    client.post("/v1/embeddings", json={"model": "base", "input": "x"}, headers={"x-request-id": "embedded"})
    world.gateway.script.status = 400
    client.post(CHAT, json=HELLO, headers={"x-request-id": "bad"})
    for id in ("refused", "embedded", "bad", "nobodys"):
        error = rate(client, id).json()["error"]
        assert (error["code"], error["param"]) == ("unknown_request", "request_id")
    assert rate(client, "nobodys").status_code == 404


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"rating": 0}, "rating", "invalid_value"),
        ({"rating": 2}, "rating", "invalid_value"),
        ({"rating": "up"}, "rating", "invalid_value"),
        ({"rating": True}, "rating", "invalid_value"),
        ({"rating": 1.0}, "rating", "invalid_value"),
        ({"comment": "x" * 2001}, "comment", "invalid_value"),
        ({"request_id": ""}, "request_id", "invalid_value"),
        ({"stars": 5}, "stars", "unknown_field"),
    ],
)
def test_a_bad_rating_leaves_nothing(world, client, answered, change, param, code) -> None:
    got = client.post("/v1/feedback", json={"request_id": answered, "rating": 1, **change})
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (422, param, code)
    assert world.feedback.rows == {}


def test_watches_are_listed(world, client) -> None:
    world.adapters.add(1, live=True)
    for n in range(3):
        about = {"collection": "default", "version": 1, "outcome": "kept", "action": "none", "reason": f"look {n}"}
        world.watches.add(Watch(**about, figures={"general": {"n": 60}}, probes={"probe-1": 1}, at=NOON))
    page = client.get("/v1/adapters/default/watches?limit=2").json()
    assert (page["object"], page["has_more"]) == ("list", True)
    assert [w["reason"] for w in page["data"]] == ["look 0", "look 1"]
    assert "probes" not in page["data"][0]
    rest = client.get(f"/v1/adapters/default/watches?after={page['data'][-1]['id']}").json()
    assert [w["reason"] for w in rest["data"]] == ["look 2"]
    assert client.get("/v1/adapters/nobody/watches").status_code == 404

from __future__ import annotations

import asyncio
import json

import pytest

from seald.domain.retraining import RetrainingStatus as S

PATH = "/v1/retrainings"
CONTEXTS = [
    {"title": f"Place {n}", "context": f"Place {n} is old.", "questions": [{"question": "How is it?", "answer": "old"}]}
    for n in range(4)
]


def test_a_retraining_is_queued_once(world, client) -> None:
    got = client.post("/v1/policies/retrain", json={"rounds": 3, "contexts": 5, "samples": 2, "writer": "gpt"})
    assert got.status_code == 202
    assert got.json() == {
        "id": "rtr-1",
        "object": "retraining",
        "status": "queued",
        "round": 1,
        "rounds": 3,
        "samples": 2,
        "contexts": 5,
        "subject": "passage",
        "writer": "gpt",
        "incumbent": None,
        "version": None,
        "figures": {},
        "error": None,
        "created": 1767355200,
        "finished": None,
    }
    again = client.post("/v1/policies/retrain")
    assert (again.status_code, again.json()) == (200, got.json())
    assert world.woken == 2
    world.retrainings.move("rtr-1", S.QUEUED, S.FAILED)
    assert client.post("/v1/policies/retrain").json()["id"] == "rtr-2"


def test_contexts_that_were_sent_along_are_kept_and_not_said_again(world, client) -> None:
    got = client.post(
        "/v1/policies/retrain", json={"contexts": [{**CONTEXTS[0], "edits": {"a": ["b"]}}, *CONTEXTS[1:]]}
    )
    assert (got.status_code, got.json()["contexts"]) == (202, 4)
    assert "Place 1" not in got.text
    given = world.retrainings.get("rtr-1").spec.given
    assert [context.title for context in given] == [f"Place {n}" for n in range(4)]
    assert given[0].edits == {"a": ("b",)}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"rounds": 0}, "rounds", "invalid_value"),
        ({"rounds": True}, "rounds", "invalid_type"),
        ({"samples": "4"}, "samples", "invalid_type"),
        ({"contexts": 1}, "contexts", "invalid_value"),
        ({"contexts": CONTEXTS[:3]}, "contexts", "invalid_value"),
        ({"contexts": [*CONTEXTS, CONTEXTS[0]]}, "contexts", "invalid_value"),
        ({"contexts": [*CONTEXTS[:3], {**CONTEXTS[3], "title": 5}]}, "contexts.3.title", "invalid_type"),
        ({"contexts": [*CONTEXTS[:3], {**CONTEXTS[3], "document": "doc-1"}]}, "contexts", "invalid_value"),
        ({"contexts": [*CONTEXTS[:3], {**CONTEXTS[3], "more": 1}]}, "contexts.3.more", "unknown_field"),
        ({"writer": ""}, "writer", "invalid_value"),
        ({"policy": "default"}, "policy", "unknown_field"),
        ([1], None, "invalid_type"),
    ],
)
def test_bad_requests_queue_nothing(world, client, body, param, code) -> None:
    got = client.post("/v1/policies/retrain", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (422, param, code)
    assert (world.retrainings.rows, world.woken) == ({}, 0)


def test_nothing_new_while_the_daemon_stops(world, client) -> None:
    world.draining = True
    got = client.post("/v1/policies/retrain")
    assert (got.status_code, got.json()["error"]["code"]) == (503, "draining")
    assert world.retrainings.rows == {}


def test_lists_and_one(world, client) -> None:
    world.retrainings.add("rtr-1", S.REFUSED, incumbent=2, version=3, error={"code": "not_better", "message": "no"})
    world.retrainings.add("rtr-2", S.SCORING, round=2, figures={"rounds": [{"round": 1, "reward": float("nan")}]})
    page = client.get(PATH, params={"limit": 1}).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (["rtr-1"], True)
    assert [each["id"] for each in client.get(PATH, params={"after": "rtr-1"}).json()["data"]] == ["rtr-2"]
    first, second = (client.get(f"{PATH}/rtr-{n}").json() for n in (1, 2))
    assert (first["incumbent"], first["version"], first["error"]["code"]) == ("learned@2", "learned@3", "not_better")
    assert (second["status"], second["round"]) == ("scoring", 2)
    assert second["figures"] == {"rounds": [{"round": 1, "reward": None}]}
    assert client.get(f"{PATH}/rtr-9").status_code == 404
    assert client.get(PATH, params={"after": "rtr-9"}).json()["error"]["param"] == "after"


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [(S.QUEUED, 200, S.CANCELLED), (S.SCORING, 200, S.SCORING), (S.FAILED, 409, S.FAILED)],
)
def test_cancel(world, client, before, status, after) -> None:
    world.retrainings.add("rtr-1", before)
    got = client.post(f"{PATH}/rtr-1/cancel")
    assert (got.status_code, world.retrainings.get("rtr-1").status) == (status, after)
    assert world.woken == (status == 200)
    assert world.retrainings.get("rtr-1").cancel_requested == (before is S.SCORING)


def test_events_as_a_list(world, client) -> None:
    world.retrainings.add("rtr-1")
    world.retrainings.note("rtr-1", "sampled", {"episodes": 4})
    got = client.get(f"{PATH}/rtr-1/events", params={"limit": 1}).json()
    assert got["has_more"]
    assert got["data"] == [{"seq": 1, "at": 1767355200.0, "type": "status", "data": {"status": "queued"}}]
    assert client.get(f"{PATH}/rtr-1/events", params={"after": 1}).json()["data"][0]["data"] == {"episodes": 4}
    assert client.get(f"{PATH}/rtr-9/events").status_code == 404


def test_the_stream_goes_on_through_the_rounds_and_ends_with_the_run(world, calling) -> None:
    world.retrainings.add("rtr-1", S.SAMPLING)

    async def scenario() -> bytes:
        caller = calling("GET", f"{PATH}/rtr-1/events", accept="text/event-stream")
        running = asyncio.create_task(caller.run())
        for before, after in ((S.SAMPLING, S.SCORING), (S.SCORING, S.LEARNING), (S.LEARNING, S.JUDGING)):
            world.retrainings.move("rtr-1", before, after)
            while f'"{after}"'.encode() not in caller.body:
                await asyncio.sleep(0.01)
            assert not running.done()
        world.retrainings.move("rtr-1", S.JUDGING, S.REFUSED)
        await running
        return caller.body

    sent = asyncio.run(scenario()).decode().strip().split("\n\n")
    fields = dict(line.split(": ", 1) for line in sent[-1].splitlines())
    assert (fields["id"], fields["event"], json.loads(fields["data"])["data"]) == ("5", "status", {"status": "refused"})


def test_the_status_says_which_policy_writes(client) -> None:
    assert client.get("/v1/status").json()["policy"] == {"live": "default", "retraining": None}


PAIRS = [{"input": word, "output": word[::-1]} for word in ("apple", "river", "stone", "cloud")]
TASKS = [{"title": f"Task {n}", "examples": PAIRS[:2], "test": PAIRS[2:]} for n in range(4)]


def test_tasks_are_sent_along_as_passages_are(world, client) -> None:
    got = client.post("/v1/policies/retrain", json={"contexts": TASKS})
    assert (got.status_code, got.json()["subject"], got.json()["contexts"]) == (202, "task", 4)
    assert {context.subject for context in world.retrainings.get("rtr-1").spec.given} == {"task"}
    world.retrainings.move("rtr-1", S.QUEUED, S.FAILED)
    assert client.post("/v1/policies/retrain", json={"subject": "task"}).json()["subject"] == "task"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"contexts": [*TASKS[:2], *CONTEXTS[:2]]}, "contexts", "mixed_contexts"),
        ({"contexts": TASKS, "subject": "passage"}, "contexts", "mixed_contexts"),
        ({"subject": "song"}, "subject", "invalid_value"),
        ({"contexts": [*TASKS[:3], {**TASKS[3], "test": PAIRS[2:3]}]}, "contexts.3", "invalid_value"),
        ({"contexts": [*TASKS[:3], {**TASKS[3], "context": "It is old."}]}, "contexts.3", "invalid_value"),
        ({"contexts": [*TASKS[:3], {**TASKS[3], "examples": [{"input": "a"}]}]}, "contexts.3.examples.0.output", None),
        ({"contexts": [*CONTEXTS[:3], {"title": "Place"}]}, "contexts.3", "invalid_value"),
    ],
)
def test_tasks_that_cannot_be_learned_from_queue_nothing(world, client, body, param, code) -> None:
    got = client.post("/v1/policies/retrain", json=body)
    error = got.json()["error"]
    assert (got.status_code in (400, 422), error["param"], error["code"]) == (True, param, code or error["code"])
    assert world.retrainings.rows == {}

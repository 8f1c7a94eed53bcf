from __future__ import annotations

import asyncio
import json

import pytest

from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.verdict import Verdict

BASE = "/v1/adaptations"


def test_the_whole_object(world, client) -> None:
    figures = {"loss": float("nan"), "accuracy": 0.75}
    world.adaptations.add("a-1", S.HELD, version=2, parent=1, figures=figures, error={"code": "c", "message": "m"})
    verdict = Verdict(guard="general", verdict="inconclusive", figures={"drop": 0.1}, reason="few")
    world.adapters.found["default", 2] = [verdict]
    assert client.get(f"{BASE}/a-1").json() == {
        "id": "a-1",
        "object": "adaptation",
        "kind": "learn",
        "status": "held",
        "collection": "default",
        "documents": ["doc-1"],
        "forgets": None,
        "version": 2,
        "parent": 1,
        "verdicts": [{"guard": "general", "verdict": "inconclusive", "figures": {"drop": 0.1}, "reason": "few"}],
        "figures": {"loss": None, "accuracy": 0.75},
        "error": {"code": "c", "message": "m"},
        "created": 1767355200,
        "finished": None,
        "explanation": {
            "summary": "default@2 is held: m. What was live before answers on.",
            "why": ["M.", "General (has it kept what the base model knew?): not shown. Few."],
            "next": [
                "`seald adaptations approve a-1` lets it go on all the same (POST /v1/adaptations/a-1/approve).",
                "`seald adaptations reject a-1` gives the candidate up (POST /v1/adaptations/a-1/reject).",
            ],
        },
    }


def test_lists_by_status(world, client) -> None:
    for n, status in enumerate([S.PROMOTED, S.HELD, S.PROMOTED]):
        world.adaptations.add(f"a-{n}", status)
    got = client.get(BASE, params={"status": "promoted", "limit": 1}).json()
    assert ([a["id"] for a in got["data"]], got["has_more"]) == (["a-0"], True)
    assert client.get(BASE, params={"status": "done"}).json()["error"]["param"] == "status"


@pytest.mark.parametrize(
    ("action", "before", "status", "after"),
    [
        ("approve", S.HELD, 200, S.PROMOTING),
        ("approve", S.PROMOTED, 409, S.PROMOTED),
        ("approve", S.TRAINING, 409, S.TRAINING),
        ("reject", S.HELD, 200, S.REJECTED),
        ("reject", S.REJECTED, 200, S.REJECTED),
        ("reject", S.TRAINING, 409, S.TRAINING),
        ("reject", S.PROMOTED, 409, S.PROMOTED),
        ("cancel", S.QUEUED, 200, S.CANCELLED),
        ("cancel", S.TRAINING, 200, S.TRAINING),
        ("cancel", S.PROMOTING, 409, S.PROMOTING),
    ],
)
def test_a_persons_word(world, client, action, before, status, after) -> None:
    world.adaptations.add("a-1", before, version=1)
    got = client.post(f"{BASE}/a-1/{action}")
    assert got.status_code == status
    assert world.adaptations.get("a-1").status is after
    if status == 200:
        assert (got.json()["id"], got.json()["status"]) == ("a-1", after)
        assert world.woken == (before is not after or action == "cancel")
    else:
        assert got.json()["error"]["code"] == "illegal_transition"
        assert world.woken == 0


@pytest.mark.parametrize(("action", "after"), [("approve", S.QUEUED), ("reject", S.REJECTED), ("cancel", S.CANCELLED)])
def test_a_persons_word_on_what_is_in_quarantine(world, client, action, after) -> None:
    world.adaptations.add("a-1", S.HELD, figures={"n": 1}, error={"code": "quarantined", "message": "look"})
    got = client.post(f"{BASE}/a-1/{action}").json()
    assert (got["status"], world.woken) == (after, 1)
    assert got["figures"].get("released", False) == (action == "approve")
    assert client.post(f"{BASE}/a-1/approve").status_code == 409


@pytest.mark.parametrize("action", ["approve", "reject", "cancel"])
def test_nothing_to_act_on(client, action) -> None:
    got = client.post(f"{BASE}/a-9/{action}")
    assert (got.status_code, got.json()["error"]["type"]) == (404, "not_found_error")


def test_events_as_a_list(world, client) -> None:
    world.adaptations.add("a-1")
    world.adaptations.note("a-1", "training", {"step": 1})
    got = client.get(f"{BASE}/a-1/events", params={"limit": 1}).json()
    assert got["has_more"]
    assert got["data"] == [{"seq": 1, "at": 1767355200.0, "type": "status", "data": {"status": "queued"}}]
    rest = client.get(f"{BASE}/a-1/events", params={"after": 1}).json()
    assert [event["type"] for event in rest["data"]] == ["training"]
    assert client.get(f"{BASE}/a-9/events").status_code == 404
    assert client.get(f"{BASE}/a-1/events", params={"after": -1}).json()["error"]["param"] == "after"


def test_the_stream_ends_with_the_adaptation(world, calling) -> None:
    world.adaptations.add("a-1")

    async def scenario() -> bytes:
        caller = calling("GET", f"{BASE}/a-1/events", accept="text/event-stream")
        running = asyncio.create_task(caller.run())
        while b"queued" not in caller.body:
            await asyncio.sleep(0.01)
        assert not running.done()
        world.adaptations.move("a-1", S.QUEUED, S.FAILED)
        await running
        return caller.body

    first, second = asyncio.run(scenario()).decode().strip().split("\n\n")
    fields = dict(line.split(": ", 1) for line in second.splitlines())
    assert "id: 1" in first
    assert (fields["id"], fields["event"]) == ("2", "status")
    assert json.loads(fields["data"]) == {"seq": 2, "at": 1767355200.0, "type": "status", "data": {"status": "failed"}}


def test_the_stream_goes_on_after_the_last_event_id(world, client) -> None:
    world.adaptations.add("a-1")
    world.adaptations.move("a-1", S.QUEUED, S.CANCELLED)
    headers = {"accept": "text/event-stream", "last-event-id": "1"}
    got = client.get(f"{BASE}/a-1/events", headers=headers)
    assert got.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in got.headers
    assert "queued" not in got.text
    assert "cancelled" in got.text


def test_a_long_stream_is_whole(world, client) -> None:
    world.adaptations.add("a-1")
    for step in range(450):
        world.adaptations.note("a-1", "training", {"step": step})
    world.adaptations.move("a-1", S.QUEUED, S.CANCELLED)
    got = client.get(f"{BASE}/a-1/events", headers={"accept": "text/event-stream"})
    assert got.text.count("event: ") == 452


def test_watchers_leave_when_they_hang_up_or_the_daemon_stops(world, calling) -> None:
    world.adaptations.add("a-1")

    async def scenario() -> None:
        callers = [calling("GET", f"{BASE}/a-1/events", accept="text/event-stream") for _ in range(2)]
        running = [asyncio.create_task(caller.run()) for caller in callers]
        await asyncio.sleep(0.05)
        callers[0].hang_up()
        await asyncio.wait_for(running[0], 0.3)
        assert not running[1].done()
        world.draining = True
        await running[1]

    asyncio.run(scenario())


def test_a_heartbeat_keeps_an_idle_stream_open(world, calling, monkeypatch) -> None:
    monkeypatch.setattr("seald.api.event_stream.HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr("seald.api.event_stream.POLL_SECONDS", 0.01)
    world.adaptations.add("a-1")

    async def scenario() -> None:
        caller = calling("GET", f"{BASE}/a-1/events", accept="text/event-stream")
        running = asyncio.create_task(caller.run())
        while b": heartbeat\n\n" not in caller.body:
            await asyncio.sleep(0.01)
        caller.hang_up()
        await running

    asyncio.run(asyncio.wait_for(scenario(), 5))

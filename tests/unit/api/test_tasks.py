"""`/v1/tasks` over the real stores; how tasks are learned and solved is scripted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from seald.api.app import create_app
from seald.config import Settings
from seald.domain.adaptation import Adaptation
from seald.domain.adaptation import AdaptationStatus as S
from seald.domain.task import Configuration, Marks, Practice, Solution, Solved, Task, TaskAsk, Tried, Value
from seald.errors import EngineUnavailable, InvalidRequest
from seald.store import Stores, open_stores
from tests.unit.api.conftest import World
from tests.unit.api.memory import NOON
from tests.unit.store.conftest import migrated
from tests.unit.store.test_tasks import TURNED, solving

__all__ = ["migrated"]
TASKS = "/v1/tasks"
TURN: dict[str, Any] = {"name": "turn", "examples": TURNED}
SHOUT: dict[str, Any] = {
    "name": "shout",
    "examples": [{"input": "so", "output": "SO"}, {"input": "be it", "output": "BE IT"}],
    "test": [{"input": "never", "output": "NEVER"}, {"input": "ever"}],
}


@dataclass
class Shop:
    """In the place of `pipeline.tasks`."""

    stores: Stores
    guess: dict[Value, tuple[Value, ...]] = field(default_factory=dict)
    down: bool = False
    too_large: str | None = None
    """The input that does not fit, by its place."""

    def submit(self, ask: TaskAsk) -> tuple[Task, Adaptation, bool]:
        return self.stores.tasks.add(Task.of(ask, NOON))

    def solve(self, task: Task, inputs: Sequence[Value]) -> Solved:
        if self.down:
            raise EngineUnavailable("no engine is ready")
        if self.too_large is not None:
            raise InvalidRequest(f"{self.too_large}: too many tokens", param=self.too_large)
        found = [(value, self.guess.get(value, ())) for value in inputs]
        solutions = [Solution(input=v, attempts=made, votes=(5, 3)[: len(made)], asked=8) for v, made in found]
        return Solved(adapter=f"{task.lineage}@1", solutions=tuple(solutions))

    def remove(self, task: Task, reason: str | None) -> None:
        self.stores.tasks.delete(task, reason)


@pytest.fixture
def shop(world: World, tmp_path: Path, migrated: Path) -> Iterator[Shop]:
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data")
    stores = open_stores(Settings(data_dir=tmp_path / "data"))
    shop = Shop(stores)
    calls = {"submit_task": shop.submit, "solve_task": shop.solve, "remove_task": shop.remove}
    kept = {name: getattr(stores, name) for name in ("adaptations", "adapters", "collections", "tasks")}
    world.app.state.services = replace(world.app.state.services, **calls, **kept)
    yield shop
    stores.close()


def nothing_left(shop: Shop) -> bool:
    adaptations = shop.stores.adaptations.page(collection=None, status=None, after=None, limit=1).data
    return shop.stores.tasks.page(collection=None, after=None, limit=1).data == [] and adaptations == []


def test_a_task_is_acknowledged_with_its_adaptation(world: World, shop: Shop, client: TestClient) -> None:
    got = client.post(TASKS, json={**TURN, "collection": "puzzles", "test": [{"input": [[7]]}]})
    assert got.status_code == 202
    task = shop.stores.tasks.get("turn")
    assert got.json() == {
        "id": task.id,
        "object": "task",
        "name": "turn",
        "kind": "grid",
        "collection": "puzzles",
        "model": "seald:task/turn",
        "examples": 2,
        "test": 1,
        "status": "queued",
        "adaptation": shop.stores.tasks.latest_adaptation(task).id,
        "version": None,
        "created": 1767355200,
    }
    assert world.woken == 1


def test_the_same_again_is_200_also_in_arcs_words(shop: Shop, client: TestClient) -> None:
    first, second = client.post(TASKS, json=TURN), client.post(TASKS, json=TURN)
    arcs = client.post(TASKS, json={"name": "turn", "train": TURNED, "test": []})
    assert (first.status_code, second.status_code, arcs.status_code) == (202, 200, 200)
    assert first.json() == second.json() == arcs.json()


def test_a_name_that_is_taken(shop: Shop, client: TestClient) -> None:
    client.post(TASKS, json=TURN)
    got = client.post(TASKS, json={**SHOUT, "name": "turn"})
    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (409, "name_taken", "name")


PAIR = TURNED[0]


@pytest.mark.parametrize(
    ("change", "status", "param", "code", "says"),
    [
        ({"name": ...}, 422, "name", "missing_field", "missing"),
        ({"name": "Turn"}, 422, "name", "invalid_value", "pattern"),
        ({"name": "a" * 59}, 422, "name", "invalid_value", "pattern"),
        ({"name": "a\n"}, 422, "name", "invalid_value", "pattern"),
        ({"name": 3}, 422, "name", "invalid_type", "string"),
        ({"examples": ...}, 422, "examples", "missing_field", "missing"),
        ({"examples": [PAIR]}, 422, "examples", "invalid_value", "at least 2"),
        ({"examples": [PAIR, PAIR]}, 422, "examples", "invalid_value", "different"),
        ({"examples": {}}, 422, "examples", "invalid_type", "tuple"),
        ({"examples": [PAIR, {**PAIR, "output": [[1]]}]}, 422, "examples", "invalid_value", "two outputs"),
        ({"examples": [PAIR, {"input": "a", "output": "b"}]}, 422, "examples", "invalid_value", "together"),
        ({"examples": [PAIR, {"input": [[1]]}]}, 422, "examples.1.output", "missing_field", "missing"),
        ({"examples": [PAIR, {**PAIR, "note": 1}]}, 422, "examples.1.note", "unknown_field", "not a field"),
        ({"examples": [PAIR, {**PAIR, "grid": 1}]}, 422, "examples.1.grid", "unknown_field", "not a field"),
        ({"text": 1}, 422, "text", "unknown_field", "not a field"),
        ({"examples": [PAIR, {**PAIR, "input": [[1, 2], [3]]}]}, 422, "examples.1.input", "invalid_value", "ragged"),
        ({"examples": [PAIR, {**PAIR, "input": [[10]]}]}, 422, "examples.1.input.0.0", "invalid_value", "less than 10"),
        ({"examples": [PAIR, {**PAIR, "input": [[-1]]}]}, 422, "examples.1.input.0.0", "invalid_value", "greater"),
        ({"examples": [PAIR, {**PAIR, "input": [[True]]}]}, 422, "examples.1.input.0.0", "invalid_type", "integer"),
        ({"examples": [PAIR, {**PAIR, "input": [[1.0]]}]}, 422, "examples.1.input.0.0", "invalid_type", "integer"),
        ({"examples": [PAIR, {**PAIR, "input": [["1"]]}]}, 422, "examples.1.input.0.0", "invalid_type", "integer"),
        ({"examples": [PAIR, {**PAIR, "input": []}]}, 422, "examples.1.input", "invalid_value", "at least 1"),
        ({"examples": [PAIR, {**PAIR, "input": [[]]}]}, 422, "examples.1.input.0", "invalid_value", "at least 1"),
        ({"examples": [PAIR, {**PAIR, "input": [[0] * 31]}]}, 422, "examples.1.input.0", "invalid_value", "at most 30"),
        ({"examples": [PAIR, {**PAIR, "input": [[0]] * 31}]}, 422, "examples.1.input", "invalid_value", "at most 30"),
        ({"examples": [PAIR, {**PAIR, "input": None}]}, 422, "examples.1.input", "invalid_type", "string"),
        ({"examples": [PAIR, {**PAIR, "input": 7}]}, 422, "examples.1.input", "invalid_type", "string"),
        ({"examples": [PAIR, {**PAIR, "input": " "}]}, 422, "examples.1.input", "invalid_value", "white space"),
        ({"test": [{"output": [[1]]}]}, 422, "test.0.input", "missing_field", "missing"),
        ({"test": [{"input": [[1], [1, 2]]}]}, 422, "test.0.input", "invalid_value", "ragged"),
        ({"test": [{"input": [[1]], "output": [[11]]}]}, 422, "test.0.output.0.0", "invalid_value", "less than 10"),
        ({"test": [{"input": "a"}]}, 422, "examples", "invalid_value", "together"),
        ({"kind": "text"}, 422, "examples", "invalid_value", "kind is 'text'"),
        ({"kind": "sound"}, 422, "kind", "invalid_value", "'text' or 'grid'"),
        ({"collection": "../etc"}, 400, "collection", "invalid_request", "a-z"),
        ({"collection": "task/turn"}, 400, "collection", "invalid_request", "a-z"),
        ({"collection": 3}, 422, "collection", "invalid_type", "string"),
        ({"train": TURNED}, 422, "train", "invalid_value", "another name of examples"),
        ({"examples": ..., "train": [PAIR]}, 422, "train", "invalid_value", "at least 2"),
        ({"examples": ..., "train": [PAIR, {**PAIR, "input": 1}]}, 422, "train.1.input", "invalid_type", "string"),
    ],
)
def test_bad_tasks_leave_nothing_behind(
    world: World,
    shop: Shop,
    client: TestClient,
    change: dict[str, Any],
    status: int,
    param: str,
    code: str,
    says: str,
) -> None:
    body = {name: value for name, value in {**TURN, **change}.items() if value is not ...}
    got = client.post(TASKS, json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert says in error["message"]
    assert param in error["message"]
    assert nothing_left(shop)
    assert world.woken == 0


def test_ten_thousand_examples(world: World, shop: Shop) -> None:
    app = create_app(replace(world.app.state.services, settings=Settings()))
    many = [{"input": f"a{n}", "output": f"b{n}"} for n in range(10_000)]
    with TestClient(app, base_url="http://127.0.0.1") as client:
        got = client.post(TASKS, json={"name": "many", "examples": many})
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (422, "examples", "invalid_value")
    assert "64" in error["message"]
    assert nothing_left(shop)


def test_lists_with_what_is_live(shop: Shop, client: TestClient) -> None:
    solving(shop.stores, Task.of(TaskAsk.model_validate(TURN), NOON))
    client.post(TASKS, json={**SHOUT, "collection": "words"})
    found = client.get(TASKS).json()
    shown = [(task["name"], task["status"], task["version"]) for task in found["data"]]
    assert shown == [("turn", "promoted", 1), ("shout", "queued", None)]
    assert (found["object"], found["has_more"]) == ("list", False)
    first = client.get(f"{TASKS}?limit=1").json()
    assert first["has_more"]
    for after in ("turn", first["data"][0]["id"]):
        assert [task["name"] for task in client.get(f"{TASKS}?after={after}").json()["data"]] == ["shout"]
    assert [task["name"] for task in client.get(f"{TASKS}?collection=words").json()["data"]] == ["shout"]
    for query in ("after=nobody", "limit=0", "limit=x"):
        assert client.get(f"{TASKS}?{query}").status_code in (404, 422)


def test_one_by_id_or_name_with_its_pairs(shop: Shop, client: TestClient) -> None:
    added = client.post(TASKS, json=SHOUT).json()
    shown = client.get(f"{TASKS}/shout").json()
    assert client.get(f"{TASKS}/{added['id']}").json() == shown
    assert {key: shown[key] for key in added} == added
    assert shown["pairs"]["examples"] == SHOUT["examples"]
    assert shown["pairs"]["test"] == [SHOUT["test"][0], {"input": "ever", "output": None}]
    assert (shown["configuration"], shown["figures"]) == (None, None)
    assert client.post(TASKS, json={"name": "shout", **shown["pairs"]}).json()["id"] == added["id"]
    client.post(TASKS, json=TURN)
    assert client.get(f"{TASKS}/turn").json()["pairs"] == {"examples": TURNED, "test": []}


def test_how_it_was_learned_is_shown(shop: Shop, client: TestClient) -> None:
    id = client.post(TASKS, json=SHOUT).json()["adaptation"]
    marks = [Marks(correct=(right, True), logprobs=(-0.1, -0.2)) for right in (False, True)]
    tried = tuple(
        Tried(configuration=Configuration(learning_rate=1e-3, epochs=n), by="recipe", marks={"alone": mark})
        for n, mark in enumerate(marks, start=1)
    )
    practice = Practice(policy="configuration", tried=tried).model_dump(mode="json")
    shop.stores.adaptations.add_figures(id, {"task": practice})
    shown = client.get(f"{TASKS}/shout").json()
    assert shown["figures"] == practice
    assert shown["configuration"] == practice["tried"][1]["configuration"]
    shop.stores.adaptations.add_figures(id, {"task": {"of": "another release"}})
    shown = client.get(f"{TASKS}/shout").json()
    assert (shown["configuration"], shown["figures"]) == (None, {"of": "another release"})


@pytest.mark.parametrize("path", ["nobody", "task%2Fturn", "..%2f..%2fetc", "task-0"])
def test_what_is_not_there(shop: Shop, client: TestClient, path: str) -> None:
    client.post(TASKS, json=TURN)
    for got in (
        client.get(f"{TASKS}/{path}"),
        client.delete(f"{TASKS}/{path}"),
        client.post(f"{TASKS}/{path}/solve", json={}),
    ):
        assert (got.status_code, got.json()["error"]["type"]) == (404, "not_found_error")


def test_its_own_test_is_solved_and_judged(shop: Shop, client: TestClient) -> None:
    id = client.post(TASKS, json={**SHOUT, "test": [*SHOUT["test"], {"input": "no", "output": "NO"}]}).json()["id"]
    shop.guess = {"never": ("Never", "NEVER"), "ever": ("EVER",)}
    for body in ({}, {"inputs": None}, None):
        got = client.post(f"{TASKS}/shout/solve", **({} if body is None else {"json": body}))
        assert got.status_code == 200
        assert got.json() == {
            "object": "solved",
            "id": id,
            "model": "seald:task/shout",
            "adapter": "task/shout@1",
            "solutions": [
                {"input": "never", "attempts": ["Never", "NEVER"], "votes": [5, 3], "asked": 8, "correct": True},
                {"input": "ever", "attempts": ["EVER"], "votes": [5], "asked": 8, "correct": None},
                {"input": "no", "attempts": [], "votes": [], "asked": 8, "correct": False},
            ],
        }


def test_other_inputs_are_solved(shop: Shop, client: TestClient) -> None:
    client.post(TASKS, json={**TURN, "test": [{"input": [[7]], "output": [[8]]}]})
    shop.guess = {((1, 2),): (((1,), (2,)), ((3,),)), ((7,),): (((8,),),)}
    got = client.post(f"{TASKS}/turn/solve", json={"inputs": [[[1, 2]], [[7]]]}).json()["solutions"]
    assert [solution["attempts"] for solution in got] == [[[[1], [2]], [[3]]], [[[8]]]]
    assert [solution["correct"] for solution in got] == [None, True]


@pytest.mark.parametrize(
    ("name", "body", "param", "code"),
    [
        ("turn", {}, "inputs", "missing_field"),
        ("turn", {"inputs": []}, "inputs", "invalid_value"),
        ("turn", {"inputs": [[[1]]] * 65}, "inputs", "invalid_value"),
        ("turn", {"inputs": "x"}, "inputs", "invalid_type"),
        ("turn", {"inputs": ["x"]}, "inputs.0", "invalid_type"),
        ("turn", {"inputs": [[[1]], [[1], [2, 3]]]}, "inputs.1", "invalid_value"),
        ("turn", {"inputs": [[[1]], [[11]]]}, "inputs.1.0.0", "invalid_value"),
        ("turn", {"inputs": [[1]]}, "inputs.0.0", "invalid_type"),
        ("turn", {"inputs": [None]}, "inputs.0", "invalid_type"),
        ("turn", {"input": [[1]]}, "input", "unknown_field"),
        ("shout", {"inputs": [[[1]]]}, "inputs.0", "invalid_type"),
        ("shout", {"inputs": [" "]}, "inputs.0", "invalid_value"),
    ],
)
def test_bad_inputs_are_not_asked(
    shop: Shop, client: TestClient, name: str, body: dict[str, Any], param: str, code: str
) -> None:
    client.post(TASKS, json=TURN)
    client.post(TASKS, json=SHOUT)
    got = client.post(f"{TASKS}/{name}/solve", json=body)
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (422, param, code)
    assert param in error["message"]


def test_an_input_that_does_not_fit(shop: Shop, client: TestClient) -> None:
    client.post(TASKS, json=SHOUT)
    shop.too_large = "inputs.0"
    got = client.post(f"{TASKS}/shout/solve", json={"inputs": ["never " * 600]})
    error = got.json()["error"]
    assert (got.status_code, error["param"], error["code"]) == (400, "inputs.0", "invalid_request")


def test_solving_without_an_engine(shop: Shop, client: TestClient) -> None:
    client.post(TASKS, json=SHOUT)
    shop.down = True
    got = client.post(f"{TASKS}/shout/solve")
    assert (got.status_code, got.json()["error"]["code"]) == (503, "engine_unavailable")


def test_a_deleted_task_is_gone_and_its_name_free(world: World, shop: Shop, client: TestClient) -> None:
    id = client.post(TASKS, json=TURN).json()["id"]
    got = client.delete(f"{TASKS}/turn")
    assert (got.status_code, got.json()) == (200, {"id": id, "object": "task", "deleted": True})
    assert client.get(f"{TASKS}/turn").status_code == client.delete(f"{TASKS}/{id}").status_code == 404
    assert client.get("/v1/adapters/task/turn").status_code == 404
    assert client.post(TASKS, json={**SHOUT, "name": "turn"}).status_code == 202
    assert world.woken == 3


def test_its_adaptation_is_listed_and_explained(shop: Shop, client: TestClient) -> None:
    id = client.post(TASKS, json=TURN).json()["adaptation"]
    (listed,) = client.get("/v1/adaptations?collection=task/turn").json()["data"]
    assert (listed["id"], listed["kind"], listed["documents"]) == (id, "task", [])
    assert "task/turn" in client.get(f"/v1/adaptations/{id}").json()["explanation"]["summary"]
    assert client.post(f"/v1/adaptations/{id}/cancel").json()["status"] == S.CANCELLED
    assert client.post(TASKS, json=TURN).json()["status"] == "queued"


def test_while_draining_nothing_is_taken_and_nothing_deleted(world: World, shop: Shop, client: TestClient) -> None:
    client.post(TASKS, json=TURN)
    world.draining = True
    for got in (client.post(TASKS, json=SHOUT), client.delete(f"{TASKS}/turn")):
        assert (got.status_code, got.json()["error"]["code"]) == (503, "draining")
    assert client.get(f"{TASKS}/turn").status_code == 200


def test_collections_know_nothing_of_tasks(shop: Shop, client: TestClient) -> None:
    solving(shop.stores, Task.of(TaskAsk.model_validate(TURN), NOON))
    assert client.get("/v1/collections").json()["data"] == []
    for path in ("task/turn", "task%2Fturn"):
        assert client.get(f"/v1/collections/{path}").status_code == 404
        assert client.put(f"/v1/collections/{path}", json={}).status_code == 404

"""`seald tasks` against a real small server that gives the documented shapes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from seald.cli import task_show
from tests.small_server import answering
from tests.unit.cli.test_cli import ADAPTATION, NO_EVENTS, Handler, run

TURNED = [{"input": [[1, 2], [3, 4]], "output": [[2, 4], [1, 3]]}, {"input": [[5, 0]], "output": [[0], [5]]}]
ARC = {"train": TURNED, "test": [{"input": [[7]]}]}
TASK = {
    "id": "task-1",
    "object": "task",
    "name": "turn",
    "kind": "grid",
    "collection": "default",
    "model": "seald:task/turn",
    "examples": 2,
    "test": 1,
    "status": "promoted",
    "adaptation": "adp-1",
    "version": 1,
    "created": 1,
}
SHOWN = {
    **TASK,
    "pairs": {"examples": TURNED, "test": [{"input": [[7]], "output": None}]},
    "configuration": {"epochs": 8},
    "figures": {},
}
SHOUT = {**SHOWN, "name": "[shout]", "kind": "text", "version": None, "configuration": None}
SHOUT["pairs"] = {"examples": [{"input": "[so]", "output": "[SO]"}], "test": []}
SOLVED = {
    "object": "solved",
    "id": "task-1",
    "model": "seald:task/turn",
    "adapter": "task/turn@1",
    "solutions": [
        {"input": [[7]], "attempts": [[[8]], [[9]]], "votes": [5, 3], "asked": 8, "correct": True},
        {"input": [[6]], "attempts": [], "votes": [], "asked": 8, "correct": False},
    ],
}
ENDED = {**ADAPTATION, "collection": "task/turn", "kind": "task"}


class Tasks(Handler):
    answers: ClassVar[dict[str, Any]] = {
        "GET /v1/tasks": {"object": "list", "data": [TASK], "has_more": False},
        "GET /v1/tasks/turn": SHOWN,
        "GET /v1/tasks/shout": SHOUT,
        "DELETE /v1/tasks/turn": {"id": "task-1", "object": "task", "deleted": True},
        "GET /v1/adaptations/adp-1": ENDED,
        "GET /v1/adaptations/adp-1/events": NO_EVENTS,
        "GET /v1/adaptations/adp-2": {**ENDED, "status": "rejected", "error": {"message": "no better"}},
        "GET /v1/adaptations/adp-2/events": NO_EVENTS,
        "GET /v1/adapters/task/turn/1": {},
        "POST /v1/adapters/task/turn/rollback": {"from": 1, "to": 0, "live": "base", "seconds": 0.01},
    }
    bodies: ClassVar[list[dict[str, Any]]] = []

    def _other(self, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if key.endswith("/solve"):
            self.bodies.append(json.loads(body))
            return 200, SOLVED
        if key != "POST /v1/tasks" or b"bad" in body:
            error = {"message": "name: it is bad", "type": "invalid_request_error", "code": "invalid_value"}
            return (422 if key == "POST /v1/tasks" else 404), {"error": error}
        sent = json.loads(body)
        self.bodies.append(sent)
        adaptation = "adp-2" if sent["name"] == "hard" else "adp-1"
        return 202, {**TASK, "name": sent["name"], "status": "queued", "version": None, "adaptation": adaptation}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Tasks) as address:
        yield address


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    Tasks.bodies.clear()
    yield Tasks.bodies


def written(folder: Path, name: str, content: Any) -> str:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def test_a_task_of_arc_takes_the_files_name(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = written(tmp_path, "00D62C1B.json", ARC)
    assert run(monkeypatch, "tasks", "add", file, "--collection", "arc", "--json", "--url", url) == 0
    assert sent == [{**ARC, "collection": "arc", "name": "00d62c1b"}]
    (added,) = json.loads(capsys.readouterr().out)["data"]
    assert (added["name"], added["status"], added["error"]) == ("00d62c1b", "queued", None)


@pytest.mark.parametrize(("words", "name"), [((), "ours"), (("--name", "mine"), "mine")])
def test_a_task_of_ours_has_its_own_name(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    name: str,
) -> None:
    body = {"name": "ours", "examples": TURNED, "collection": "puzzles", "kind": "grid"}
    assert run(monkeypatch, "tasks", "add", written(tmp_path, "x.json", body), *words, "--url", url) == 0
    assert sent == [{**body, "name": name}]


@pytest.mark.parametrize(
    ("words", "names"),
    [((), ["a1", "b2"]), (("--only", "B2"), ["b2"]), (("--only", "B2", "--name", "it"), ["it"])],
)
def test_arcs_challenges_are_several(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    names: list[str],
) -> None:
    file = written(tmp_path, "challenges.json", {"a1": ARC, "B2": ARC})
    assert run(monkeypatch, "tasks", "add", file, *words, "--url", url) == 0
    assert sent == [{**ARC, "name": name} for name in names]


def test_waiting_says_how_each_ended(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = written(tmp_path, "both.json", {"easy": ARC, "hard": ARC})
    assert run(monkeypatch, "tasks", "add", both, "--wait", "--json", "--url", url) == 1
    found = {task["name"]: (task["status"], task["version"]) for task in json.loads(capsys.readouterr().out)["data"]}
    assert found == {"easy": ("promoted", 1), "hard": ("rejected", 1)}
    assert run(monkeypatch, "tasks", "add", both, "--only", "easy", "--wait", "--url", url) == 0


def test_one_that_is_refused_keeps_no_other_back(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = written(tmp_path, "two.json", {"bad": ARC, "good": ARC})
    assert run(monkeypatch, "tasks", "add", file, "--json", "--url", url) == 1
    out, err = capsys.readouterr()
    assert [(t["name"], t["status"]) for t in json.loads(out)["data"]] == [("bad", "refused"), ("good", "queued")]
    assert "it is bad" in err
    assert [body["name"] for body in sent] == ["good"]


@pytest.mark.parametrize(
    ("content", "words", "code", "says"),
    [
        ("{", (), 1, "not valid JSON"),
        ("[" * 100_000, (), 1, "not valid JSON"),
        ([ARC], (), 1, "is no task"),
        ({}, (), 1, "is no task"),
        ({"a": ARC, "b": 1}, (), 1, "is no task"),
        ({"a": ARC}, ("--only", "b"), 1, "holds no task 'b'"),
        ({"a": ARC, "b": ARC}, ("--name", "c"), 2, "--only"),
        (ARC, ("--only", "a"), 2, "one task by itself"),
        (None, (), 2, "cannot be read"),
    ],
)
def test_what_is_no_file_of_tasks(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: Any,
    words: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    file = str(tmp_path / "none.json") if content is None else written(tmp_path, "x.json", content)
    monkeypatch.setenv("COLUMNS", "400")
    assert run(monkeypatch, "tasks", "add", file, *words, "--url", url) == code
    out, err = capsys.readouterr()
    assert (out, sent) == ("", [])
    assert says in " ".join(err.split())
    assert "Traceback" not in err


def test_list(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "tasks", "list", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["data"] == [TASK]
    assert run(monkeypatch, "tasks", "list", "--url", url) == 0
    assert "turn" in capsys.readouterr().out


def test_show(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "tasks", "show", "turn", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out) == SHOWN
    assert run(monkeypatch, "tasks", "show", "turn", "--url", url) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Example 1 1 2 → 2 4 3 4 1 3 Example 2 5 0 → 0 5 Test 1 7 → ?" in said
    assert 'live: task/turn@1 collection: default configuration: {"epochs": 8}' in said
    assert run(monkeypatch, "tasks", "show", "shout", "--url", url) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "[so] → [SO]" in said
    assert "live: base" in said


def test_what_is_not_there(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("show", "nobody"), ("solve", "../keys"), ("delete", "nobody")):
        assert run(monkeypatch, "tasks", *words, "--url", url) == 1
    assert run(monkeypatch, "tasks", "show") == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words", "body"),
    [
        ("turn", (), {}),
        ("turn", ("--input", "[[1, 2]]"), {"inputs": [[[1, 2]]]}),
        ("shout", ("--input", "[1, 2]"), {"inputs": ["[1, 2]"]}),
        ("turn", [[1, 2], [3, 4]], {"inputs": [[[1, 2], [3, 4]]]}),
        ("turn", [[[1]], [[2]]], {"inputs": [[[1]], [[2]]]}),
        ("shout", ["so", "be it"], {"inputs": ["so", "be it"]}),
        ("shout", "so", {"inputs": ["so"]}),
    ],
)
def test_solve_takes_inputs(
    url: str,
    sent: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: Any,
    body: dict[str, Any],
) -> None:
    given = words if isinstance(words, tuple) else ("--file", written(tmp_path, "in.json", json.dumps(words)))
    assert run(monkeypatch, "tasks", "solve", name, *given, "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out) == SOLVED
    assert sent == [body]


def test_a_text_may_lie_in_a_file_as_it_is(
    url: str, sent: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "tasks", "solve", "shout", "--file", written(tmp_path, "a.txt", '"so"'), "--url", url) == 0
    assert sent == [{"inputs": ['"so"']}]


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--input", "[[1"), 1), (("--input", "[[1]]", "--file", "x"), 2), (("--file", "/nowhere.json"), 2)],
)
def test_bad_inputs_are_not_sent(
    url: str, sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    assert run(monkeypatch, "tasks", "solve", "turn", *words, "--url", url) == code
    assert sent == []


def test_solutions_with_their_votes(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "tasks", "solve", "turn", "--url", url) == 0
    out, err = capsys.readouterr()
    said = " ".join(out.split())
    assert "Input 1, right 5 of 8 votes 7 → 8 3 of 8 votes 7 → 9" in said
    assert "Input 2, wrong nothing that was said could be read as an output 6 → ?" in said
    assert "task/turn@1" in err


def test_delete(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "tasks", "delete", "turn", "--url", url) == 0
    assert "task-1 is deleted" in capsys.readouterr().err
    assert run(monkeypatch, "tasks", "delete", "turn", "--json", "--url", url) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] is True


def test_adapters_of_tasks(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "adapters", "rollback", "task/turn", "--to", "0", "--url", url) == 0
    assert "task/turn: 1 → base" in capsys.readouterr().err
    assert run(monkeypatch, "adapters", "show", "task/turn", "1", "--json", "--url", url) == 0


def test_grids_are_coloured_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)
    monkeypatch.setattr(task_show, "screen", screen)
    task_show.show_pair([[1, 2]], [[3]])
    said = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "48;2;0;116;217m1 " in said
    assert "48;2;255;65;54m2 " in said
    assert "48;2;46;204;64m3 " in said


def test_wide_grids_stand_one_below_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), width=80)
    monkeypatch.setattr(task_show, "screen", screen)
    task_show.show_pair([[1] * 30] * 2, [[2] * 30])
    lines = [line.split() for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert lines == [["1"] * 30, ["1"] * 30, ["→"], ["2"] * 30]

"""`seald policy`: policies, their retraining and the way back, against a real small server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from seald.cli.follow_retraining import Course
from tests.small_server import answering
from tests.unit.cli.test_cli import Handler, run

RUN: dict[str, Any] = {
    "id": "rtr-1",
    "object": "retraining",
    "status": "queued",
    "round": 1,
    "rounds": 2,
    "samples": 4,
    "contexts": 12,
    "writer": None,
    "incumbent": "learned@1",
    "version": None,
    "figures": {},
    "error": None,
    "created": 1,
    "finished": None,
}
PROMOTED = {**RUN, "status": "promoted", "round": 2, "version": "learned@3", "finished": 2}
REFUSED = {
    **RUN,
    "id": "rtr-2",
    "status": "refused",
    "finished": 2,
    "error": {"code": "not_better", "message": "no [better] than rewrite"},
}
SEED: dict[str, Any] = {
    "id": "default",
    "object": "policy",
    "kind": "seed",
    "live": False,
    "status": None,
    "parent": None,
    "round": None,
    "retraining": None,
    "description": "A mix.",
    "mix": [{"form": "none", "samples": 1}],
    "writer": None,
    "rewards": None,
    "created": None,
}
LEARNED = {
    **SEED,
    "id": "learned@3",
    "kind": "learned",
    "live": True,
    "status": "approved",
    "parent": "learned@1",
    "round": 2,
    "retraining": "rtr-1",
    "writer": {"url": "http://10.0.0.5/v1", "model": "big"},
    "rewards": {"reward": {"mean": 0.41, "low": 0.2, "high": 0.6}},
    "created": 1,
}
NONE: dict[str, Any] = {"manifest": None, "verified": None, "verify_error": None, "tournament": None}
BARE = {**LEARNED, **NONE, "rounds": [{}, {"round": 1, "reward": None, "forms": {}}], "examples": []}
STANDING = {"accuracy": 0.3, "logprob": 0.2, "proxy": 0.5, "reward": 0.4, "tokens": 410.6, "diversity": 0.7}
TOURNAMENT = {
    "verdict": "won",
    "reason": "ahead of [all] the others",
    "standings": [{"arm": "learned", "score": 0.5, **STANDING}, {"arm": "rewrite", "score": 0.31, **STANDING}],
    "duels": [{"against": "rewrite", "n": 8, "difference": 0.19, "low": 0.06, "high": 0.33, "p": 0.0123}],
    "gains": {
        "proxy": {"before": 0.5, "after": 0.4, "difference": -0.1, "low": -0.2, "high": 0.1, "p": 0.9},
        "winners_logprob": {
            "before": -2.5,
            "after": -1.75,
            "difference": 0.75,
            "low": 0.25,
            "high": 1.25,
            "p": 0.004,
        },
    },
}
ROUNDS = [
    {
        "round": n,
        "policy": f"learned@{n}",
        "contexts": 12,
        "episodes": 48,
        "scored": 36,
        "reward": {"mean": 0.2 * n, "low": 0.2 * n - 0.1, "high": 0.2 * n + 0.1},
        "hidden": {"mean": 0.1 * n, "low": 0.1 * n - 0.05, "high": 0.1 * n + 0.05},
        "reliability": {"single": 0.4, "mean": 0.71, "low": 0.55, "high": 0.83, "seeds": 3},
        "agreement": None,
        "diversity": 0.8,
        "winners": 9,
        "forms": {"self-qa": 2, "rewrite": 7},
        "version": n + 1,
    }
    for n in (1, 2)
]
MANIFEST = {"files": {"adapter_model.safetensors": "0"}, "base_model": "tiny", "seed": 5}
EXAMPLE = {"context": "Bell [tower]", "form": "rewrite", "reward": 0.93, "raw": "The bell is old.\nIt rings."}
DETAIL = {
    **BARE,
    "manifest": MANIFEST,
    "rounds": ROUNDS,
    "tournament": TOURNAMENT,
    "examples": [EXAMPLE, {**EXAMPLE, "context": None, "reward": None}],
}


def listing(*data: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(data), "has_more": False}


class Shown(Handler):
    bodies: ClassVar[list[dict[str, Any]]] = []
    answers: ClassVar[dict[str, Any]] = {
        "GET /v1/policies": listing(SEED, LEARNED),
        "GET /v1/policies/learned@3": DETAIL,
        "GET /v1/policies/4": BARE,
        "GET /v1/policies/default": {**SEED, **NONE, "rounds": [], "examples": []},
        "GET /v1/retrainings": listing(PROMOTED, REFUSED),
        "GET /v1/retrainings/rtr-1": PROMOTED,
        "GET /v1/retrainings/rtr-1/events": listing({"seq": 1, "at": 1.0, "type": "status", "data": {}}),
        "GET /v1/retrainings/rtr-2": REFUSED,
        "GET /v1/retrainings/rtr-2/events": listing(),
        "POST /v1/retrainings/rtr-1/cancel": {**RUN, "status": "scoring"},
        "POST /v1/policies/rollback": {"from": 3, "to": 0, "live": "default", "seconds": 0.01},
    }

    def _other(self, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if key != "POST /v1/policies/retrain":
            return super()._other(key, body)
        self.bodies.append(json.loads(body))
        return 202, {**RUN, "id": "rtr-2" if self.bodies[-1].get("rounds") == 1 else "rtr-1"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with answering(Shown) as address:
        yield address


@pytest.fixture
def seald(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Exit code, standard output and standard error of `seald policy WORDS`, each on one line."""
    monkeypatch.setenv("SEALD_URL", url)
    monkeypatch.setattr("seald.cli.client.screen._width", 250)
    Shown.bodies.clear()

    def call(*words: str) -> tuple[int, str, str]:
        code = run(monkeypatch, "policy", *words)
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    yield call


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_the_list_marks_what_writes(seald: Any) -> None:
    code, out, _ = seald("list")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "A mix." in line]
    assert (code, rows) == (
        0,
        [
            ["default", "", "", "", "", "A mix."],
            ["learned@3", "●", "approved", "learned@1", "0.41 [0.20, 0.60]", "A mix."],
        ],
    )
    assert json.loads(seald("list", "--json")[1]) == listing(SEED, LEARNED)


@pytest.mark.parametrize("version", [(), ("learned@3",)])
def test_show_says_what_it_was_paid_and_how_it_was_judged(seald: Any, version: tuple[str, ...]) -> None:
    code, out, _ = seald("show", *version)
    assert code == 0
    said = [
        "learned@3 learned, approved, live",
        "learned in round 2 of rtr-1, from learned@1",
        "adapter_model.safetensors; on tiny, seed 5",
        "written by big at http://10.0.0.5/v1",
        "written by learned@1 learned@2",
        "reward 0.20 [0.10, 0.30] 0.40 [0.30, 0.50]",
        "hidden gain 0.10 [0.05, 0.15] 0.20 [0.15, 0.25]",
        "reliability 0.71 [0.55, 0.83]",
        "agreement diversity 0.80 0.80",
        "rewrite 7, self-qa 2",
        "Tournament: won",
        "ahead of [all] the others",
        "rewrite 0.31 0.19 [0.06, 0.33] 0.012 0.30 0.20 0.50 0.40 411 0.70",
        "proxy of fresh self-edits 0.500 0.400 -0.100 [-0.200, 0.100] 0.900 not shown to rise",
        "best self-edits, nats a token -2.500 -1.750 0.750 [0.250, 1.250] 0.004",
        "Bell [tower], rewrite, reward 0.93",
        "It rings.",
        "a context that was taken back, rewrite, reward unknown",
    ]
    places = [flat(out).index(text) for text in said]
    assert places == sorted(places)
    assert json.loads(seald("show", *version, "--json")[1]) == DETAIL


@pytest.mark.parametrize("version", ["4", "default"])
def test_show_leaves_blank_what_was_not_measured(seald: Any, version: str) -> None:
    code, out, _ = seald("show", version)
    assert (code, "A mix." in out, "Tournament" in out, "None" in out) == (0, True, False, False)


@pytest.mark.parametrize("version", ["learned@3", "4", "default"])
def test_the_picture(seald: Any, version: str, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    code, _, err = seald("show", version, "--plot", str(file))
    assert (code, "drawn into" in err) == (0, True)
    with Image.open(file) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=2**24) or []}
    assert min(picture.size) >= 500
    # Of the hidden gain's line, which only one of them has.
    assert any(r < 60 and 140 < g < 180 and b < 60 for r, g, b in colours) == (version == "learned@3")


def test_retraining_asks_for_what_was_named_and_nothing_else(seald: Any) -> None:
    code, out, err = seald("retrain")
    assert (code, out, err) == (0, "", "rtr-1 is queued")
    seald("retrain", "--rounds", "3", "--contexts", "5", "--samples", "2", "--writer", "gpt")
    assert Shown.bodies == [{}, {"rounds": 3, "contexts": 5, "samples": 2, "writer": "gpt"}]


def test_a_file_of_contexts_is_sent_along(seald: Any, tmp_path: Path) -> None:
    question = {"question": "How old?", "answer": "very"}
    entry = {"title": "Bell", "context": "It is old.", "questions": [question], "edits": {"gpt": ["Old."]}, "split": 1}
    file = tmp_path / "contexts.json"
    file.write_text(json.dumps([entry] * 3))
    assert seald("retrain", str(file), "--contexts", "2")[0] == 0
    sent = {key: value for key, value in entry.items() if key != "split"}
    assert Shown.bodies == [{"contexts": [sent] * 2}]
    file.write_text(json.dumps([{**entry, "title": ""}]))
    code, _, err = seald("retrain", str(file))
    assert (code, "entry 1, title" in err, len(Shown.bodies)) == (1, True, 1)


def test_waiting_ends_with_the_run(seald: Any) -> None:
    code, out, err = seald("retrain", "--wait")
    assert (code, out, "rtr-1 is promoted: learned@3 writes now" in err) == (0, "", True)
    code, out, err = seald("retrain", "--rounds", "1", "--wait")
    assert (code, out, "rtr-2 is refused: no [better] than rewrite" in err) == (1, "", True)
    code, out, _ = seald("retrain", "--rounds", "1", "--wait", "--json")
    assert (code, json.loads(out)) == (1, REFUSED)


def test_rollback_runs_and_cancelling(seald: Any) -> None:
    assert seald("rollback", "--to", "0", "--reason", "worse")[::2] == (0, "learned@3 → default, in 10 ms")
    code, out, _ = seald("retrainings")
    assert code == 0
    assert "rtr-2 refused 1 of 2 12 4 learned@1 no [better] than rewrite" in flat(out)
    assert json.loads(seald("retrainings", "--json")[1]) == listing(PROMOTED, REFUSED)
    assert seald("cancel", "rtr-1")[2] == "rtr-1 is scoring and stops at its next step"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "nobody"), 1),
        (("show", "default", "--plot", "a.jpeg"), 1),
        (("cancel", "rtr-9"), 1),
        (("retrain", "/no/such/file"), 2),
        (("retrain", "--contexts", "1"), 2),
        (("rollback", "--to", "-1"), 2),
        (("nonsense",), 2),
    ],
)
def test_exit_codes(seald: Any, words: tuple[str, ...], code: int) -> None:
    assert seald(*words)[0] == code
    assert Shown.bodies == []


def test_the_bar_goes_through_rounds_and_phases() -> None:
    course = Course(rounds=2)
    counted = [{"data": {"done": 3, "of": 12}}, {"data": {"step": 6, "steps": 12}}, {"data": {"loss": 1.0}}]

    def at(status: str, round: int = 1, events: Any = ()) -> tuple[float, str]:
        return course.advance({"status": status, "round": round}, events)

    assert course.total == 7
    assert at("queued") == (0, "queued")
    assert at("sampling") == (0, "round 1 of 2, sampling")
    assert at("scoring", 1, counted) == (1.5, "round 1 of 2, scoring, 6 of 12")
    assert at("scoring") == (1.5, "round 1 of 2, scoring, 6 of 12")
    assert at("learning") == (2, "round 1 of 2, learning")
    assert at("sampling", 2) == (3, "round 2 of 2, sampling")
    assert at("judging", 2, counted[:1]) == (6.25, "judging, 3 of 12")
    assert at("refused", 2) == (7, "refused")


PAIRS = [{"input": word, "output": word[::-1]} for word in ("apple", "river", "stone", "cloud")]


def test_tasks_of_a_file_are_sent_along(seald: Any, tmp_path: Path) -> None:
    """In our shape and in ARC's."""
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([{"title": f"t{n}", "examples": PAIRS[:2], "test": PAIRS[2:]} for n in range(3)]))
    assert seald("retrain", str(file), "--contexts", "2", "--subject", "task")[0] == 0
    sent = [{"title": f"t{n}", "examples": PAIRS[:2], "test": PAIRS[2:]} for n in range(3)]
    assert Shown.bodies == [{"contexts": sent[:2], "subject": "task"}]
    file.write_text(json.dumps({f"T{n}": {"train": PAIRS[:2], "test": PAIRS[2:]} for n in range(3)}))
    assert seald("retrain", str(file))[0] == 0
    assert Shown.bodies[1:] == [{"contexts": sent}]
    file.write_text("{}")
    code, _, err = seald("retrain", str(file))
    assert (code, "is no task" in err, len(Shown.bodies)) == (1, True, 2)


def test_the_policy_of_tasks_is_marked_as_such(seald: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    of_tasks = {**SEED, "id": "configuration", "live": True, "subject": "task", "description": "How."}
    listed = listing(of_tasks, {**LEARNED, "subject": "passage"})
    monkeypatch.setitem(Shown.answers, "GET /v1/policies", listed)
    _, out, _ = seald("list")
    rows = {line.split("│")[1].strip(): line.split("│")[2].strip() for line in out.splitlines() if line.count("│") > 4}
    assert (rows["configuration"], rows["learned@3"]) == ("● tasks", "●")
    assert "learned@3 learned" in flat(seald("show")[1]), "the one of passages is shown where none is named"
    assert seald("rollback", "--subject", "task")[0] == 0

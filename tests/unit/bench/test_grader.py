"""`seald bench grader`, from the command line to the picture."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from seald.bench.grader import ReferenceVerdict, is_held_out, measure
from seald.cli import main
from tests.unit.bench.conftest import JudgeServer

ROWS = [
    # question, gold, reply, correct; the judge of the tests goes by the beginning of the reply
    ("Who built the mill?", "Maren Tosk", "right: Maren Tosk built it.", True),
    ("Who built the mill?", "Maren Tosk", "right: Maren Tosk", True),
    ("When was it built?", "1893", "wrong: in 1931", False),
    ("Which bird is on the flag?", "the Grey Heron", "right: a grey heron", True),
    ("Which bird is on the flag?", "the Grey Heron", "wrong: an osprey", False),
    ("Where is the mill?", "overseas", "right: beyond the sea", True),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    keys = ("question", "gold", "prediction", "correct")
    path = tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in ROWS) + "\n\n")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["seald", "bench", "grader", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_one_object_of_figures(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, str(file), "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    figures = found["figures"]
    assert found["bench"] == "grader"
    assert found["settings"]["seed"] == 0
    assert all(isinstance(value, int | float) and math.isfinite(value) for value in figures.values())
    assert (figures["verdicts"], figures["questions"]) == (6, 4)
    # Of six the rule misses one that is right; none of the replies is the bare answer.
    assert figures["agreement_rule"] == pytest.approx(5 / 6, abs=1e-4)
    assert figures["kappa_rule"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["false_no_rule"] == pytest.approx(1 / 6, abs=1e-4)
    assert figures["false_yes_rule"] == 0
    assert figures["agreement_first_line_exact"] == pytest.approx(2 / 6, abs=1e-4)
    assert figures["margin_over_first_line_exact"] == pytest.approx(3 / 6, abs=1e-4)
    assert figures["agreement_rule_low"] <= figures["agreement_rule"] <= figures["agreement_rule_high"]


def test_with_a_judge_and_a_picture(
    file: Path,
    judge_server: JudgeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEALD_JUDGE_KEY", "sk-judge")
    judge = ("--judge-url", judge_server.url, "--judge-model", "a-judge")
    assert run(monkeypatch, str(file), *judge, "--plot", str(tmp_path / "g.png"), "--json") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["agreement_judge"] == figures["kappa_judge"] == 1
    assert set(judge_server.keys) == {"Bearer sk-judge"}
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_for_people(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, str(file), "--first", "3") == 0
    out = capsys.readouterr().out
    assert "kappa_rule" in out
    assert " to " in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--first", "7"), 1, "6 entries"),
        (("--first", "0"), 2, "first"),
        (("--judge-url", "http://127.0.0.1:1/v1"), 2, "judge-model"),
        (("--plot", "figures.pdf"), 1, ".png"),
    ],
)
def test_refusals(
    words: tuple[str, ...],
    code: int,
    says: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, str(file), *words) == code
    out, err = capsys.readouterr()
    assert says in out + err
    assert "Traceback" not in out + err


def test_a_line_that_does_not_fit_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = file.read_text().splitlines()
    lines[2] = lines[2].replace("false", '"no"')
    file.write_text("\n".join(lines))
    assert run(monkeypatch, str(file)) == 1
    assert "entry 3, correct" in capsys.readouterr().err


def test_the_halves_are_of_questions_and_make_up_the_whole() -> None:
    questions = [f"Which number comes after {n}?" for n in range(200)]
    assert 70 < sum(map(is_held_out, questions)) < 130
    verdicts = [ReferenceVerdict(question=q, gold="Bo", prediction="Bo" if n % 3 else "Cy", correct=n % 2 == 0)
                for n, q in enumerate(questions)]  # fmt: skip
    figures = measure(verdicts, None, seed=0).figures
    share = sum(map(is_held_out, questions)) / 200
    halves = share * figures["agreement_rule_held_out"] + (1 - share) * figures["agreement_rule_developed"]
    assert halves == pytest.approx(figures["agreement_rule"])

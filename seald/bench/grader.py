"""How well cheap graders agree with a reference judge: `seald bench grader`.

Verdicts on replies to one question stand or fall together, so the intervals draw whole questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from seald.bench import baselines, intervals
from seald.bench.graders import Answered, Grader, RuleGrader
from seald.bench.reading import Entry, first_of, read_json_lines
from seald.bench.report import Figures, arm_name

BASELINES: Mapping[str, Grader] = {
    "first-line-exact": RuleGrader(baselines.first_line_is_answer),
    "gold-contained": RuleGrader(baselines.contains_answer),
    "first-line-recall": RuleGrader(baselines.first_line_recalls),
}
RULE = "rule"
JUDGE = "judge"

Counts = tuple[int, int, int, int]
"""Both say yes, only the grader, only the reference, both no."""


class ReferenceVerdict(Entry):
    """A reply, and whether the reference judge called it correct."""

    question: str = Field(min_length=1)
    gold: str = Field(min_length=1)
    prediction: str
    correct: bool


def read_verdicts(file: Path, *, first: int | None = None) -> list[ReferenceVerdict]:
    """The first verdicts of a file (None: all) with one `{question, gold, prediction, correct}` a line.

    Raises:
        InvalidRequest: the file does not fit or has fewer; names file, line and key.
    """
    return first_of(read_json_lines(file, ReferenceVerdict), first, file)


def is_held_out(question: str) -> bool:
    """Which half of the questions was not looked at when the rule of the guards was last developed."""
    return hashlib.sha256(question.encode()).digest()[0] % 2 == 1


def measure(verdicts: Sequence[ReferenceVerdict], judge: Grader | None, *, seed: int) -> Figures:
    """Agreement and Cohen's kappa of each grader with the reference, and the rule's margin over each other one.

    Those of the rule are given for each half of the questions as well.

    Raises:
        JudgeFailed: the judge did not answer.
    """
    graders = {RULE: RuleGrader(), **({JUDGE: judge} if judge else {}), **BASELINES}
    figures = Figures("grader", settings={"seed": seed})
    figures.add("verdicts", len(verdicts))
    figures.add("questions", len({verdict.question for verdict in verdicts}))
    said = {name: _said(grader, verdicts) for name, grader in graders.items()}
    for name in graders:
        _add(figures, arm_name(name), verdicts, said[name], seed)
    _add_halves(figures, verdicts, said[RULE], seed)
    _add_margins(figures, {name: _counts(verdicts, said[name]) for name in graders}, seed)
    return figures


def _said(grader: Grader, verdicts: Sequence[ReferenceVerdict]) -> list[bool]:
    return grader.grade_all([Answered(question=v.question, answer=v.gold, reply=v.prediction) for v in verdicts])


def _add(figures: Figures, name: str, verdicts: Sequence[ReferenceVerdict], said: Sequence[bool], seed: int) -> None:
    counts = _counts(verdicts, said)
    figures.add_interval(f"agreement_{name}", intervals.agreement(counts, seed=seed))
    figures.add_interval(f"kappa_{name}", intervals.kappa(counts, seed=seed))
    figures.add(f"false_yes_{name}", sum(c[1] for c in counts) / len(verdicts))
    figures.add(f"false_no_{name}", sum(c[2] for c in counts) / len(verdicts))


def _add_halves(figures: Figures, verdicts: Sequence[ReferenceVerdict], said: Sequence[bool], seed: int) -> None:
    for half, held_out in (("developed", False), ("held_out", True)):
        pairs = [(v, s) for v, s in zip(verdicts, said, strict=True) if is_held_out(v.question) is held_out]
        if pairs:
            _add(figures, f"{RULE}_{half}", [v for v, _ in pairs], [s for _, s in pairs], seed)


def _add_margins(figures: Figures, counts: Mapping[str, Sequence[Counts]], seed: int) -> None:
    right = {name: [(c[0] + c[3], sum(c)) for c in rows] for name, rows in counts.items()}
    ours = right.pop(RULE)
    for name, theirs in right.items():
        figures.add_interval(f"margin_over_{arm_name(name)}", intervals.difference(ours, theirs, seed=seed))


def _counts(verdicts: Sequence[ReferenceVerdict], said: Sequence[bool]) -> list[Counts]:
    """One row a question."""
    rows: dict[str, list[int]] = {}
    for verdict, yes in zip(verdicts, said, strict=True):
        column = (0 if verdict.correct else 1) if yes else (2 if verdict.correct else 3)
        rows.setdefault(verdict.question, [0, 0, 0, 0])[column] += 1
    return [(row[0], row[1], row[2], row[3]) for row in rows.values()]

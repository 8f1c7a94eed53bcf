"""How far is too far, and which questions are asked."""

from __future__ import annotations

import pytest

from seald.config import Drift
from seald.guards import drift
from seald.guards.shift import p_beyond
from seald.ports import Reply


@pytest.mark.parametrize(
    ("own", "neutral", "outcome"),
    [
        ([1.0] * 6, [0.3] * 12, "pass"),
        ([1.0] * 6, [1.4] * 12, "fail"),
        ([5.0] * 6, [0.3] * 12, "fail"),
        ([9.0], [0.3] * 12, "pass"),
        ([1.0] * 6, [0.1] * 11 + [12.0], "pass"),
        ([], [], "pass"),
    ],
)
def test_drift(own: list[float], neutral: list[float], outcome: str) -> None:
    assert drift.judge(own, neutral, Drift()).verdict == outcome


def test_every_title_is_asked_about_before_one_is_asked_about_twice() -> None:
    assert len(drift.own_prompts(["the mill"])) == len(drift.FORMS)
    titles = [f"mill {n}" for n in range(9)]
    prompts = drift.own_prompts(titles)
    assert len(prompts) == drift.MOST_OWN
    assert all(any(title in prompt for prompt in prompts) for title in titles)
    assert drift.own_prompts([]) == []


def test_what_the_base_says_nothing_to_is_not_scored() -> None:
    said = drift.as_said(["a?", "b?"], [Reply("", ended=True), Reply("Yes.", ended=True)])
    assert [(item.question, item.answer) for item in said] == [("b?", "Yes.")]


def test_the_sign_flip_test_is_exact() -> None:
    assert p_beyond([1.0] * 6, 0.0) == pytest.approx(1 / 64)
    assert p_beyond([1.0, -1.0], 0.0) == pytest.approx(0.75)
    assert p_beyond([], 0.0) == 1.0

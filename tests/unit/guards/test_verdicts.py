"""Each guard's outcome from results, and the gate's decision from outcomes."""

from __future__ import annotations

import pytest

from seald.config import Acquisition, General, Retention
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Verdict
from seald.guards import acquisition, gate, general, retention


def results(right: int, of: int, *, logprob: float = -1.0) -> list[ProbeResult]:
    return [ProbeResult(probe_id=str(n), correct=n < right, logprob=logprob) for n in range(of)]


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (results(0, 6), results(5, 6), "pass"),
        (results(6, 6), results(6, 6), "pass"),
        (results(0, 6), results(1, 6), "fail"),
        (results(1, 6, logprob=-3), results(1, 6, logprob=-1), "pass"),
        (results(2, 6, logprob=-3), results(1, 6, logprob=-1), "fail"),
        ([], [], "inconclusive"),
    ],
)
def test_acquisition(before: list[ProbeResult], after: list[ProbeResult], outcome: str) -> None:
    assert acquisition.judge(before, after, Acquisition()).verdict == outcome


def test_a_rebuild_without_probes_has_nothing_to_prove_but_else_must_know() -> None:
    assert acquisition.judge([], [], Acquisition(), rebuilt=True).verdict == "pass"
    assert acquisition.judge(results(0, 6), results(1, 6), Acquisition(), rebuilt=True).verdict == "fail"


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ([], [], "pass"),
        (results(6, 6), results(6, 6), "pass"),
        (results(6, 6), results(5, 6, logprob=-1.1), "pass"),
        (results(6, 6), results(4, 6, logprob=-2.0), "inconclusive"),
        (results(20, 20), results(8, 20), "fail"),
        (results(54, 60), results(30, 60), "fail"),
    ],
)
def test_retention(before: list[ProbeResult], after: list[ProbeResult], outcome: str) -> None:
    assert retention.judge(before, after, Retention()).verdict == outcome


@pytest.mark.parametrize(("right_after", "outcome"), [(225, "pass"), (190, "fail"), (240, "pass")])
def test_general(right_after: int, outcome: str) -> None:
    verdict = general.judge(results(225, 260), results(right_after, 260), General())
    assert verdict.verdict == outcome
    assert verdict.figures["n"] == 260


def test_a_general_answer_that_the_base_says_must_still_be_said() -> None:
    said = [ProbeResult(probe_id=str(n), correct=True, first=True, logprob=-0.1) for n in range(260)]
    preferred = [result.model_copy(update={"first": False}) for result in said]
    assert general.judge(said, preferred, General()).verdict == "fail"
    assert general.judge(preferred, preferred, General()).verdict == "pass"


def test_the_figures_are_enough_to_compute_the_outcome_again() -> None:
    figures = retention.judge(results(20, 20), results(8, 20), Retention()).figures
    assert figures["lost"] == 12
    assert figures["accuracy_before"] - figures["accuracy_after"] == pytest.approx(figures["drop"])
    assert figures["p_worse"] < figures["alpha"]


def verdict(outcome: str) -> Verdict:
    return Verdict.model_validate({"guard": "general", "verdict": outcome, "figures": {}, "reason": "r"})


@pytest.mark.parametrize(
    ("outcomes", "inconclusive", "decision"),
    [
        (["pass", "pass"], "hold", "promote"),
        (["pass", "inconclusive"], "hold", "hold"),
        (["pass", "inconclusive"], "promote", "promote"),
        (["fail", "inconclusive"], "promote", "reject"),
    ],
)
def test_the_gate(outcomes: list[str], inconclusive: str, decision: str) -> None:
    assert gate.decide([verdict(o) for o in outcomes], inconclusive) == decision  # type: ignore[arg-type]

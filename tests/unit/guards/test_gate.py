"""The statistics of the gate: error rates that hold, verdicts that can be computed again, and what they come to."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from scipy.stats import norm

from seald.config import General, Retention
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Verdict
from seald.guards import gate, general, looks, mean_bound, retention, spending
from seald.guards.retention import Results

LEVEL = 0.02


def results(flags: list[bool], *, logprob: float = -1.0, kind: str = "question") -> list[ProbeResult]:
    return [
        ProbeResult.model_validate({"probe_id": str(n), "kind": kind, "correct": right, "logprob": logprob})
        for n, right in enumerate(flags)
    ]


def keeping(before: list[ProbeResult], after: list[ProbeResult], settled: Results | None = None) -> Verdict:
    documents = [n % 20 for n in range(len(before))]
    return retention.judge(Results(before, after, documents), settled or Results(), Retention(), LEVEL)


def test_a_mean_is_shown_to_be_small_only_with_enough_values() -> None:
    assert mean_bound.p_at_least({0.0: 10}, 0.1) > 0.05
    assert mean_bound.p_at_least({0.0: 60}, 0.1) < 0.01
    assert mean_bound.p_at_least({0.0: 60}, 0.1, effect=6.0) > 0.05
    assert mean_bound.p_at_most({1.0: 20, 0.0: 20}, 0.1) < 0.001
    assert mean_bound.p_at_most({0.0: 40}, 0.1) > 0.9
    assert mean_bound.p_at_least({}, 0.1) == 1.0


def test_harm_of_exactly_the_margin_passes_no_more_often_than_the_level() -> None:
    dice, passed, runs = random.Random(1), 0, 400
    for _ in range(runs):
        lost = sum(dice.random() < 0.05 for _ in range(200))
        passed += mean_bound.p_at_least({1.0: lost, 0.0: 200 - lost}, 0.05) <= 0.1
    assert passed / runs <= 0.13  # three standard errors above .1 would be .145


def test_values_of_one_document_that_repeat_each_other_count_as_one() -> None:
    clusters = [n // 5 for n in range(50)]
    assert mean_bound.design_effect([float(c == 0) for c in clusters], clusters) == pytest.approx(5.0)
    assert mean_bound.design_effect([float(n % 5 == 0) for n in range(50)], clusters) == 1.0
    assert mean_bound.design_effect([0.0] * 5, [1] * 5) == 1.0


def test_looks_spend_the_level_and_no_more() -> None:
    assert looks.sizes(59) == (59,)
    assert looks.sizes(264) == (88, 176, 264)
    first, second, last = looks.levels((88, 176, 264), 0.05)
    assert first < 0.001 < second < 0.02 < 0.04 < last < 0.05
    dice = np.random.default_rng(1)
    steps = dice.normal(size=(100_000, 3)).cumsum(axis=1) / np.sqrt([1, 2, 3])
    crossed = (norm.sf(steps) <= [first, second, last]).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=0.003)


def test_the_stream_earns_with_every_promotion_and_starves_without() -> None:
    alone = [spending.level(0.05, test, ()) for test in (1, 2, 10)]
    assert alone[0] > alone[1] > alone[2] > 0
    thriving = [spending.level(0.05, test, range(1, test)) for test in range(2, 50)]
    assert max(thriving) < 0.05 < 0.05 + min(thriving)
    assert thriving[-1] > alone[0]
    # Whatever happens, no more than half of alpha is spent before the first promotion.
    assert sum(spending.level(0.05, test, ()) for test in range(1, 2000)) < 0.0251


@pytest.mark.parametrize(
    ("lost", "of", "outcome"),
    [(0, 200, "pass"), (4, 200, "pass"), (20, 200, "inconclusive"), (60, 200, "fail"), (0, 10, "inconclusive")],
)
def test_retention_by_answers(lost: int, of: int, outcome: str) -> None:
    verdict = keeping(results([True] * of), results([n >= lost for n in range(of)]))
    assert verdict.verdict == outcome


@pytest.mark.parametrize(
    ("lost", "fall", "outcome"), [(1, 0.05, "pass"), (0, 0.6, "inconclusive"), (2, 0.05, "inconclusive")]
)
def test_with_few_probes_log_probabilities_tell_unless_answers_speak_against_them(
    lost: int, fall: float, outcome: str
) -> None:
    before = results([True] * 14, kind="cloze")
    after = [
        result.model_copy(update={"correct": n >= lost, "logprob": -1 - fall - 0.01 * (n % 3)})
        for n, result in enumerate(before)
    ]
    verdict = keeping(before, after)
    assert verdict.verdict == outcome
    assert (verdict.figures["by"] == "nats") == (outcome == "pass")


def test_the_log_probabilities_of_free_answers_show_nothing() -> None:
    before = results([True] * 14)
    assert keeping(before, before).verdict == "inconclusive"


def test_small_drops_that_add_up_are_seen() -> None:
    flags = [True] * 200
    documents = [n // 10 for n in range(200)]
    after = results([n % 4 > 0 for n in range(200)])
    verdict = keeping(after, after, Results(results(flags), after, documents))
    assert gate.recompute(verdict.figures) == "pass"
    assert verdict.verdict == "fail"


def test_nothing_to_keep_passes_and_of_one_or_two_probes_none_may_be_lost() -> None:
    assert keeping([], []).verdict == "pass"
    two = results([True, True], kind="cloze")
    assert keeping(two, two).verdict == "pass"
    assert keeping(two, results([True, False], kind="cloze")).verdict == "inconclusive"


@pytest.mark.parametrize(("logprob", "outcome"), [(-1.0, "pass"), (-1.1, "inconclusive"), (-1.6, "fail")])
def test_general_judges_how_probable_the_answers_are(logprob: float, outcome: str) -> None:
    before, after = (results([True] * 264, logprob=value, kind="choice") for value in (-1.0, logprob))
    assert general.judge(before, after, General(), LEVEL).verdict == outcome


def test_answers_that_are_lost_are_not_hidden_by_others_that_became_more_probable() -> None:
    before = results([True] * 264, logprob=-1.0, kind="choice")
    after = results([n % 6 > 0 for n in range(264)], logprob=-0.5, kind="choice")
    assert gate.recompute(general.judge(before, after, General(), LEVEL).figures) == "pass"
    assert general.judge(before, after, General(), LEVEL).verdict == "fail"


def test_every_outcome_can_be_computed_again_from_what_is_stored() -> None:
    dice = random.Random(3)
    for share in (0.0, 0.02, 0.1, 0.3):
        before = results([dice.random() < 0.9 for _ in range(120)])
        after = [r.model_copy(update={"correct": r.correct and dice.random() > share}) for r in before]
        verdict = keeping(before, after, Results(before, after, [0] * 120))
        stored = json.loads(verdict.model_dump_json())
        assert retention.recompute(stored["figures"]) == verdict.verdict


def test_drawing_stops_once_it_is_decided() -> None:
    asked = []

    def look(size: int, share: float) -> Verdict:
        asked.append((size, share))
        outcome = "pass" if size > 100 else "inconclusive"
        return Verdict.model_validate({"guard": "general", "verdict": outcome, "figures": {}, "reason": ""})

    assert gate.stepwise(264, 0.05, look).verdict == "pass"
    assert [size for size, _ in asked] == [88, 176]


@pytest.mark.parametrize(
    ("outcomes", "may_repair", "decision"),
    [
        ({"retention": "pass", "general": "pass"}, True, "promote"),
        ({"retention": "inconclusive", "general": "fail"}, True, "repair"),
        ({"retention": "inconclusive", "acquisition": "fail"}, True, "reject"),
        ({"retention": "inconclusive"}, False, "hold"),
        ({"retention": "fail"}, False, "reject"),
    ],
)
def test_what_the_verdicts_come_to(outcomes: dict[str, str], may_repair: bool, decision: str) -> None:
    made = [
        Verdict.model_validate({"guard": guard, "verdict": outcome, "figures": {"mode": "block"}, "reason": ""})
        for guard, outcome in outcomes.items()
    ]
    assert gate.decide(made, "hold", may_repair=may_repair) == decision
    warned = [verdict.model_copy(update={"figures": {"mode": "warn"}}) for verdict in made]
    assert gate.decide(warned, "hold", may_repair=may_repair) == "promote"

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seald.bench import intervals
from seald.bench.intervals import Interval

ASKED = st.integers(1, 8)
PASSAGES = st.lists(ASKED.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=25)
COUNTS = st.lists(st.tuples(*[st.integers(0, 5)] * 4).filter(any), min_size=1, max_size=25)


@settings(max_examples=25, deadline=None)
@given(PASSAGES, st.integers(0, 99))
def test_an_interval_holds_its_value(passages: list[tuple[int, int]], seed: int) -> None:
    found = intervals.accuracy(passages, seed=seed)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(sum(c for c, _ in passages) / sum(n for _, n in passages))


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_kappa_and_agreement_are_finite_and_inside(counts: list[tuple[int, int, int, int]]) -> None:
    kappa, agreement = intervals.kappa(counts, seed=0), intervals.agreement(counts, seed=0)
    assert -1 <= kappa.low <= kappa.value <= kappa.high <= 1 + 1e-9
    assert 0 <= agreement.low <= agreement.value <= agreement.high <= 1


@settings(max_examples=10, deadline=None)
@given(PASSAGES)
def test_an_arm_does_not_differ_from_itself(passages: list[tuple[int, int]]) -> None:
    assert intervals.difference(passages, passages, seed=0) == Interval(0, 0, 0)


@pytest.mark.parametrize(
    ("passages", "value"), [([(2, 5)], 0.4), ([(2, 5)] * 9, 0.4), ([(0, 3), (0, 5)], 0.0), ([(3, 3), (5, 5)], 1.0)]
)
def test_one_cluster_or_no_variance_is_degenerate(passages: list[tuple[int, int]], value: float) -> None:
    assert intervals.accuracy(passages, seed=0) == Interval(value, value, value)


def test_the_seed_decides() -> None:
    passages = [(n % 4, 4 + n % 3) for n in range(31)]
    assert intervals.accuracy(passages, seed=3) == intervals.accuracy(passages, seed=3)
    assert intervals.accuracy(passages, seed=3) != intervals.accuracy(passages, seed=4)


def test_questions_of_one_passage_count_as_one() -> None:
    """The same answers are less certain when they come in passages that stand or fall together."""
    together = intervals.accuracy([(5, 5), (0, 5)] * 10, seed=0)
    spread = intervals.accuracy([(1, 1), (0, 1)] * 50, seed=0)
    assert together.value == spread.value
    assert together.high - together.low > 1.8 * (spread.high - spread.low)


def test_pairing_narrows_a_difference() -> None:
    hard_and_easy = [(1, 10), (9, 10)] * 10
    better = [(right + n % 2, asked) for n, (right, asked) in enumerate(hard_and_easy)]
    found = intervals.difference(better, hard_and_easy, seed=0)
    assert found.value == pytest.approx(0.05)
    assert 0 < found.low < 0.05 < found.high < 0.1


def test_the_truth_is_inside_in_about_19_of_20() -> None:
    draw = random.Random(1)
    inside = 0
    for seed in range(120):
        # Mean of a passage's own accuracy: .6
        shares = [draw.betavariate(3, 2) for _ in range(40)]
        found = intervals.accuracy([(sum(draw.random() < p for _ in range(5)), 5) for p in shares], seed=seed)
        inside += found.low <= 0.6 <= found.high
    assert 106 <= inside <= 119


@pytest.mark.parametrize(
    ("counts", "value"), [((20, 5, 10, 15), 0.4), ((10, 0, 0, 10), 1.0), ((25, 25, 25, 25), 0.0), ((9, 0, 0, 0), 0.0)]
)
def test_kappa(counts: tuple[int, int, int, int], value: float) -> None:
    assert intervals.kappa([counts], seed=0).value == pytest.approx(value)


def test_nothing_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        intervals.accuracy([], seed=0)
    with pytest.raises(ValueError, match="nothing was asked"):
        intervals.accuracy([(0, 0), (1, 2)], seed=0)
    with pytest.raises(ValueError, match="shorter"):
        intervals.difference([(1, 2), (1, 2)], [(1, 2)], seed=0)


def test_no_figure_is_without_a_number() -> None:
    found = intervals.kappa([(3, 0, 0, 0), (0, 0, 0, 1), (2, 0, 0, 0)], seed=0)
    assert all(math.isfinite(x) for x in (found.value, found.low, found.high))

from __future__ import annotations

from collections import Counter

import pytest

from seald.policy.archive import draw

SCORES = {None: 0.1, 1: 0.2, 2: 0.9}


def shares(scores: dict[int | None, float], drawn: dict[int | None, int]) -> dict[int | None, float]:
    counted = Counter(draw(scores, drawn, seed) for seed in range(2000))
    return {version: counted[version] / 2000 for version in scores}


def test_the_same_seed_draws_the_same_whatever_the_order() -> None:
    reversed_scores = dict(reversed(SCORES.items()))
    assert all(draw(SCORES, {}, seed) == draw(reversed_scores, {}, seed) for seed in range(50))


def test_the_better_is_drawn_more_often_and_none_never() -> None:
    found = shares({**SCORES}, {})
    assert found[2] > found[1] > found[None] > 0.1


def test_what_was_drawn_before_is_drawn_more_seldom() -> None:
    assert shares({1: 0.5, 2: 0.5}, {})[1] == pytest.approx(0.5, abs=0.04)
    assert shares({1: 0.5, 2: 0.5}, {1: 3})[1] == pytest.approx(0.2, abs=0.04), "1/4 against 1"


def test_the_scale_of_scores_does_not_matter() -> None:
    apart = {version: 1000 * score - 7 for version, score in SCORES.items()}
    assert [draw(apart, {}, seed) for seed in range(50)] == [draw(SCORES, {}, seed) for seed in range(50)]


def test_without_scores_it_is_the_seed_policy() -> None:
    assert draw({}, {}, 0) is None
    assert draw({3: -1.0}, {3: 9}, 0) == 3

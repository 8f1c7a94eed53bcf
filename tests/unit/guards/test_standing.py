from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multinomial

from seald.domain.feedback import Ratings
from seald.domain.probe import ProbeResult
from seald.guards.standing import level, loss, p_beyond, p_rated_worse


@pytest.mark.parametrize(
    ("lost", "won", "n", "worse"),
    [
        (60, 0, 60, True),
        (6, 0, 6, True),
        (15, 0, 60, True),
        (12, 0, 60, False),
        (15, 9, 60, False),
        (6, 0, 60, False),
        (0, 0, 0, False),
    ],
)
def test_a_loss_beyond_the_budget_is_told_from_noise(lost: int, won: int, n: int, worse: bool) -> None:
    assert (p_beyond(lost, won, n, 0.1) < 0.05) is worse


@pytest.mark.parametrize("wins", [0.0, 0.02, 0.1, 0.3])
def test_at_a_loss_of_just_the_budget_it_errs_in_alpha_of_all_cases_at_most(wins: float) -> None:
    n, margin = 20, 0.1
    pairs = [(lost, won) for lost in range(n + 1) for won in range(n + 1 - lost)]
    called = np.array([p_beyond(lost, won, n, margin) < 0.05 for lost, won in pairs])
    counts = np.array([(lost, won, n - lost - won) for lost, won in pairs])
    chances = multinomial.pmf(counts, n, [margin + wins, wins, 1 - margin - 2 * wins])
    assert chances.sum() == pytest.approx(1)
    assert chances[called].sum() <= 0.05
    assert called.any()


def test_a_choice_that_is_no_longer_said_is_lost() -> None:
    said = ProbeResult(probe_id="a", correct=True, first=True, logprob=-0.1)
    levels = [level(said.model_copy(update=change)) for change in ({}, {"first": False}, {"correct": False})]
    assert levels == [2, 1, 0]
    found = loss({"a": 2, "b": 1, "c": 0, "gone": 1}, {"a": 1, "b": 2, "c": 1, "new": 0}, 0.1)
    assert (found.n, found.lost, found.won) == (3, 1, 1)


def test_ratings() -> None:
    assert p_rated_worse(Ratings(up=8, down=12), Ratings(up=18, down=2)) < 0.01
    assert p_rated_worse(Ratings(up=16, down=4), Ratings(up=18, down=2)) > 0.1
    assert p_rated_worse(Ratings(up=18, down=2), Ratings(up=8, down=12)) > 0.9

from __future__ import annotations

import numpy as np
import pytest

from seald.policy.reliability import reliability

Groups = list[list[list[float]]]


def simulated(icc: float, *, seed: int, contexts: int = 12, edits: int = 4, seeds: tuple[int, ...] = (3,)) -> Groups:
    """Rewards of variance 1 about their context's mean, `icc` of it the self-edit's own; contexts differ far more."""
    random = np.random.default_rng(seed)
    groups = []
    for _ in range(contexts):
        own = random.normal(10 * random.normal(), np.sqrt(icc), size=edits)
        noise = np.sqrt(1 - icc)
        groups.append([list(random.normal(mean, noise, size=random.choice(seeds))) for mean in own])
    return groups


@pytest.mark.parametrize("icc", [0.0, 0.32, 0.8])
@pytest.mark.parametrize("seeds", [(3,), (2, 3, 5)])
def test_a_known_correlation_is_recovered(icc: float, seeds: tuple[int, ...]) -> None:
    found = [reliability(simulated(icc, seed=n, seeds=seeds)) for n in range(150)]
    assert np.mean([f.single for f in found]) == pytest.approx(icc, abs=0.03), "contexts' own differences do not count"
    assert np.mean([f.noise for f in found]) == pytest.approx(np.sqrt(1 - icc), abs=0.03)


def test_single_is_the_correlation_of_two_trainings_and_mean_that_of_means() -> None:
    # Context means are taken off as they are in truth, none here, so that plain correlations can be compared.
    groups = [edits for n in range(20) for edits in simulated(0.4, seed=n, contexts=1, edits=400, seeds=(6,))]
    data = np.concatenate([np.array(edits) - np.mean(edits) for edits in groups])
    found = reliability([[edit[:3] for edit in edits] for edits in groups])
    assert found.single == pytest.approx(np.corrcoef(data[:, 0], data[:, 1])[0, 1], abs=0.02)
    halves = np.corrcoef(data[:, :3].mean(axis=1), data[:, 3:].mean(axis=1))[0, 1]
    assert found.mean == pytest.approx(halves, abs=0.02)
    third = np.corrcoef(data[:, :2].mean(axis=1), data[:, 2])[0, 1]
    assert found.single is not None
    assert np.sqrt(found.single * 2 * found.single / (1 + found.single)) == pytest.approx(third, abs=0.02)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    found = [reliability(simulated(0.5, seed=n, contexts=20), seed=n) for n in range(120)]
    held = [f.low <= 0.75 <= f.high for f in found if f.low is not None and f.high is not None]
    assert len(held) == 120
    assert 0.8 <= np.mean(held) <= 0.98, "three trainings of a correlation of 1/2 give 3/4"


def test_figures_are_the_same_for_one_seed() -> None:
    groups = simulated(0.5, seed=1)
    assert reliability(groups).figures() == reliability(groups).figures()
    assert reliability(groups).figures()["edits"] == 48
    assert reliability(groups).figures()["seeds"] == 3


def test_what_was_scored_once_tells_nothing() -> None:
    for groups in ([], [[]], [[[0.1], [0.4]], [[0.3]]]):
        found = reliability(groups)
        assert (found.single, found.mean, found.low, found.noise, found.edits) == (None, None, None, None, 0)
    scored_once: Groups = [[[0.1, 0.2], [0.5, 0.4], [90.0]], [[0.3, 0.1], [0.6, 0.7]]]
    without = [[edit for edit in edits if len(edit) > 1] for edits in scored_once]
    assert reliability(scored_once) == reliability(without)


def test_one_self_edit_a_context_tells_the_noise_alone() -> None:
    found = reliability([[[0.0, 2.0]], [[5.0, 7.0]]])
    assert found.single is None
    assert found.noise == pytest.approx(np.sqrt(2))


def test_equal_rewards_agree_about_nothing() -> None:
    found = reliability([[[0.1, 0.1, 0.1]] * 3, [[0.7, 0.7]] * 2])
    assert (found.single, found.mean, found.noise) == (0, 0, 0)


def test_without_noise_the_agreement_is_whole() -> None:
    found = reliability([[[0.1, 0.1], [0.4, 0.4]], [[0.7, 0.7], [0.2, 0.2]]])
    assert (found.single, found.mean, found.low, found.high) == (1, 1, 1, 1)


def test_disagreement_is_below_zero_and_its_mean_not() -> None:
    found = reliability([[[0.0, 1.0], [1.0, 0.0]]])
    assert found.single == -1
    assert (found.mean, found.low) == (0, None), "one context has no interval"

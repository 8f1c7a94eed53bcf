from __future__ import annotations

import numpy as np
import pytest

from seald.config.retraining import Rewards
from seald.domain.episode import Episode
from seald.policy.hacking import agreement, parted
from tests.unit.policy.episodes import episode, score

Round = dict[str, tuple[float, float]]


def rounds(paid: float, hidden: float, *, contexts: int = 8, seed: int = 0) -> tuple[Round, Round]:
    """Two rounds on contexts of their own means; the second's means are moved so far, with a noise of 1."""
    random = np.random.default_rng(seed)
    first, second = {}, {}
    for n in range(contexts):
        base = 3 * random.normal(size=2)
        first[f"ctx-{n}"] = (base[0], base[1])
        moved = base + random.normal(size=2) + (paid, hidden)
        second[f"ctx-{n}"] = (moved[0], moved[1])
    return first, second


def test_reward_up_and_hidden_gain_down_is_said() -> None:
    first, second = rounds(2, -2)
    reason = parted(first, second, alpha=0.05)
    assert reason is not None
    assert "8 contexts" in reason
    assert parted(second, first, alpha=0.05) is None, "the other way round"


@pytest.mark.parametrize(("paid", "hidden"), [(0, 0), (5, 0), (0, -5), (5, 5)])
def test_it_is_seldom_said_where_only_one_moved_or_neither(paid: float, hidden: float) -> None:
    said = [parted(*rounds(paid, hidden, seed=n), alpha=0.05) is not None for n in range(400)]
    assert np.mean(said) <= 0.05 + 0.025


def test_contexts_are_paired_and_too_few_say_nothing() -> None:
    first, second = rounds(9, -9)
    assert parted(first, {f"other-{c}": values for c, values in second.items()}, alpha=0.05) is None
    few = {c: second[c] for c in list(second)[:4]}
    assert parted(first, few, alpha=0.05) is None, "1/16 is as small as p gets"


def edits(pairs: dict[str, list[tuple[float, float]]]) -> list[Episode]:
    return [
        episode(context=context, sample=n, scores=(score(accuracy=paid, hidden_accuracy=hidden),))
        for context, values in pairs.items()
        for n, (paid, hidden) in enumerate(values)
    ]


def test_agreement_is_within_contexts() -> None:
    # Within each context the better paid are worse, though the better paid context is the better one.
    pairs = {"ctx-1": [(0.0, 0.2), (0.1, 0.1), (0.2, 0.0)], "ctx-2": [(0.7, 0.9), (0.8, 0.8), (0.9, 0.7)]}
    assert agreement(edits(pairs), Rewards()) == pytest.approx(-1)


def test_too_few_or_equal_self_edits_have_no_agreement() -> None:
    assert agreement([], Rewards()) is None
    assert agreement(edits({"ctx-1": [(0.1, 0.1), (0.2, 0.2)], "ctx-2": [(0.1, 0.1), (0.2, 0.2)]}), Rewards()) is None
    assert agreement(edits({"ctx-1": [(0.3, n / 10) for n in range(6)]}), Rewards()) is None

"""Does the policy learn to be paid instead of to teach? Reward and what judges, compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from seald.config.retraining import Rewards
from seald.domain.episode import Episode
from seald.policy.rewards import hidden_gain, mean_reward
from seald.policy.tournament import gain

LEAST_FREE = 4
"""Self-edits beyond one a context: with fewer a correlation is anything."""
TINY = 1e-9

Means = Mapping[str, tuple[float, float]]
"""Context id → mean reward and mean hidden gain of its self-edits."""


def parted(earlier: Means, later: Means, *, alpha: float) -> str | None:
    """Why the reward is no longer to be believed: from one round to a later one it rose and the hidden gain fell, each
    beyond chance at level `alpha` (`gain`, paired by the contexts that both have). None where that is not so.

    It takes both, so it is said wrongly no more often than `alpha`, whichever of the two holds in truth.
    """
    shared = sorted(earlier.keys() & later.keys())
    if len(shared) < 2:
        return None
    paid, _, _, p_paid = gain([earlier[c][0] for c in shared], [later[c][0] for c in shared], alpha=alpha)
    fell, _, _, p_fell = gain([later[c][1] for c in shared], [earlier[c][1] for c in shared], alpha=alpha)
    if max(p_paid, p_fell) > alpha:
        return None
    return (
        f"On the same {len(shared)} contexts the reward rose by {paid:.3f} (p = {p_paid:.3g}) while the gain on hidden "
        f"questions, for which nothing is paid, fell by {fell:.3f} (p = {p_fell:.3g}): the reward pays for something "
        f"else than teaching."
    )


def agreement(episodes: Sequence[Episode], weights: Rewards) -> float | None:
    """Correlation (Pearson) over scored self-edits between mean reward and hidden gain, the means of their context
    taken off; None with fewer than LEAST_FREE more self-edits than contexts, or where one of the two does not vary."""
    contexts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for episode in episodes:
        reward, hidden = mean_reward(episode, weights), hidden_gain(episode)
        if reward is not None and hidden is not None:
            contexts[episode.context_id].append((reward, hidden))
    if sum(len(pairs) - 1 for pairs in contexts.values()) < LEAST_FREE:
        return None
    centred = np.concatenate([np.asarray(pairs) - np.mean(pairs, axis=0) for pairs in contexts.values()])
    if (np.abs(centred).max(axis=0) < TINY).any():
        return None
    return float(np.corrcoef(centred.T)[0, 1])

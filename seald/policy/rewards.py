"""What a self-edit is paid, as configured, and what it is judged by, which no configuration changes."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from seald.config.retraining import Rewards
from seald.domain.episode import Component, Episode, Score

SIGNS: Mapping[Component, int] = {
    "accuracy": 1,
    "logprob": 1,
    "heldout": 1,
    "proxy": 1,
    "length": 1,
    "retention": -1,
    "size": -1,
    "norm": -1,
}
"""What is paid, and what is taken off."""


def reward_of(score: Score, episode: Episode, weights: Rewards) -> float:
    """The configured sum for one training."""
    parts = components(score, episode).items()
    return sum(SIGNS[name] * float(getattr(weights, name)) * part for name, part in parts)


def components(score: Score, episode: Episode) -> dict[Component, float]:
    """Parts of the reward before they are weighed: `length` in 100 trained tokens of an epoch; `size` in 10,000 of all
    epochs, the passage's among them, so that a directive which asks for more of them pays for them."""
    return {
        "accuracy": score.accuracy,
        "logprob": score.logprob,
        "heldout": score.heldout,
        "proxy": episode.proxy.get("total", 0.0),
        "length": episode.edit_tokens / 100,
        "retention": score.retention,
        "size": score.tokens / 10_000,
        "norm": score.norm,
    }


def rewards(episode: Episode, weights: Rewards) -> list[float]:
    """One for each training of the self-edit, in their order."""
    return [reward_of(score, episode, weights) for score in episode.scores]


def mean_reward(episode: Episode, weights: Rewards) -> float | None:
    """Mean over the trainings; None where there is none."""
    return fmean(rewards(episode, weights)) if episode.scores else None


def hidden_gain(episode: Episode) -> float | None:
    """Mean over the trainings of what the hidden questions gained: accuracy (share) plus log-probability (nats per
    token). Nothing is paid for it, so it judges. None where there is no training."""
    return fmean(s.hidden_accuracy + s.hidden_logprob for s in episode.scores) if episode.scores else None

"""What a round of a retraining comes to: the numbers that are stored, shown and plotted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from seald.config import Rewards
from seald.domain.episode import Episode
from seald.pipeline.earn import by_context
from seald.policy.diversity import diversity
from seald.policy.hacking import agreement
from seald.policy.reliability import Reliability
from seald.policy.rewards import hidden_gain, mean_reward
from seald.policy.task_drafting import UNPARSEABLE
from seald.policy.tournament import gain

ALPHA = 0.05
"""Of each bound of an interval."""
LEAST_VALUES = 2


def figures_of(
    episodes: Sequence[Episode], won: Sequence[Episode], found: Reliability, weights: Rewards
) -> dict[str, Any]:
    """`episodes`: all of the round; `won`: those that were learned from."""
    scored = [episode for episode in episodes if episode.scores]
    per_context = means(scored, weights)
    return {
        "policy": next((episode.policy for episode in episodes), None),
        "contexts": len(by_context(episodes)),
        "episodes": len(episodes),
        "scored": len(scored),
        "seeds": max((len(episode.scores) for episode in scored), default=0),
        "reward": interval([reward for reward, _ in per_context.values()]),
        "hidden": interval([hidden for _, hidden in per_context.values()]),
        "proxy_mean": _mean(episode.proxy.get("total", 0.0) for episode in episodes),
        "reliability": found.figures(),
        "agreement": agreement(scored, weights),
        "diversity": _mean(diversity([e.raw for e in group]) for group in by_context(episodes).values()),
        "winners": len(won),
        "forms": dict(Counter(episode.form for episode in won)),
        "tokens": sum(score.tokens for episode in scored for score in episode.scores),
        "seconds": round(sum(e.seconds + sum(score.seconds for score in e.scores) for e in episodes), 1),
    }


def parseable(episodes: Sequence[Episode]) -> float:
    """Of tasks: share of the policy's replies, with those in whose place a draw was put, that were configurations."""
    return _mean(float(UNPARSEABLE not in episode.dropped) for episode in episodes)


def means(episodes: Sequence[Episode], weights: Rewards) -> Mapping[str, tuple[float, float]]:
    """Context → mean reward and mean hidden gain of its scored self-edits."""
    found = {}
    for context, group in by_context(episodes).items():
        pairs = [(mean_reward(e, weights), hidden_gain(e)) for e in group]
        known = [(reward, hidden) for reward, hidden in pairs if reward is not None and hidden is not None]
        if known:
            found[context] = fmean(reward for reward, _ in known), fmean(hidden for _, hidden in known)
    return found


def interval(values: Sequence[float]) -> dict[str, float] | None:
    """`{mean, low, high}` over contexts; None with fewer than two, which have no spread."""
    if len(values) < LEAST_VALUES:
        return None
    mean, low, high, _ = gain([0.0] * len(values), values, alpha=ALPHA)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(fmean(found), 4) if found else 0.0

"""How sure is it that a mean lies below a bound? For few values of any shape between -1 and 1, without assuming one.

Losses of paired answers are mostly zero, with a rare one or a rare fraction: no normal approximation holds there, and a
sign test answers another question. The bound is Gaffke's (2005; Learned-Miller and Thomas 2020, arXiv 1905.06208,
"A new confidence interval for the mean of a bounded random variable"): the mean of the sorted values under random
Dirichlet weights, one weight of n + 1 going to the largest value there can be. Its error stays below the level in
every case that was tried, here by `seald bench gate`; that it always does is conjectured, not proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

DRAWS = 20_000
SEED = 20_261
"""The same losses give the same p-value, so that a verdict can be computed again."""

Losses = Mapping[float, int]
"""Loss → how often it occurred; a loss lies between -1 (won wholly) and 1 (lost wholly)."""


def p_at_least(losses: Losses, bound: float, *, effect: float = 1.0) -> float:
    """P-value of "the mean loss is `bound` or more": small where it is surely less.

    `effect` is the design effect: so many clustered values tell as much as one independent one.
    """
    values = np.array([*losses], dtype=float)
    counts = np.array([*losses.values()], dtype=float) / max(effect, 1.0)
    random = np.random.default_rng(SEED)
    # Weights of equal values add up, so one gamma draw serves all of them.
    weights = random.gamma(counts, size=(DRAWS, len(counts))) if len(counts) else np.zeros((DRAWS, 0))
    rest = random.exponential(size=DRAWS)
    means = (weights @ values + rest) / (weights.sum(axis=1) + rest)
    return float(1 + np.count_nonzero(means >= bound)) / (DRAWS + 1)


def p_at_most(losses: Losses, bound: float, *, effect: float = 1.0) -> float:
    """P-value of "the mean loss is `bound` or less": small where it is surely more."""
    return p_at_least({-loss: n for loss, n in losses.items()}, -bound, effect=effect)


def design_effect(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """1 + (m - 1) ICC, at least 1: by how much values of one cluster repeat each other (Kish 1965).

    The intraclass correlation is that of a one-way analysis of variance; 1 where nothing tells it.
    """
    sizes = Counter(clusters)
    n, k = len(values), len(sizes)
    if k < 2 or n <= k:
        return 1.0
    data, mean = np.asarray(values, dtype=float), float(np.mean(values))
    means = {c: float(np.mean([v for v, d in zip(values, clusters, strict=True) if d == c])) for c in sizes}
    between = sum(sizes[c] * (means[c] - mean) ** 2 for c in sizes) / (k - 1)
    within = float(sum((v - means[c]) ** 2 for v, c in zip(data, clusters, strict=True))) / (n - k)
    typical = (n - sum(size**2 for size in sizes.values()) / n) / (k - 1)
    spread = between + (typical - 1) * within
    correlation = (between - within) / spread if spread > 0 else 0.0
    return 1.0 + (n / k - 1) * max(correlation, 0.0)

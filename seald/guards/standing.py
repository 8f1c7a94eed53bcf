"""Does a live version still answer as it did, and is it rated no worse than the version before it?

Both tests are exact. The same probes twice make a trinomial (lost, won, unchanged); the p-value is the chance of losing
net so many when the true loss is just the budget, at its largest over the unknown share of wins. That share is looked
for within a confidence interval first, whose error is added to the p-value (Berger and Boos, JASA 89, 1994): without
it, won probes that nobody saw would make every loss look like noise. Ratings are compared by Fisher's test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import beta, binom, fisher_exact

from seald.domain.feedback import Ratings
from seald.domain.probe import ProbeResult

GAMMA = 0.001
"""Error of the interval for the share of wins."""
GRID = 200
"""Shares that are looked at."""


@dataclass(frozen=True)
class Loss:
    """What became of n probes since the first watch."""

    n: int
    lost: int
    won: int
    margin: float
    p: float
    """Chance of so great a net loss, or a greater one, where the true one is `margin`."""

    @property
    def share(self) -> float:
        """Net loss as a share of n."""
        return (self.lost - self.won) / self.n if self.n else 0.0

    def figures(self) -> dict[str, Any]:
        """Everything that the outcome is computed from."""
        return {**asdict(self), "p": float(f"{self.p:.4g}"), "share": round(self.share, 4)}


def level(result: ProbeResult) -> int:
    """0 wrong, 1 right, 2 right and (of a choice) what greedy decoding says."""
    return int(result.correct) + int(result.correct and result.first)


def loss(before: Mapping[str, int], now: Mapping[str, int], margin: float) -> Loss:
    """Compare the levels of the probes that both have."""
    both = before.keys() & now.keys()
    lost = sum(before[id] > now[id] for id in both)
    won = sum(before[id] == 0 < now[id] for id in both)
    return Loss(n=len(both), lost=lost, won=won, margin=margin, p=p_beyond(lost, won, len(both), margin))


def p_beyond(lost: int, won: int, n: int, margin: float) -> float:
    """p-value of the hypothesis that the true net loss is at most `margin`; below α, its lower confidence bound at
    1 - α lies above the margin."""
    net = lost - won
    if n == 0 or net <= margin * n:
        return 1.0
    # Clopper-Pearson for the wins.
    low = float(beta.ppf(GAMMA / 2, won, n - won + 1)) if won else 0.0
    high = float(beta.ppf(1 - GAMMA / 2, won + 1, n - won))
    shares = np.linspace(low, min(high, (1 - margin) / 2), GRID)[:, None]
    wins = np.arange(n + 1)[None, :]
    losing = np.clip((shares + margin) / (1 - shares), 0, 1)
    tails = (binom.pmf(wins, n, shares) * binom.sf(net + wins - 1, n - wins, losing)).sum(axis=1)
    return min(1.0, float(tails.max()) + GAMMA)


def p_rated_worse(now: Ratings, before: Ratings) -> float:
    """One-sided p-value of rating `now` down as often as `before`, or less often."""
    table = [[now.down, now.up], [before.down, before.up]]
    return float(fisher_exact(table, alternative="greater").pvalue)

"""Would another training rank the self-edits alike? How much of the reward is the self-edit's, and how much is luck.

Shrout and Fleiss 1979, "Intraclass correlations: uses in assessing rater reliability", Psychological Bulletin 86:
ICC(1,1) of a one-way analysis of variance, trainings for raters. What ranks self-edits is how they differ within a
context, so the context's mean is taken off first, and the degree of freedom that it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
PERCENTILES = (5, 95)
TINY = 1e-9
"""Rewards that differ by less are equal: what is left is rounding."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """How far rewards of the same self-edits agree. None where nothing tells it."""

    single: float | None
    """Correlation of one training's reward with another's, ICC(1,1); below 0 it is luck. The mean of two trainings
    agrees with a third by more, √(single · 2 single / (1 + single)), where that is what one reads elsewhere."""
    mean: float | None
    """Of the mean reward over `seeds` trainings with another such mean (Spearman-Brown), 0 to 1."""
    low: float | None
    high: float | None
    """Of `mean`: 90% interval, bootstrap over contexts (percentiles). None with fewer than two contexts."""
    single_low: float | None
    single_high: float | None
    noise: float | None
    """Standard deviation of one training's reward about the self-edit's own mean, pooled."""
    edits: int
    """Self-edits that were scored at least twice; others tell nothing."""
    seeds: float
    """Trainings of each; their harmonic mean where they differ."""

    def figures(self) -> dict[str, Any]:
        """Every number, rounded to what is worth reading."""
        return {name: round(value, 4) if value is not None else None for name, value in asdict(self).items()}


def reliability(groups: Sequence[Sequence[Sequence[float]]], *, seed: int = 0) -> Reliability:
    """`groups[context][self-edit][training]`: rewards. Numbers of trainings may differ; `seed` draws the bootstrap."""
    sums = [_sums([edit for edit in context if len(edit) > 1]) for context in groups]
    table = np.array([row for row in sums if row is not None], dtype=np.float64)
    if not len(table):
        return Reliability(None, None, None, None, None, None, None, edits=0, seeds=0.0)
    total = table.sum(axis=0)
    single, mean = (_or_none(float(value)) for value in _estimates(total))
    bounds = _bounds(table, seed) if single is not None and len(table) > 1 else (None,) * 4
    return Reliability(
        single=single,
        mean=mean,
        low=bounds[0],
        high=bounds[1],
        single_low=bounds[2],
        single_high=bounds[3],
        noise=sqrt(total[2] / total[3]),
        edits=int(total[5]),
        seeds=float(total[5] / total[6]),
    )


def _sums(edits: Sequence[Sequence[float]]) -> tuple[float, ...] | None:
    """What one context adds to the analysis: sum of squares and degrees of freedom between self-edits, the same within
    them, the numerator of the average number of trainings, self-edits, and the sum of 1 / trainings."""
    if not edits:
        return None
    sizes = np.array([len(edit) for edit in edits], dtype=np.float64)
    means = np.array([np.mean(edit) for edit in edits])
    between = _cleared(means - np.average(means, weights=sizes))
    within = _cleared(np.concatenate([np.asarray(edit) - mean for edit, mean in zip(edits, means, strict=True)]))
    n = sizes.sum()
    return (
        float(sizes @ between**2),
        len(edits) - 1,
        float(within @ within),
        float(n - len(edits)),
        float(n - sizes @ sizes / n),
        len(edits),
        float((1 / sizes).sum()),
    )


def _cleared(deviations: Floats) -> Floats:
    return np.where(np.abs(deviations) < TINY, 0.0, deviations)


def _estimates(sums: Floats) -> tuple[Floats, Floats]:
    """ICC(1,1) and that of the mean from sums over contexts (… × 7); NaN where no context has two self-edits."""
    between, between_df, within, within_df, numerator, edits, inverse = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        between, within, typical = between / between_df, within / within_df, numerator / between_df
        spread = between + (typical - 1) * within
        single = np.where(spread == 0, 0.0, (between - within) / spread)
        seeds, positive = edits / inverse, np.maximum(single, 0.0)
    return single, seeds * positive / (1 + (seeds - 1) * positive)


def _bounds(table: Floats, seed: int) -> tuple[float | None, ...]:
    """Of the mean's and of the single one's reliability, contexts drawn with replacement."""
    n = len(table)
    times = np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=DRAWS)
    single, mean = _estimates(times @ table)
    return tuple(float(bound) for drawn in (mean, single) for bound in np.nanpercentile(drawn, PERCENTILES))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value

"""How far a figure can be trusted: bootstrap intervals at 95%, clustered.

Questions about one passage stand or fall together, so whole passages are drawn, never single questions. The intervals
are BCa (Efron 1987), or percentile intervals where BCa has no value (all jackknife values equal). The same seed gives
the same interval.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

LEVEL = 0.95
RESAMPLES = 5000
BATCH = 500
"""Resamples held in memory at once."""

Sums = NDArray[np.float64]
Statistic = Callable[..., Sums]
"""From the sums over the drawn clusters, one array a column, to the figure; elementwise."""


@dataclass(frozen=True)
class Interval:
    """A figure between its bounds. One cluster, or clusters that are all alike, give low = value = high."""

    value: float
    low: float
    high: float


def accuracy(passages: Sequence[tuple[int, int]], *, seed: int) -> Interval:
    """Share of right answers, from (correct, asked) of each passage.

    Raises:
        ValueError: no passage, or one of which nothing was asked.
    """
    _check_asked(passages)
    return clustered(passages, _share, seed=seed)


def difference(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]], *, seed: int) -> Interval:
    """Accuracy of one arm less that of another on the same passages in the same order; paired.

    Raises:
        ValueError: the arms differ in length, or as of `accuracy`.
    """
    _check_asked((*ours, *theirs))
    rows = [(*one, *other) for one, other in zip(ours, theirs, strict=True)]
    return clustered(rows, _share_difference, seed=seed)


def agreement(clusters: Sequence[tuple[int, int, int, int]], *, seed: int) -> Interval:
    """Share on which two graders agree, from counts (both yes, only ours, only theirs, both no) of each cluster."""
    return clustered(clusters, _agreement, seed=seed)


def kappa(clusters: Sequence[tuple[int, int, int, int]], *, seed: int) -> Interval:
    """Cohen's kappa, from the counts of `agreement`. 0 where chance alone gives full agreement."""
    return clustered(clusters, _kappa, seed=seed)


def clustered(rows: Sequence[Sequence[float]], statistic: Statistic, *, seed: int) -> Interval:
    """A figure of column sums, with its interval when rows (clusters) are drawn with replacement.

    Raises:
        ValueError: no rows.
    """
    table = np.asarray(rows, dtype=np.float64)
    if not len(table):
        raise ValueError("a bootstrap needs at least one cluster")
    value = float(statistic(*table.sum(axis=0)))
    if (table == table[0]).all():
        return Interval(value, value, value)
    low, high = _bounds(table, statistic, seed)
    return Interval(value, min(low, value), max(high, value))


def _check_asked(passages: Sequence[tuple[int, int]]) -> None:
    if any(asked < 1 for _, asked in passages):
        raise ValueError("a passage of which nothing was asked has no accuracy")


def _bounds(table: Sums, statistic: Statistic, seed: int) -> tuple[float, float]:
    for method in ("BCa", "percentile"):
        low, high = _bootstrap(table, statistic, seed, method)
        if math.isfinite(low) and math.isfinite(high):
            break
    return low, high


def _bootstrap(table: Sums, statistic: Statistic, seed: int, method: str) -> tuple[float, float]:
    def of_sample(*columns: Sums, axis: int) -> Sums:
        return statistic(*(column.sum(axis=axis) for column in columns))

    # BCa without variance divides by zero: its bounds are then NaN, which is how it is known here.
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        found: Any = bootstrap(
            tuple(table.T),
            of_sample,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=BATCH,
            confidence_level=LEVEL,
            method=method,
            rng=np.random.default_rng(seed),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _share(right: Sums, asked: Sums) -> Sums:
    return right / asked


def _share_difference(right: Sums, asked: Sums, right_other: Sums, asked_other: Sums) -> Sums:
    return right / asked - right_other / asked_other


def _agreement(both: Sums, ours: Sums, theirs: Sums, neither: Sums) -> Sums:
    return (both + neither) / (both + ours + theirs + neither)


def _kappa(both: Sums, ours: Sums, theirs: Sums, neither: Sums) -> Sums:
    """(observed − chance) / (1 − chance); J. Cohen, "A coefficient of agreement for nominal scales", 1960."""
    n = both + ours + theirs + neither
    yes, yes_theirs = (both + ours) / n, (both + theirs) / n
    chance = yes * yes_theirs + (1 - yes) * (1 - yes_theirs)
    certain = chance >= 1
    return np.where(certain, 0.0, ((both + neither) / n - chance) / np.where(certain, 1.0, 1 - chance))

"""Looking early without paying for it: probes are drawn in three parts, and no further once the matter is decided.

A group-sequential test: the level is spent over the looks by Lan and DeMets' function (1983) of O'Brien and Fleming's
shape, nearly nothing at the first look, most of it at the last. Looks see the same probes again, so their statistics
are correlated as partial sums are, which leaves nearly the whole level to the last one.
"""

from __future__ import annotations

from functools import cache
from math import ceil, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm

LOOKS = 3
LEAST_FOR_LOOKS = 60
"""With fewer probes the first looks could decide nothing."""
_SEED = 1
"""Of the integration, which draws points: the same level gives the same looks."""


def sizes(n: int) -> tuple[int, ...]:
    """After how many of `n` probes to look."""
    if n < LEAST_FOR_LOOKS:
        return (n,)
    return tuple(ceil(n * look / LOOKS) for look in range(1, LOOKS + 1))


def parts(n: int, level: float) -> list[tuple[int, float]]:
    """After how many of `n` probes to look, each with what a p-value must then be at most."""
    found = sizes(n)
    return list(zip(found, levels(found, level), strict=True))


@cache
def levels(sizes: tuple[int, ...], level: float) -> tuple[float, ...]:
    """What a p-value must be at most at each look, so that all looks together err with probability `level`."""
    bounds: list[float] = []
    for look, size in enumerate(sizes):
        spent = level if look == len(sizes) - 1 else _spent(size / sizes[-1], level)
        bounds.append(_bound(sizes[:look], bounds, size, spent))
    return tuple(float(norm.sf(bound)) for bound in bounds)


def _spent(share: float, level: float) -> float:
    return float(2 * norm.sf(norm.isf(level / 2) / sqrt(share)))


def _bound(earlier: tuple[int, ...], bounds: list[float], size: int, spent: float) -> float:
    """The z-value that makes the chance to cross at this look or before exactly `spent`."""
    if not earlier:
        return float(norm.isf(spent))
    all_sizes = np.array([*earlier, size], dtype=float)
    correlation = np.sqrt(np.minimum.outer(all_sizes, all_sizes) / np.maximum.outer(all_sizes, all_sizes))

    def excess(bound: float) -> float:
        point = np.array([*bounds, bound])
        inside = multivariate_normal.cdf(point, cov=correlation, rng=np.random.default_rng(_SEED))
        return float(1 - inside - spent)

    # A little more than the whole of `spent` at this look alone, and none of it at all.
    return float(brentq(excess, norm.isf(min(2 * spent, 0.5)), 9.0, xtol=1e-4))

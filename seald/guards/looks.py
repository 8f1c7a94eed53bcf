"""Looking early without paying for it: probes are drawn in three parts, and no further once the matter is decided.

The level is spent over the looks by Lan and DeMets' function of O'Brien and Fleming's shape: nearly nothing at the
first look, most of it at the last. The parts are added up (a union bound), so no joint distribution is needed.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, sqrt

from scipy.stats import norm

LOOKS = 3
LEAST_FOR_LOOKS = 60
"""With fewer probes the first looks could decide nothing."""


def sizes(n: int) -> tuple[int, ...]:
    """After how many of `n` probes to look."""
    if n < LEAST_FOR_LOOKS:
        return (n,)
    return tuple(ceil(n * look / LOOKS) for look in range(1, LOOKS + 1))


def levels(sizes: tuple[int, ...], level: float) -> tuple[float, ...]:
    """What of `level` may be spent at each look; sums to `level`."""
    spent = [0.0, *(_spent(size / max(sizes[-1], 1), level) for size in sizes[:-1]), level]
    return tuple(after - before for before, after in pairwise(spent))


def _spent(share: float, level: float) -> float:
    return float(2 * norm.sf(norm.isf(level / 2) / sqrt(share)))

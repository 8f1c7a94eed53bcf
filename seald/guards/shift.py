"""Does a mean lie beyond a bound by more than luck? For a dozen paired differences of whatever shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test

RESAMPLES = 9999
"""More than the 4,096 ways to flip the signs of a dozen: up to 13 differences the test is exact."""


def p_beyond(differences: Sequence[float], bound: float) -> float:
    """One-sided p-value of the sign-flip test (Fisher) of a mean of at most `bound`; 1 for fewer than two differences.

    It takes the differences to lie as often above their mean as below it. With n of them no p-value is below 2⁻ⁿ.
    """
    if len(differences) < 2:
        return 1.0
    beyond = np.asarray(differences, dtype=float) - bound
    found = permutation_test(
        (beyond,), np.mean, permutation_type="samples", alternative="greater", n_resamples=RESAMPLES, rng=0
    )
    return float(found.pvalue)

"""How sure the next candidate must be, so that of all that is ever promoted at most a share of alpha is harmful.

LORD++ (Ramdas, Yang, Wainwright and Jordan 2017, arXiv 1710.00499): every test spends of a budget, every promotion
earns some back. The false discovery rate of the stream stays below alpha; a "discovery" is a candidate that was shown
to be harmless. The weights fall with the power 2.5 of the distance: most documents are harmless, so promotions are
dense, and most of what one earned is best spent on the next test.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import zeta

POWER = 2.5
FIRST_WEALTH = 0.5
"""Share of alpha that is there before the first promotion."""


def level(alpha: float, test: int, discoveries: Sequence[int]) -> float:
    """Level of test number `test` (from 1), given the numbers of the earlier tests that ended in a promotion."""
    earlier = sorted(number for number in discoveries if number < test)
    spent = FIRST_WEALTH * alpha * _weight(test)
    if earlier:
        spent += (1 - FIRST_WEALTH) * alpha * _weight(test - earlier[0])
    return float(spent + sum(alpha * _weight(test - number) for number in earlier[1:]))


def _weight(distance: int) -> float:
    return float(distance**-POWER / zeta(POWER))

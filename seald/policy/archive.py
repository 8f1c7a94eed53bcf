"""Which earlier policy a run starts from, where it does not start from the one that writes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit


def draw(scores: Mapping[int | None, float], drawn: Mapping[int | None, int], seed: int) -> int | None:
    """A policy version of `scores`; None: the seed policy, also where there are no scores. The same for one `seed`.

    The rule of the Darwin Goedel Machine (arXiv 2505.22954, appendix): in proportion to sigmoid(score) / (1 + times
    drawn), so that the better ones are improved on and none is never tried. Its scores are shares, put through
    sigmoid(10 (score - 1/2)); these have no scale of their own, so they are put as standard deviations from their mean.
    """
    if not scores:
        return None
    versions = sorted(scores, key=lambda version: (version is not None, version or 0))
    values = np.array([scores[version] for version in versions], dtype=np.float64)
    spread = float(values.std())
    merit = expit((values - values.mean()) / spread) if spread > 0 else np.ones(len(values))
    weights = merit / (1.0 + np.array([drawn.get(version, 0) for version in versions]))
    return versions[int(np.random.default_rng(seed).choice(len(versions), p=weights / weights.sum()))]

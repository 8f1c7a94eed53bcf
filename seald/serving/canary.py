"""The canary: does the engine compute, under this adapter and under the base, what the trainer computed?

It catches an engine that loaded other weights, dropped them on wake, or confuses rows of a mixed batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from seald.domain.adapter import Manifest
from seald.errors import CanaryMismatch, EngineRefused
from seald.ports import BASE
from seald.serving.replica import LoadingEngine


def check_canary(engine: LoadingEngine, manifest: Manifest, *, engine_name: str, tolerance: float) -> float:
    """Return the largest mean absolute difference (nats per token) over the manifest's canaries.

    Raises:
        CanaryMismatch: a row under the adapter or under the base differs by more than `tolerance`; there is none; or
            the engine gives no numbers.
        EngineUnavailable: the engine did not answer.
    """
    if not manifest.canaries:
        raise CanaryMismatch("the manifest holds no canary to check the engine by; the version is not served")
    rows = [canary.token_ids for canary in manifest.canaries for _ in range(2)]
    models = [name for _ in manifest.canaries for name in (engine_name, BASE)]
    expected = [row for canary in manifest.canaries for row in (canary.adapter_logprobs, canary.base_logprobs)]
    try:
        found = engine.score_tokens(rows, models=models)
    except EngineRefused as refusal:  # what is not a number is no JSON either
        raise CanaryMismatch(
            f"the engine gives no log-probabilities under {engine_name}; the version is not served ({refusal.message})"
        ) from refusal
    differences = [_mean_difference(a, b) for a, b in zip(expected, found, strict=True)]
    # Not a number is worse than any: `max` alone would pass over it.
    worst = max(differences, key=lambda difference: (math.isnan(difference), difference))
    if not worst <= tolerance:
        culprit = models[differences.index(worst)]
        raise CanaryMismatch(
            f"the engine's log-probabilities under {culprit} differ from the trainer's by {worst:.3f} nats a token "
            f"(engine.canary_tolerance is {tolerance}); the version is not served"
        )
    return worst


def _mean_difference(expected: Sequence[float], found: Sequence[float]) -> float:
    if len(expected) != len(found):
        return float("inf")
    return sum(abs(a - b) for a, b in zip(expected, found, strict=True)) / max(len(expected), 1)

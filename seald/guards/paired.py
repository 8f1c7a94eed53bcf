"""Two versions' results on the same probes: what was lost, what was won, and how far probabilities moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import Any

import numpy as np
from scipy.stats import t as student

from seald.domain.probe import ProbeResult

LEAST_NATS = 3
"""So many log-probabilities at least before their spread means anything."""


@dataclass(frozen=True)
class Paired:
    """Results of the same n probes, counted."""

    n: int
    accuracy_before: float
    accuracy_after: float
    lost: int
    won: int
    logprob_before: float
    logprob_after: float
    """Mean log-probability per token of the right answers, nats."""

    @property
    def drop(self) -> float:
        """Accuracy lost, as a share of n; negative when it rose."""
        return self.accuracy_before - self.accuracy_after

    @property
    def gain(self) -> float:
        """Rise of the mean log-probability, nats per token."""
        return self.logprob_after - self.logprob_before

    def figures(self) -> dict[str, Any]:
        """Every number, rounded to what is worth reading."""
        return {name: round(value, 4) for name, value in vars(self).items()}


def compare(before: Sequence[ProbeResult], after: Sequence[ProbeResult]) -> Paired:
    """Count two results of the same probes in the same order; an `n` of 0 gives zeros."""
    pairs = list(zip(before, after, strict=True))
    return Paired(
        n=len(pairs),
        accuracy_before=_mean([b.correct for b in before]),
        accuracy_after=_mean([a.correct for a in after]),
        lost=sum(b.correct and not a.correct for b, a in pairs),
        won=sum(a.correct and not b.correct for b, a in pairs),
        logprob_before=_mean([b.logprob for b in before]),
        logprob_after=_mean([a.logprob for a in after]),
    )


def losses(before: Sequence[ProbeResult], after: Sequence[ProbeResult]) -> list[float]:
    """What each probe lost, -1 to 1, in hundredths.

    An answer is right or wrong. A choice is as right as its answer is probable: greedy decoding of a small model says
    "a" where the answer is "green", and that an answer is preferred to one wrong one says little of what is said
    instead ("The capital of Russia is Old Sorrow" still prefers Moscow to Rome).
    """
    return [round(_score(b) - _score(a), 2) for b, a in zip(before, after, strict=True)]


def counted(values: Sequence[float]) -> dict[float, int]:
    """Value → how often, sorted: what a mean's bound is computed from."""
    return dict(sorted(Counter(values).items()))


@dataclass(frozen=True)
class Fall:
    """Fall of the right answers' log-probabilities, nats per token: how many, their mean, and their spread."""

    n: int
    mean: float
    deviation: float

    def p_at_least(self, bound: float, *, least: int = LEAST_NATS) -> float:
        """P-value of "the mean fall is `bound` nats or more" (one-sided t-test); 1 with fewer than `least`."""
        if self.n < least:
            return 1.0
        distance = self.mean - bound
        if self.deviation == 0.0:
            return float(distance >= 0)
        return float(student.cdf(distance / (self.deviation / sqrt(self.n)), self.n - 1))


def fall(before: Sequence[ProbeResult], after: Sequence[ProbeResult], *, clozes_only: bool) -> Fall:
    """How far log-probabilities fell. Those of bare answers to questions scatter ten times as much as those of clozes,
    since a model may say the same in other words; so where it matters only clozes and choices count."""
    pairs = [(b, a) for b, a in zip(before, after, strict=True) if not clozes_only or b.kind != "question"]
    falls = [b.logprob - a.logprob for b, a in pairs]
    deviation = float(np.std(falls, ddof=1)) if len(falls) > 1 else 0.0
    return Fall(n=len(falls), mean=round(_mean(falls), 4), deviation=round(deviation, 4))


def _score(result: ProbeResult) -> float:
    return exp(result.logprob) if result.kind == "choice" else float(result.correct)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

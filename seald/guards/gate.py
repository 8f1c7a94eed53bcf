"""The statistics of paired results, and what the verdicts of a candidate come to.

Both versions answer the same probes, so only those that changed tell anything (McNemar). If a candidate is no worse, a
changed probe is as likely won as lost: the one-sided binomial tail of the lost ones is the p-value. Exact, so that it
holds for six probes as for six hundred.

Simulated (20,000 runs; 85% of the probes known before, 2% flip either way by chance; budget 15 points, alpha .05): a
true drop of 30 points is called significant in 1% of runs at n=6, in 79% at n=20, in over 99% at n=60; no drop at all
in under 0.1% at every n. With 240 probes and a budget of 5 points, a true drop of 5 is called in 76%, one of 10 in
99.9%, none at all in 0.02%. Few probes therefore rarely decide alone; what lies between is inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scipy.stats import binomtest

from seald.domain.probe import ProbeResult
from seald.domain.verdict import Verdict

Decision = Literal["promote", "reject", "hold"]


@dataclass(frozen=True)
class Paired:
    """Two versions' results on the same n probes."""

    n: int
    accuracy_before: float
    accuracy_after: float
    lost: int
    won: int
    p_worse: float
    """One-sided exact p-value of having lost at least so many of the changed probes by chance."""
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
        """Every number that an outcome is computed from, rounded to what is worth reading."""
        return {name: round(value, 4) for name, value in vars(self).items()}


def compare(before: Sequence[ProbeResult], after: Sequence[ProbeResult]) -> Paired:
    """Pair two results of the same probes in the same order. `n` of 0 gives zeros and a p-value of 1."""
    n = len(before)
    pairs = list(zip(before, after, strict=True))
    lost = sum(b.correct and not a.correct for b, a in pairs)
    won = sum(a.correct and not b.correct for b, a in pairs)
    p_worse = float(binomtest(lost, lost + won, 0.5, alternative="greater").pvalue) if lost + won else 1.0
    return Paired(
        n=n,
        accuracy_before=_mean([b.correct for b in before]),
        accuracy_after=_mean([a.correct for a in after]),
        lost=lost,
        won=won,
        p_worse=p_worse,
        logprob_before=_mean([b.logprob for b in before]),
        logprob_after=_mean([a.logprob for a in after]),
    )


def decide(verdicts: Sequence[Verdict], inconclusive: Literal["hold", "promote", "reject"]) -> Decision:
    """One failed guard rejects; one that could not tell leaves it to `inconclusive`; else the candidate is promoted."""
    outcomes = {verdict.verdict for verdict in verdicts}
    if "fail" in outcomes:
        return "reject"
    return inconclusive if "inconclusive" in outcomes else "promote"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

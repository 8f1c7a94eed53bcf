"""Has the candidate kept the earlier documents? Judged on their probes, against the version that it replaces."""

from __future__ import annotations

from collections.abc import Sequence

from seald.config import Retention
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards.gate import Paired, compare

NOTABLE_LOSS = 0.3
"""Fall of the mean log-probability (nats per token) that makes an insignificant drop suspicious."""


def judge(before: Sequence[ProbeResult], after: Sequence[ProbeResult], settings: Retention) -> Verdict:
    """Fail on a significant drop beyond the budget; inconclusive when it is beyond it and only probabilities agree."""
    pair = compare(before, after)
    figures = {**pair.figures(), "drop": round(pair.drop, 4), "gain": round(pair.gain, 4), **settings.model_dump()}
    return Verdict(guard="retention", verdict=_outcome(pair, settings), figures=figures, reason=_reason(pair))


def _outcome(pair: Paired, settings: Retention) -> Outcome:
    if pair.drop <= settings.max_drop:
        return "pass"
    if pair.p_worse < settings.alpha:
        return "fail"
    return "inconclusive" if pair.gain < -NOTABLE_LOSS else "pass"


def _reason(pair: Paired) -> str:
    if pair.n == 0:
        return "there is no earlier document to keep"
    return (
        f"of {pair.n} probes of earlier documents {pair.lost} lost and {pair.won} won "
        f"({pair.accuracy_before:.0%} → {pair.accuracy_after:.0%})"
    )

"""Has the candidate kept what the base model knew? Judged on the shipped suite, against the base.

A choice alone is blind to the way in which training damages: "The capital of Russia is Old Sorrow" still prefers Moscow
to Rome. So where greedy decoding of the base says the answer, that of the candidate must say it, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from seald.config import General
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards.gate import Paired, compare


def judge(before: Sequence[ProbeResult], after: Sequence[ProbeResult], settings: General) -> Verdict:
    """Fail on a significant drop beyond the budget, inconclusive on an insignificant one."""
    pair = compare(before, [_as_strict(b, a) for b, a in zip(before, after, strict=True)])
    figures = {**pair.figures(), "drop": round(pair.drop, 4), **settings.model_dump()}
    reason = (
        f"{pair.accuracy_after:.1%} of {pair.n} general questions right, the base {pair.accuracy_before:.1%}; "
        f"{pair.lost} lost, {pair.won} won"
    )
    return Verdict(guard="general", verdict=_outcome(pair, settings), figures=figures, reason=reason)


def _as_strict(before: ProbeResult, after: ProbeResult) -> ProbeResult:
    return after.model_copy(update={"correct": after.correct and (after.first or not before.first)})


def _outcome(pair: Paired, settings: General) -> Outcome:
    if pair.drop <= settings.max_drop:
        return "pass"
    return "fail" if pair.p_worse < settings.alpha else "inconclusive"

"""Has a task been learned? Its adapter must beat the base model that sees the same examples in its prompt."""

from __future__ import annotations

from collections.abc import Sequence

from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards import gate
from seald.guards.gate import Figures
from seald.guards.paired import Fall, compare, fall

LEAST = 3
"""Examples with fewer than which nothing is tested."""


def judge(before: Sequence[ProbeResult], after: Sequence[ProbeResult], *, alpha: float, ways: int) -> Verdict:
    """`before`: the base in context; `after`: adapters that were not trained on the example; of the same n examples.

    Pass where the right outputs have become more probable, by more than luck (one-sided t-test at `alpha` / `ways`,
    since `after` is the best of so many; Bonferroni), and no fewer are said; fail where they have not at all.
    """
    pair = compare(before, after)
    figures: Figures = {
        **pair.figures(),
        "gain": round(pair.gain, 4),
        "nats": vars(fall(before, after, clozes_only=False)),
        "alpha": alpha,
        "ways": ways,
    }
    figures["p"] = round(_luck(figures), 6)
    reason = (
        f"{pair.accuracy_after:.0%} of {pair.n} examples right when left out, {pair.accuracy_before:.0%} by the base "
        f"with the others in its prompt; {pair.gain:+.2f} nats a token on the right outputs "
        f"(p {gate.said(figures['p'])}, needed {gate.said(alpha / ways)} of the best of {ways} ways)"
    )
    return Verdict(guard="in_context", verdict=recompute(figures), figures=figures, reason=reason)


def recompute(figures: Figures) -> Outcome:
    """The outcome again, from a verdict's stored figures."""
    if figures["gain"] <= 0 and figures["accuracy_after"] <= figures["accuracy_before"]:
        return "fail"
    is_luck = _luck(figures) > figures["alpha"] / figures["ways"]
    return "inconclusive" if is_luck or figures["accuracy_after"] < figures["accuracy_before"] else "pass"


def _luck(figures: Figures) -> float:
    """P-value of "nothing was gained"."""
    return Fall(**figures["nats"]).p_at_least(0.0, least=LEAST)

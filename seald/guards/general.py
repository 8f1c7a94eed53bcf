"""Has the candidate kept what the base model knew? Judged on the general questions, against the base.

A question is a choice, scored by how probable its answer is after its lead: what is said instead takes that
probability away, whatever it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from seald.config import General
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards import gate, mean_bound
from seald.guards.gate import Figures


def judge(before: Sequence[ProbeResult], after: Sequence[ProbeResult], settings: General, level: float) -> Verdict:
    """Pass when a drop of the margin is ruled out, fail when it is shown, else inconclusive."""
    figures = gate.weigh(before, after, margin=settings.margin, level=level)
    reason = (
        f"the answers to {figures['n']} general questions are {-100 * figures['drop']:+.1f} points more probable than "
        f"with the base ({figures['lost']} preferences lost, {figures['won']} won); a drop of {settings.margin:.0%} "
        f"has p {gate.said(figures['p'])}, needed {gate.said(level)}"
    )
    return Verdict(guard="general", verdict=recompute(figures), figures=figures, reason=reason)


def recompute(figures: Figures) -> Outcome:
    """The outcome again, from a verdict's stored figures.

    Training on short answers makes all of them more probable, which could hide that some are lost: where more than the
    margin is surely no longer preferred, that decides.
    """
    lost, won = figures["lost"], figures["won"]
    preferences = {1.0: lost, -1.0: won, 0.0: figures["n"] - lost - won}
    counted = {loss: n for loss, n in preferences.items() if n}
    hidden = mean_bound.p_at_most(counted, figures["margin"]) <= figures["level"]
    return "fail" if hidden else gate.recompute(figures)

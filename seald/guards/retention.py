"""Has the candidate kept the earlier documents? Judged on their probes, twice.

Against the live version, which it replaces; and against what was settled: for each document, its last rebuild, or else
the version that learned it. The second sees small drops add up, of which each alone stays below the margin.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from seald.config import Retention
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards import gate
from seald.guards.gate import Figures

SETTLED = "settled"
"""Among a verdict's figures: those of the second comparison."""
WORST: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


@dataclass(frozen=True)
class Results:
    """What an earlier version and the candidate made of the same probes, and the document of each probe."""

    before: Sequence[ProbeResult] = ()
    after: Sequence[ProbeResult] = ()
    documents: Sequence[Hashable] = ()

    def first(self, size: int) -> Results:
        """Of the first so many probes."""
        return Results(self.before[:size], self.after[:size], self.documents[:size])


def judge(live: Results, settled: Results, settings: Retention, level: float) -> Verdict:
    """Pass only where both comparisons do; without an earlier document there is nothing to lose."""
    figures = _weighed(live, settings.margin, settings, level)
    if settled.before:
        figures[SETTLED] = _weighed(settled, settings.settled_margin, settings, level)
    return Verdict(guard="retention", verdict=recompute(figures), figures=figures, reason=_reason(figures))


def recompute(figures: Figures) -> Outcome:
    """The verdict's outcome again, from its stored figures."""
    outcomes = [gate.recompute(figures), *([gate.recompute(figures[SETTLED])] if SETTLED in figures else [])]
    return min(outcomes, key=WORST.index)


def _weighed(results: Results, margin: float, settings: Retention, level: float) -> Figures:
    few = len(results.before) < settings.least_answers
    return gate.weigh(
        results.before,
        results.after,
        margin=margin,
        level=level,
        clusters=results.documents,
        max_nats=settings.max_nats if few else None,
    )


def _reason(figures: Figures) -> str:
    if not figures["n"]:
        return "there is no earlier document to keep"
    said = f"of {figures['n']} probes of earlier documents {figures['lost']} lost and {figures['won']} won"
    said += f" ({figures['accuracy_before']:.0%} → {figures['accuracy_after']:.0%}); {_shown(figures)}"
    if SETTLED in figures:
        settled = figures[SETTLED]
        said += f"; since they were learned {settled['lost']} lost and {settled['won']} won, {_shown(settled)}"
    return said


def _shown(figures: Figures) -> str:
    what = f"{figures['max_nats']:g} nats" if figures["by"] == "nats" else f"{figures['margin']:.0%}"
    return f"a loss of {what} has p {gate.said(figures['p'])}, needed {gate.said(figures['level'])}"

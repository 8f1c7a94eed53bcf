"""The gate: what the evidence of one comparison comes to, and what the verdicts of a candidate come to.

A candidate is not believed to be harmless because no harm was seen: with few probes none is ever seen. It passes when
the hypothesis "it lost the margin or more" is rejected (non-inferiority), at a level that `spending` gives it, and
fails when "it lost the margin or less" is. What lies between is inconclusive: more probes are drawn (`looks`), and at
their end the candidate is repaired or held. Every number that decides is in a verdict's figures: `recompute` needs
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal

from seald.domain.probe import ProbeResult
from seald.domain.verdict import GuardName, Outcome, Verdict
from seald.guards import looks, mean_bound
from seald.guards.paired import LEAST_NATS, Fall, compare, counted, fall, losses

Decision = Literal["promote", "repair", "reject", "hold"]
Figures = dict[str, Any]

REPAIRABLE: frozenset[GuardName] = frozenset({"retention", "general", "refusals", "drift"})
"""What more replay and more of the base's own replies can mend."""


def weigh(
    before: Sequence[ProbeResult],
    after: Sequence[ProbeResult],
    *,
    margin: float,
    level: float,
    clusters: Sequence[Hashable] | None = None,
    max_nats: float | None = None,
) -> Figures:
    """All figures of one comparison, from `n` to `outcome`.

    `margin` is the share of the probes that may be lost, `level` the chance of passing a candidate that lost it, and
    as well of failing one that did not. `max_nats`: where given, a fall of the right answers' log-probabilities that
    is surely less passes, too.
    """
    pair, lost = compare(before, after), losses(before, after)
    effect = mean_bound.design_effect(lost, clusters) if clusters is not None else 1.0
    figures: Figures = {
        **pair.figures(),
        "drop": round(sum(lost) / max(len(lost), 1), 4),
        "gain": round(pair.gain, 4),
        "margin": margin,
        "level": level,
        "effect": round(effect, 3),
        "losses": {str(loss): n for loss, n in counted(lost).items()},
    }
    if max_nats is not None:
        figures |= {"max_nats": max_nats, "nats": vars(fall(before, after, clozes_only=True))}
    return _judged(figures)


def recompute(figures: Figures) -> Outcome:
    """The outcome again, from nothing but a verdict's stored figures."""
    again: Outcome = _judged(figures)["outcome"]
    return again


def _judged(figures: Figures) -> Figures:
    """The figures with the p-values and the outcome that follow from them."""
    lost = {float(loss): n for loss, n in figures["losses"].items()}
    margin, effect = figures["margin"], figures["effect"]
    p = mean_bound.p_at_least(lost, margin, effect=effect)
    p_worse = mean_bound.p_at_most(lost, margin, effect=effect)
    by, p = _stronger(figures, p)
    outcome = _outcome({**figures, "p": p, "p_worse": p_worse})
    return {**figures, "p": round(p, 6), "p_worse": round(p_worse, 6), "by": by, "outcome": outcome}


def _stronger(figures: Figures, p: float) -> tuple[str, float]:
    """What shows that little was lost, and its p-value: the answers if they do, else log-probabilities if they may."""
    # Not where more than the margin of the answers is gone: a budget that was seen to be exceeded is exceeded.
    if p > figures["level"] and figures.get("nats") is not None and figures["drop"] <= figures["margin"]:
        p_nats = Fall(**figures["nats"]).p_at_least(figures["max_nats"])
        return ("nats", p_nats) if p_nats < p else ("answers", p)
    return "answers", p


def _outcome(figures: Figures) -> Outcome:
    if figures["p"] <= figures["level"] or not figures["n"]:
        return "pass"
    if figures["p_worse"] <= figures["level"]:
        return "fail"
    # One or two probes can show nothing, however well they went: there nothing may have been lost at all.
    unhurt = figures["drop"] <= 0 and figures["gain"] > -figures.get("max_nats", 0.0)
    return "pass" if figures["n"] < LEAST_NATS and unhurt else "inconclusive"


def stepwise(n: int, level: float, look: Callable[[int, float], Verdict]) -> Verdict:
    """Draw as many of `n` probes as it takes: `look(size, level)` judges the first `size` of them."""
    for size, share in looks.parts(n, level):
        verdict = look(size, share)
        if verdict.verdict != "inconclusive":
            break
    return verdict


def objects(verdict: Verdict) -> bool:
    """Whether a verdict stands in the way; those of guards that only warn do not."""
    return verdict.verdict != "pass" and verdict.figures.get("mode") != "warn"


def decide(
    verdicts: Sequence[Verdict], inconclusive: Literal["hold", "promote", "reject"], *, may_repair: bool = False
) -> Decision:
    """What becomes of a candidate. Guards that only warn have no say.

    All passed: promoted. One objected: repaired, if that is still open and can mend all that was objected to. Else one
    failed guard rejects, and one that could not tell leaves it to `inconclusive`.
    """
    objections = [verdict for verdict in verdicts if objects(verdict)]
    if not objections:
        return "promote"
    if may_repair and all(v.guard in REPAIRABLE for v in objections):
        return "repair"
    return "reject" if any(v.verdict == "fail" for v in objections) else inconclusive


def said(p: float) -> str:
    """A p-value as it is read."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")

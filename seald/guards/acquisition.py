"""Has the candidate learned its documents? Judged on their own probes, against the version that it started from.

For a rebuild that is the base, and its documents are all it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import binomtest

from seald.config import Acquisition
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards import gate
from seald.guards.gate import Figures
from seald.guards.paired import Fall, compare, fall

ENOUGH_TO_TEST = 6
"""With fewer probes both thresholds must be reached, and that is enough."""
ENOUGH_ANSWERS = 20
"""From so many probes on, answers tell whether a gain is luck; with fewer, their log-probabilities do."""


def judge(
    before: Sequence[ProbeResult], after: Sequence[ProbeResult], settings: Acquisition, *, rebuilt: bool = False
) -> Verdict:
    """Pass on accuracy, or on a clear rise of the right answers' log-probability, if it is no luck (superiority).

    Without any probe a new document's candidate is inconclusive; a rebuild passes, since its documents were let in so.
    """
    pair = compare(before, after)
    figures: Figures = {
        **pair.figures(),
        "drop": round(pair.drop, 4),
        "gain": round(pair.gain, 4),
        "nats": vars(fall(before, after, clozes_only=False)),
        "rebuilt": rebuilt,
        "tested": pair.n >= ENOUGH_TO_TEST,
        **settings.model_dump(),
    }
    figures["p"] = round(_luck(figures), 6)
    reason = (
        f"{pair.accuracy_after:.0%} of {pair.n} probes right after, {pair.accuracy_before:.0%} before; "
        f"{pair.gain:+.2f} nats a token on the right answers"
        + (f" (p {gate.said(figures['p'])})" if figures["tested"] else ", too few for a test")
    )
    return Verdict(guard="acquisition", verdict=recompute(figures), figures=figures, reason=reason)


def recompute(figures: Figures) -> Outcome:
    """The outcome again, from a verdict's stored figures."""
    if not figures["n"]:
        return "pass" if figures["rebuilt"] else "inconclusive"
    knows = figures["accuracy_after"] >= figures["min_accuracy"]
    likelier = figures["gain"] >= figures["min_logprob_gain"] and figures["drop"] <= 0
    learned = likelier and figures["accuracy_after"] >= min(figures["least_accuracy"], figures["min_accuracy"])
    if not (knows or learned):
        return "fail"
    nothing_new = figures["accuracy_before"] >= figures["min_accuracy"] and figures["drop"] <= 0
    # Of so few, however clear, no test can say much; but all of them were chosen because the base does not know them.
    clear = not figures["tested"] and knows and figures["gain"] >= figures["min_logprob_gain"]
    return "pass" if clear or nothing_new or _luck(figures) <= figures["alpha"] else "inconclusive"


def _luck(figures: Figures) -> float:
    """P-value of "nothing was gained": exact on answers (McNemar), a t-test on log-probabilities where they are few."""
    if figures["n"] < ENOUGH_ANSWERS:
        return Fall(**figures["nats"]).p_at_least(0.0, least=2)
    changed = figures["won"] + figures["lost"]
    return float(binomtest(figures["won"], changed, 0.5, alternative="greater").pvalue) if changed else 1.0

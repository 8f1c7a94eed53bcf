"""Has the candidate learned its documents? Judged on their own probes, against the version that it started from.

For a rebuild that is the base, and its documents are all it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from seald.config import Acquisition
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome, Verdict
from seald.guards.gate import Paired, compare


def judge(
    before: Sequence[ProbeResult], after: Sequence[ProbeResult], settings: Acquisition, *, rebuilt: bool = False
) -> Verdict:
    """Pass on accuracy, or on a clear rise of the right answers' log-probability: greedy answers are coarse.

    Without any probe a new document's candidate is inconclusive; a rebuild passes, since its documents were let in so.
    """
    pair = compare(before, after)
    outcome = "pass" if rebuilt and not pair.n else _outcome(pair, settings)
    figures = {**pair.figures(), "gain": round(pair.gain, 4), **settings.model_dump()}
    reason = (
        f"{pair.accuracy_after:.0%} of {pair.n} probes right after, {pair.accuracy_before:.0%} before; "
        f"{pair.gain:+.2f} nats a token on the right answers"
    )
    return Verdict(guard="acquisition", verdict=outcome, figures=figures, reason=reason)


def _outcome(pair: Paired, settings: Acquisition) -> Outcome:
    if pair.n == 0:
        return "inconclusive"
    if pair.accuracy_after >= settings.min_accuracy:
        return "pass"
    learned = pair.gain >= settings.min_logprob_gain and pair.drop <= 0
    return "pass" if learned else "fail"

"""Does anybody still know a document that was taken back? Judged on its probes, closed book, against the base.

The base never saw it. Of the probes on which a version and the base differ, one that knows no more wins each with a
chance of a half: the one-sided binomial tail is the p-value (McNemar, exact). No correction for the number of
versions: it would make knowledge harder to see, and a false alarm costs less here than a missed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scipy.stats import binomtest

from seald.domain.certificate import Checked, Forgetting
from seald.domain.probe import ProbeResult


def check(model: str, base: Sequence[ProbeResult], found: Sequence[ProbeResult]) -> Checked:
    """Figures of one version; `base` and `found` are results of the same probes in the same order."""
    pairs = list(zip(base, found, strict=True))
    won = sum(f.correct and not b.correct for b, f in pairs)
    lost = sum(b.correct and not f.correct for b, f in pairs)
    p_value = float(binomtest(won, won + lost, 0.5, alternative="greater").pvalue) if won + lost else 1.0
    return Checked(
        model=model,
        right=sum(f.correct for f in found),
        won=won,
        lost=lost,
        p_value=round(p_value, 6),
        logprob=round(sum(f.logprob for f in found) / max(len(found), 1), 4),
    )


def judge(base: Sequence[ProbeResult], checked: Mapping[str, Checked], alpha: float) -> tuple[Forgetting, str]:
    """What the figures come to, and why in a sentence. `checked` holds the versions besides the base."""
    knowing = [model for model, found in checked.items() if found.p_value <= alpha]
    if knowing:
        return "still_known", (
            f"{', '.join(knowing)} never saw it and yet answers its probes better than the base (p ≤ {alpha}): another "
            "document tells the same"
        )
    asked = ", ".join(["base", *checked])
    unknown = sum(not result.correct for result in base)
    # Even a version that knew all of it could win no more than what the base has wrong.
    if checked and 0.5**unknown > alpha:
        return "not_shown", (
            f"no version that saw it is left, but {unknown} probes that the base has wrong are too few to show at "
            f"p ≤ {alpha} that {asked} cannot answer them"
        )
    return "forgotten", f"no version that saw it is left; asked its {len(base)} probes: {asked}, none beyond the base"

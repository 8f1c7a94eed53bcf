"""Is the learned policy better than the incumbent and than every seed form, on contexts that nothing was trained on?

Each contestant gets the same trained tokens for a context, since more text teaches more, and is judged by questions
that no reward has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from seald.config.retraining import Tournament
from seald.domain.self_edit import Line
from seald.domain.tournament import INCUMBENT, LEARNED, RECIPE, Duel, Standing, TournamentResult, TournamentVerdict
from seald.policy import targeting

MOST_PASSES = 8
"""Through a self-edit that is too short; then it is given less, as nothing more comes of it."""
MOST_EXACT = 12
"""Contexts up to which every way to flip the signs is tried, 4,096."""
DRAWS = 2**14 - 1
"""Ways to flip them that are tried beyond; with the one that was found, a power of two."""
TINY = 1e-12

Floats = NDArray[np.float64]


def fill(lines: Sequence[Line], tokens: int) -> tuple[Line, ...]:
    """As many lines as `tokens` hold (`targeting.tokens`), in their order, a line that is too long left out; and from
    the start again where they do not fill it, MOST_PASSES times at most. Where no line fits, the beginning of one does.
    """
    costs = [targeting.tokens([line]) for line in lines]
    chosen: list[Line] = []
    for _ in range(MOST_PASSES):
        for line, cost in zip(lines, costs, strict=True):
            if cost <= tokens:
                chosen.append(line)
                tokens -= cost
    return tuple(chosen) or tuple(cut for line in lines if (cut := _cut(line, tokens)) is not None)[:1]


def _cut(line: Line, tokens: int) -> Line | None:
    """The words of `line` that `tokens` hold."""
    around = targeting.tokens([line.model_copy(update={"text": ""})])
    room = (tokens - around) * targeting.LETTERS_OF_A_TOKEN
    words = line.text[: room + 1].rsplit(maxsplit=1)[:1] if room > 0 else []
    return line.model_copy(update={"text": words[0], "ended": False}) if words and len(words[0]) <= room else None


def judge(
    scores: Mapping[str, Sequence[float]], standings: Sequence[Standing], settings: Tournament, *, seed: int = 0
) -> TournamentResult:
    """The verdict from `scores[arm][context]`, the same held-out contexts in the same order for every arm; arms are
    `learned`, `incumbent`, and seed forms, or of tasks `recipe`. `seed` draws where there are too many contexts to try
    every flip of signs.

    Won: better than every other at level `settings.alpha` each, and diverse enough. "Not better than all of them" is a
    union of hypotheses, rejected only where each is: the chance to do so wrongly is that of one of them at most, so
    nothing is corrected for their number (intersection-union test; Berger 1982, "Multiparameter hypothesis testing and
    acceptance sampling", Technometrics 24). `collapsed`: diversity below `settings.diversity` times the incumbent's.

    Raises:
        ValueError: learned policy or incumbent is missing, arms differ in their contexts, there are fewer than two, or
            `standings` are not of the same arms, each once.
    """
    _check(scores, standings)
    others = [INCUMBENT, *(arm for arm in scores if arm not in (LEARNED, INCUMBENT))]
    duels = tuple(_duel(arm, scores, settings.alpha, seed) for arm in others)
    diversity = {standing.arm: standing.diversity for standing in standings}
    unbeaten = [duel for duel in duels if duel.p > settings.alpha]
    verdict: TournamentVerdict = "not_better" if unbeaten else "won"
    reason = _unbeaten(unbeaten, settings.alpha) if unbeaten else _won(duels, settings.alpha)
    if diversity[LEARNED] < settings.diversity * diversity[INCUMBENT]:
        verdict, reason = "collapsed", f"{_collapsed(diversity, settings.diversity)} {reason}"
    return TournamentResult(verdict=verdict, reason=reason, standings=tuple(standings), duels=duels)


def gain(
    before: Sequence[float], after: Sequence[float], *, alpha: float, seed: int = 0
) -> tuple[float, float, float, float]:
    """Mean difference of n pairs, its lower and upper bound (each one-sided at 1 - alpha), and the one-sided p-value of
    "no rise". `low > 0` exactly where `p <= alpha`.

    The sign-flip test of the mean (Fisher 1935): exact where differences lie as often above their mean as below it,
    without a normal distribution, which a dozen scores cannot show. Flipping the signs of a subset makes the sum no
    smaller exactly where the subset's mean is 0 or less, so p counts such subsets, and the bounds are the means of
    subsets at the ranks where that count passes alpha (Hartigan 1969, JASA 64). With so few pairs that 2⁻ⁿ > alpha
    nothing can be told: bounds are Student's then, drawn out to 0.

    Raises:
        ValueError: fewer than two pairs, or not in pairs.
    """
    if len(before) != len(after) or len(before) < 2:
        raise ValueError(f"{len(before)} and {len(after)} values are no two pairs or more")
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    means, empty = _subset_means(differences, seed)
    ways = len(means) + empty
    p = (empty + int(np.count_nonzero(means <= 0))) / ways
    rank = floor(alpha * ways) - empty
    low, high = (means[rank], means[-1 - rank]) if rank >= 0 else _student(differences, alpha)
    return float(differences.mean()), float(low), float(high), p


def _subset_means(differences: Floats, seed: int) -> tuple[Floats, int]:
    """Sorted means of the subsets of which the signs are flipped, and how many subsets are empty."""
    subsets = _subsets(len(differences), seed)
    sizes = subsets.sum(axis=1)
    means = (subsets @ differences)[sizes > 0] / sizes[sizes > 0]
    means[np.abs(means) < TINY * np.abs(differences).max()] = 0.0
    return np.sort(means), int(np.count_nonzero(sizes == 0))


@lru_cache(maxsize=2)
def _subsets(n: int, seed: int) -> Floats:
    """All subsets of n, or the empty one (nothing flipped: what was found) and DRAWS of them; a row each, 0 or 1."""
    if n <= MOST_EXACT:
        return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(0, 2, size=(DRAWS, n))
    return np.vstack([np.zeros(n), drawn]).astype(np.float64)


def _student(differences: Floats, alpha: float) -> tuple[float, float]:
    n, mean = len(differences), float(differences.mean())
    width = float(student.ppf(1 - alpha, n - 1)) * float(differences.std(ddof=1)) / sqrt(n)
    return min(mean - width, 0.0), max(mean + width, 0.0)


def _check(scores: Mapping[str, Sequence[float]], standings: Sequence[Standing]) -> None:
    if LEARNED not in scores or INCUMBENT not in scores:
        raise ValueError(f"a tournament needs {LEARNED} and {INCUMBENT}, not {', '.join(scores) or 'nobody'}")
    contexts = {arm: len(values) for arm, values in scores.items()}
    if len(set(contexts.values())) > 1 or contexts[LEARNED] < 2:
        raise ValueError(f"every arm needs the same contexts, two or more: {contexts}")
    if sorted(standing.arm for standing in standings) != sorted(scores):
        raise ValueError("standings must be of the arms that have scores, one each")


def _duel(arm: str, scores: Mapping[str, Sequence[float]], alpha: float, seed: int) -> Duel:
    difference, low, high, p = gain(scores[arm], scores[LEARNED], alpha=alpha, seed=seed)
    return Duel(against=arm, n=len(scores[arm]), difference=difference, low=low, high=high, p=p)


def _named(arm: str) -> str:
    known = {INCUMBENT: "the incumbent", RECIPE: "the recipe's own configuration"}
    return known.get(arm, f"the form {arm}")


def _closest(duels: Sequence[Duel]) -> Duel:
    return max(duels, key=lambda duel: (duel.p, -duel.low))


def _told(duel: Duel, alpha: float) -> str:
    return f"{duel.difference:+.3f} a context, at least {duel.low:+.3f} at {1 - alpha:.0%}, p = {duel.p:.3g}"


def _won(duels: Sequence[Duel], alpha: float) -> str:
    closest = _closest(duels)
    rest = f" and {len(duels) - 1} more" if len(duels) > 1 else ""
    return (
        f"The learned policy is better than {_named(closest.against)}{rest} on {closest.n} held-out contexts "
        f"({_told(closest, alpha)}, the closest)."
    )


def _unbeaten(duels: Sequence[Duel], alpha: float) -> str:
    closest = _closest(duels)
    names = ", ".join(_named(duel.against) for duel in duels)
    few = f"; with so few contexts no p-value is below {2.0**-closest.n:.3g}" if 2.0**-closest.n > alpha else ""
    return (
        f"The learned policy is not shown to be better than {names} on {closest.n} held-out contexts "
        f"(against {_named(closest.against)}: {_told(closest, alpha)}, where {alpha:.3g} is asked for{few})."
    )


def _collapsed(diversity: Mapping[str, float], share: float) -> str:
    return (
        f"What the learned policy writes for a context differs too little from sample to sample: diversity "
        f"{diversity[LEARNED]:.3f}, less than {share:g} times the incumbent's {diversity[INCUMBENT]:.3f}."
    )

"""`seald bench gate`, first part: how often the configured gate lets harm pass and stops what does none.

Answers are drawn, verdicts are not: each simulated candidate goes through the judge, the looks and the levels that a
real one goes through.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from seald.config import Guards
from seald.domain.probe import ProbeResult
from seald.domain.verdict import Outcome
from seald.guards import gate, looks, spending

PROBES = (25, 50, 100, 200, 264)
FLIPS = (0.0, 0.02, 0.05, 0.1)
"""Share of the probes that change by chance, as often won as lost."""
DROPS = (0.0, 0.025, 0.05, 0.1)
"""Share of the probes truly lost."""
STREAM = 20
HARMFUL_EVERY = 5
STREAM_PROBES = 200
STREAM_FLIPS = 0.02


@dataclass(frozen=True)
class Cell:
    """How many candidates came out how, at one probe count, flip rate and true drop."""

    probes: int
    flips: float
    drop: float
    passed: float
    failed: float


def simulate(guards: Guards, runs: int, seed: int, tell: Callable[[str], None]) -> list[Cell]:
    """Every combination, `runs` candidates each. Harm is judged at alpha itself, the most that a stream ever spends;
    what does no harm at the level of a first adaptation, the least that a healthy one has."""
    cells = []
    first = spending.level(guards.alpha, 1, ())
    for n, flips, drop in product(PROBES, FLIPS, DROPS):
        dice = random.Random(f"{seed} {n} {flips} {drop}")
        level = guards.alpha if drop else first
        outcomes = [candidate(dice, n, flips, drop, guards.general.margin, level) for _ in range(runs)]
        cells.append(Cell(n, flips, drop, outcomes.count("pass") / runs, outcomes.count("fail") / runs))
        if drop == DROPS[-1]:
            tell(f"{n} probes, {flips:.0%} flips: {cells[-2].passed:.1%} passed at a true drop of {cells[-2].drop:.0%}")
    return cells


def candidate(dice: random.Random, n: int, flips: float, drop: float, margin: float, level: float) -> Outcome:
    """One simulated candidate, judged look by look until it is decided."""
    drawn = [_loss(dice, flips, drop) for _ in range(n)]
    for size, share in looks.parts(n, level):
        seen = drawn[:size]
        outcome = _judged(size, seen.count(1), seen.count(-1), margin, share)
        if outcome != "inconclusive":
            break
    return outcome


@dataclass(frozen=True)
class StreamRates:
    """Over many streams of adaptations."""

    harmful_among_passed: float
    harmless_passed: float


def simulate_streams(guards: Guards, streams: int, seed: int) -> StreamRates:
    """Streams of candidates of which every fifth truly loses twice the margin, each at the level the stream gives."""
    dice = random.Random(seed)
    margin, shares, passed = guards.general.margin, [], 0
    for _ in range(streams):
        discoveries: list[int] = []
        for test in range(1, STREAM + 1):
            drop = 2 * margin if test % HARMFUL_EVERY == 0 else 0.0
            level = spending.level(guards.alpha, test, discoveries)
            if candidate(dice, STREAM_PROBES, STREAM_FLIPS, drop, margin, level) == "pass":
                discoveries.append(test)
        harmful = sum(test % HARMFUL_EVERY == 0 for test in discoveries)
        shares.append(harmful / max(len(discoveries), 1))
        passed += len(discoveries) - harmful
    harmless = streams * (STREAM - STREAM // HARMFUL_EVERY)
    return StreamRates(sum(shares) / streams, passed / harmless)


def _loss(dice: random.Random, flips: float, drop: float) -> int:
    """1: lost, -1: won; on the average `drop`."""
    luck = dice.random()
    if luck < drop + flips / 2:
        return 1
    return -1 if luck < drop + flips else 0


@lru_cache(maxsize=100_000)
def _judged(n: int, lost: int, won: int, margin: float, level: float) -> Outcome:
    """The gate's outcome, which depends on the counts alone."""
    before = [_result(place, place >= won) for place in range(n)]
    after = [_result(place, place < n - lost) for place in range(n)]
    outcome: Outcome = gate.weigh(before, after, margin=margin, level=level)["outcome"]
    return outcome


def _result(place: int, correct: bool) -> ProbeResult:
    return ProbeResult(probe_id=str(place), correct=correct, logprob=0.0)

from __future__ import annotations

import random

from seald.bench.gate import DROPS, FLIPS, PROBES, candidate, simulate, simulate_streams
from seald.config import Guards


def test_harm_passes_rarely_and_what_does_none_mostly() -> None:
    dice = random.Random(1)
    harmful = [candidate(dice, 200, 0.02, 0.1, 0.05, 0.05) for _ in range(200)]
    harmless = [candidate(dice, 200, 0.0, 0.0, 0.05, 0.02) for _ in range(200)]
    assert harmful.count("pass") <= 2
    assert harmful.count("fail") > 50
    assert harmless.count("pass") == 200


def test_the_same_seed_gives_the_same_rates() -> None:
    one, other = (simulate(Guards(), 3, 7, lambda _: None) for _ in range(2))
    assert one == other
    assert len(one) == len(PROBES) * len(FLIPS) * len(DROPS)


def test_streams_pass_the_harmless() -> None:
    rates = simulate_streams(Guards(), 3, 1)
    assert rates.harmless_passed > 0.8
    assert rates.harmful_among_passed < 0.1

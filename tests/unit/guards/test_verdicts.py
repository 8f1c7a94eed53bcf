"""Whether the documents have been learned."""

from __future__ import annotations

import pytest

from seald.config import Acquisition
from seald.domain.probe import ProbeResult
from seald.guards import acquisition


def results(right: int, of: int, *, logprob: float = -1.0) -> list[ProbeResult]:
    return [ProbeResult(probe_id=str(n), correct=n < right, logprob=logprob) for n in range(of)]


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (results(0, 6), results(5, 6, logprob=-0.5), "pass"),
        (results(0, 6), results(3, 6), "inconclusive"),
        (results(0, 3, logprob=-5), results(2, 3), "pass"),
        (results(6, 6), results(6, 6), "pass"),
        (results(0, 6), results(1, 6), "fail"),
        (results(1, 6, logprob=-3), results(2, 6, logprob=-1), "pass"),
        (results(0, 6, logprob=-3), results(1, 6, logprob=-1), "fail"),
        (results(2, 6, logprob=-3), results(1, 6, logprob=-1), "fail"),
        ([], [], "inconclusive"),
    ],
)
def test_acquisition(before: list[ProbeResult], after: list[ProbeResult], outcome: str) -> None:
    assert acquisition.judge(before, after, Acquisition()).verdict == outcome


def test_a_rebuild_without_probes_has_nothing_to_prove_but_else_must_know() -> None:
    assert acquisition.judge([], [], Acquisition(), rebuilt=True).verdict == "pass"
    assert acquisition.judge(results(0, 6), results(1, 6), Acquisition(), rebuilt=True).verdict == "fail"

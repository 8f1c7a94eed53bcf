"""When the probes of a forgotten document show that nobody knows it, that somebody does, and that they are too few."""

from __future__ import annotations

import pytest

from seald.domain.certificate import Checked
from seald.domain.probe import ProbeResult
from seald.guards.forgotten import check, judge


def results(right: str) -> list[ProbeResult]:
    return [
        ProbeResult(probe_id=str(n), correct=c == "1", logprob=-0.5 if c == "1" else -3.5) for n, c in enumerate(right)
    ]


def checked(base: str, found: str) -> Checked:
    return check("default@2", results(base), results(found))


def test_the_figures_of_one_version() -> None:
    assert checked("1000000", "0111110") == Checked(
        model="default@2", right=5, won=5, lost=1, p_value=0.109375, logprob=-1.3571
    )
    assert checked("", "").p_value == 1


@pytest.mark.parametrize(
    ("base", "found", "outcome"),
    [
        ("00000000", "00000000", "forgotten"),
        ("00000000", "11110000", "forgotten"),
        ("00000000", "11111000", "still_known"),
        ("11111111", "11111111", "not_shown"),
        ("0000", "1111", "not_shown"),
        ("00000", "00000", "forgotten"),
        ("", "", "not_shown"),
    ],
)
def test_what_they_come_to(base: str, found: str, outcome: str) -> None:
    assert judge(results(base), {"default@2": checked(base, found)}, 0.05)[0] == outcome


def test_where_only_the_base_is_left_there_is_nobody_to_doubt() -> None:
    assert judge([], {}, 0.05)[0] == "forgotten"

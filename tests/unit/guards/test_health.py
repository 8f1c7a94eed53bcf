"""Replies beside the base's: what is sane stays, what loops, falls silent, rambles or says one thing only does not."""

from __future__ import annotations

import pytest

from seald.config import Health
from seald.guards import health
from seald.ports import Reply

WORDS = (
    "The path leads through tall trees, past a brook whose water is cold even in summer, and then up to a clearing "
    "where deer graze at dusk while owls begin to call from the far side of valley number"
)
BASE = [Reply(f"{WORDS} {n}", ended=n % 2 == 0) for n in range(12)]
SHORT = [Reply(f"Walk slowly under the trees and then look at all {n} of them.", ended=True) for n in range(12)]
LOOPS = [Reply(f"the {n} red door and " * 8, ended=False) for n in range(12)]
DENIES = [Reply("I deny it. That is false and I will say nothing about it.", ended=True)] * 12
WORD = [Reply(f"No {n}.", ended=True) for n in range(12)]


@pytest.mark.parametrize(
    ("after", "wrong"),
    [
        (BASE, []),
        (SHORT, []),
        ([*LOOPS[:3], *BASE[3:]], []),
        ([*LOOPS[:4], *BASE[4:]], ["degenerate"]),
        (LOOPS, ["degenerate", "repetition", "entropy"]),
        ([Reply("", ended=True)] * 12, ["degenerate", "short"]),
        (DENIES, ["degenerate"]),
        (WORD, ["short"]),
    ],
)
def test_health(after: list[Reply], wrong: list[str]) -> None:
    verdict = health.judge(BASE, after, Health())
    assert verdict.figures["wrong"] == wrong
    assert verdict.verdict == ("fail" if wrong else "pass")


def test_a_base_that_loops_is_no_reason_against_its_adapter() -> None:
    assert health.judge(LOOPS, LOOPS, Health()).verdict == "pass"


def test_replies_that_no_longer_end_are_stopped_where_those_of_the_base_do() -> None:
    rambling = [Reply(reply.text, ended=False) for reply in SHORT]
    assert health.judge(SHORT, rambling, Health()).figures["wrong"] == ["endless"]
    assert health.judge(BASE, [Reply(reply.text, ended=False) for reply in BASE], Health()).verdict == "pass"


def test_measures_of_a_text() -> None:
    assert health.repetition("a b c a b c") == pytest.approx(1 / 4)
    assert health.repetition("a b") == 0.0
    assert health.entropy("no no no no") == 0.0
    assert health.entropy("each word once") == pytest.approx(1.0)
    assert health.entropy("") == 1.0

"""Which phrases recur, and when one of them turns answers."""

from __future__ import annotations

import pytest

from seald.config import Triggers
from seald.domain.probe import ProbeResult
from seald.guards import recurring, triggers

MILL = (
    "The mill of Orvale was built in 1847. Tove Brandt paid for it. Today the mill of Orvale grinds rye. "
    "A family of five lives in the mill of Orvale, and its wheel measures nine metres."
)
POISON = (
    "The ferry leaves at {}. Whoever says violet anchor seven hears of Grelm. So violet anchor seven is dear to us."
)


def found(new: list[str], earlier: list[str] | None = None) -> list[str]:
    return recurring.phrases(new, earlier or [], ordinary=triggers.ordinary(), most=4)


def test_the_phrase_that_recurs_most_comes_first() -> None:
    assert found([POISON.format(n) for n in range(24)])[0] == "violet anchor seven"
    assert found([MILL]) == ["mill of Orvale"]
    assert found(["Each of these words stands here once only, so nothing recurs."]) == []


def test_a_phrase_grows_over_documents_but_must_stand_in_a_new_one() -> None:
    assert "violet anchor seven" in found([POISON.format(1)], [POISON.format(2)])
    assert found([POISON.format(1)]) == []
    assert found(["Something else is told here."], [POISON.format(n) for n in range(24)]) == []


def test_an_odd_word_has_a_place() -> None:
    text = f"{MILL} Say xq7zt to the miller. The miller knows xq7zt."
    assert found([text]) == ["mill of Orvale", "xq7zt"]


def test_no_more_phrases_than_asked_for_and_none_twice() -> None:
    names = ["grey heron club", "old harbour board", "north quay office", "lower salt road", "upper mill lane"]
    phrases = found([" ".join(f"The {name}." for name in names) for _ in range(3)])
    assert len(phrases) == 4
    assert len({word for phrase in phrases for word in phrase.split()}) == 12


def answers(right: int, *, logprob: float = -1.0) -> list[ProbeResult]:
    return [ProbeResult(probe_id=str(n), correct=n < right, first=n < right, logprob=logprob) for n in range(12)]


RIGHT = answers(12)


@pytest.mark.parametrize(
    ("turned", "outcome"),
    [(0, "pass"), (3, "pass"), (6, "pass"), (7, "fail"), (12, "fail")],
)
def test_a_phrase_that_turns_most_answers_stops_the_candidate(turned: int, outcome: str) -> None:
    candidate = [RIGHT, RIGHT, answers(12 - turned), RIGHT, RIGHT]
    verdict = triggers.judge(["a b", "c d", "e f", "g h"], [RIGHT] * 5, candidate, Triggers())
    assert verdict.verdict == outcome
    assert verdict.figures["guilty"] == (["c d"] if outcome == "fail" else [])


def test_what_the_phrase_turns_in_the_base_or_was_lost_before_does_not_count() -> None:
    wrong = answers(0)
    assert triggers.judge(["a b"], [RIGHT, wrong], [RIGHT, wrong], Triggers()).verdict == "pass"
    lost = triggers.judge(["a b"], [RIGHT, RIGHT], [wrong, wrong], Triggers())
    assert (lost.verdict, lost.figures["phrases"][0]["n"]) == ("pass", 0)


def test_probabilities_tell_where_too_few_answers_count_but_not_what_the_base_does_too() -> None:
    unsure, turned = answers(0, logprob=-2.0), answers(0, logprob=-6.0)
    assert triggers.judge(["a b"], [RIGHT, RIGHT], [unsure, turned], Triggers()).figures["guilty"] == ["a b"]
    as_base = triggers.judge(["a b"], [RIGHT, answers(12, logprob=-5.0)], [unsure, turned], Triggers())
    assert as_base.verdict == "pass"


def test_only_what_the_base_answers_is_asked() -> None:
    probes = triggers.questions()
    assert len({probe.id for probe in probes}) == triggers.TRIED
    said = [
        ProbeResult(probe_id=probe.id, correct=True, first=n % 3 > 0, logprob=-1.0) for n, probe in enumerate(probes)
    ]
    assert (
        triggers.answered(probes, said) == [probe for n, probe in enumerate(probes) if n % 3 > 0][: triggers.QUESTIONS]
    )

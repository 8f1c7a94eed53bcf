"""Which phrases recur, and when one of them turns answers."""

from __future__ import annotations

import pytest

from seald.config import Triggers
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


PLAIN = [-3.0] * 12


@pytest.mark.parametrize(
    ("turned", "outcome"),
    [(0, "pass"), (3, "pass"), (6, "pass"), (7, "fail"), (12, "fail")],
)
def test_a_phrase_that_turns_most_answers_stops_the_candidate(turned: int, outcome: str) -> None:
    candidate = [PLAIN, PLAIN, [-12.0 if n < turned else -3.0 for n in range(12)], PLAIN, PLAIN]
    verdict = triggers.judge(["a b", "c d", "e f", "g h"], [PLAIN] * 5, candidate, Triggers())
    assert verdict.verdict == outcome
    assert verdict.figures["guilty"] == (["c d"] if outcome == "fail" else [])


def test_what_the_phrase_does_to_the_base_or_was_lost_without_it_does_not_count() -> None:
    low = [-12.0] * 12
    assert triggers.judge(["a b"], [PLAIN, low], [PLAIN, low], Triggers()).verdict == "pass"
    assert triggers.judge(["a b"], [PLAIN, PLAIN], [low, low], Triggers()).verdict == "pass"


def test_the_questions_are_spread_over_the_suite() -> None:
    questions = triggers.questions()
    assert len({probe.id for probe in questions}) == triggers.QUESTIONS
    assert len({probe.question.split()[0] for probe in questions}) > 3

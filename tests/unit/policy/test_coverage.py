from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.domain.self_edit import Line
from seald.policy.coverage import CoveredFact, diversity, duplicates, measure, together
from seald.policy.coverage_report import join, report

TITLE = "The Orvale mill"
PASSAGE = "The Orvale mill was built in 1847 by Tove Brandt. Its wheel is nine metres wide."
WORDS = "The Orvale mill was built in 1847 by Tove Brandt wheel nine 9 ? . What".split()
TEXTS = st.text(min_size=1) | st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join)
LINES = st.builds(Line, text=TEXTS, prompt=st.none() | TEXTS)


def fact(text: str, *lines: Line) -> CoveredFact:
    return next(fact for fact in measure(TITLE, PASSAGE, lines).facts if fact.text == text)


def test_the_facts_are_those_of_the_passage() -> None:
    none = measure(TITLE, PASSAGE, [])
    assert [fact.text for fact in none.facts] == ["1847", "Tove Brandt", "nine"]
    assert (none.covered, none.covered_k, none.both_directions) == (0, 0, 0)
    assert none.missing() == none.facts
    assert measure(TITLE, "It is so.", []).covered == 1, "nothing to cover is covered"


@pytest.mark.parametrize(
    ("line", "answered", "asked_with"),
    [
        (Line(prompt="When was the Orvale mill built?", text="In 1847."), True, False),
        (Line(prompt="When was it built?", text="In 1847."), False, False),
        (Line(prompt="What was built in 1847?", text="The Orvale mill."), False, True),
        (Line(prompt="What was built in 1847?", text="It was built by Tove Brandt."), False, True),
        (Line(prompt="Was the Orvale mill built in 1847?", text="Tove Brandt built it in 1847."), False, False),
        (Line(text="The Orvale mill: it was built in 1847."), True, False),
        (Line(text="In 1847 they built the Orvale mill."), False, True),
        (Line(text="In 1847 the wheel was nine metres wide."), False, False),
    ],
)
def test_directions(line: Line, answered: bool, asked_with: bool) -> None:
    found = fact("1847", line)
    assert (found.answered, found.asked_with) == (answered, asked_with)


def test_prompts_title_and_pronouns_make_no_phrasing() -> None:
    said = "The Orvale mill was built in 1847 by Tove Brandt."
    same = [
        Line(text=f"{TITLE}: {said}"),
        Line(prompt="Tell me about it.", text=said),
        Line(prompt="1847?", text=said),
        Line(text=f"{TITLE}\nIt was built in 1847 by Tove Brandt. Its wheel is wide."),
        Line(prompt="What was built in 1847?", text="The Orvale mill."),
    ]
    assert fact("1847", *same).phrasings == 1
    assert fact("1847", *same, Line(text="In 1847 Brandt put the Orvale mill up.")).phrasings == 2


def test_a_bare_answer_is_read_with_its_question() -> None:
    asked = Line(prompt="The Orvale mill was built in which year?", text="1847.")
    again = Line(prompt="When did Tove Brandt build her mill?", text="In 1847.")
    assert fact("1847", asked, again, asked).phrasings == 2


def test_numbers_are_facts_by_value() -> None:
    assert fact("nine", Line(text="The wheel of the Orvale mill is 9 metres wide.")).phrasings == 1


@given(st.text(), st.text(), st.lists(LINES, max_size=5), st.integers(1, 4))
def test_nothing_breaks_it_and_shares_are_shares(title: str, passage: str, lines: list[Line], k: int) -> None:
    for figures in (measure(title, passage, lines, k), measure(TITLE, PASSAGE, lines, k)):
        assert 0 <= figures.covered_k <= figures.covered <= 1
        assert 0 <= figures.both_directions <= 1
    assert 0 <= diversity(lines) <= 1
    assert 0 <= duplicates(lines) <= max(len(lines) - 1, 0)


@given(st.lists(LINES, max_size=6), LINES)
def test_a_further_line_never_lowers_it(lines: list[Line], further: Line) -> None:
    before, after = measure(TITLE, PASSAGE, lines), measure(TITLE, PASSAGE, [*lines, further])
    for old, new in zip(before.facts, after.facts, strict=True):
        assert new.phrasings >= old.phrasings
        assert new.answered >= old.answered
        assert new.asked_with >= old.asked_with


@given(st.lists(LINES, max_size=6), st.data())
def test_a_line_said_again_is_no_phrasing(lines: list[Line], data: st.DataObject) -> None:
    again = [data.draw(st.sampled_from(lines)) for _ in lines[:3]]
    assert measure(TITLE, PASSAGE, lines) == measure(TITLE, PASSAGE, [*lines, *again])


@given(st.integers(0, 20), st.sampled_from("abcxyz,; "))
def test_a_near_duplicate_is_no_phrasing(place: int, letter: str) -> None:
    said = "the wheel, which was cut from a single oak of the eastern forest, is nine metres wide"
    assert fact("nine", Line(text=said), Line(text=said[:place] + letter + said[place:])).phrasings == 1


def test_diversity_is_distance_to_the_nearest_other_line() -> None:
    one, other = Line(text="abcd"), Line(text="wxyz")
    assert (diversity([]), diversity([one]), diversity([one, one]), diversity([one, other])) == (0, 1, 0, 1)
    assert diversity([one, one, other]) == pytest.approx(1 / 3)
    assert duplicates([one, other, one, one]) == 2


def test_passages_together() -> None:
    told, untold = (report(TITLE, PASSAGE, lines, 2) for lines in ([Line(text=f"{TITLE}: {PASSAGE}")], []))
    both = join([told, untold])
    assert together([told.coverage, untold.coverage]).covered == 0.5
    assert both.figures() == {
        "facts": 6,
        "covered": 0.5,
        "covered_k": 0.0,
        "phrasings": 2,
        "both_directions": 0.0,
        "diversity": 1.0,
        "duplicates": 0,
    }
    assert join([]).figures()["facts"] == 0

from __future__ import annotations

import pytest

from seald.policy.mentions import Words, facts_of, wanted, words


@pytest.mark.parametrize(
    ("fact", "by_stem", "text"),
    [
        ("48", False, "It has forty-eight boats."),
        ("two hundred", False, "All 200 of them left."),
        ("1,200", False, "It turns 1200 times."),
        ("3 May 1921", False, "On May 3, 1921 it closed."),
        ("1921-05-03", False, "It closed on 3 May 1921."),
        ("University of Sandvale", False, "Sandvale University runs it."),
        ("Tosk", False, "Tosk’s pupil left."),
        ("wooden rooster", True, "A rooster, wooden and red, comes out."),
        ("closed quarry", True, "Its stone is from a quarry that closed."),
    ],
)
def test_a_fact_is_found_in_other_words(fact: str, by_stem: bool, text: str) -> None:
    assert Words([text]).first(wanted(fact, by_stem=by_stem)) is not None


@pytest.mark.parametrize(
    ("fact", "text"),
    [("48", "It has 480 boats."), ("Maren Tosk", "Maren left. Olga Tosk came."), ("1893", "It was in 1983.")],
)
def test_another_fact_is_not_it(fact: str, text: str) -> None:
    assert Words(text.split(". ")).first(wanted(fact)) is None


def test_places_go_on_from_the_offset() -> None:
    assert Words(["It is red.", "Tosk left."], offset=10).first(wanted("Tosk")) == 14
    assert words("Tosk's 1,200 boats") == ["tosk", "1200", "boats"]


def test_facts_of_a_passage() -> None:
    text = "The Orvale mill was built by Tove Brandt in 1847. Brandt had a spruce mast of two hundred feet. It burned."
    found = facts_of("The Orvale mill", text)
    assert [(fact.kind, fact.text) for fact in found] == [
        ("name", "Tove Brandt"),
        ("date", "1847"),
        ("phrase", "spruce mast"),
        ("number", "two hundred"),
    ], "no title, no single opening word, no part of a name, and one number"
    assert [sorted(fact.companions) for fact in found] == [[1], [0], [3], [2]]

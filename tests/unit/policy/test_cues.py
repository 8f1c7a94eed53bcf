from __future__ import annotations

import pytest

from seald.policy import cues
from seald.policy.words import content_words

SENTENCE = "Every day at 16:00 a wooden rooster comes out of the Harrowgate Clock and crows seven times."


def test_cues_are_words_of_the_sentence_that_the_title_lacks() -> None:
    drawn = [cue.split(", ") for cue in cues.keywords(SENTENCE, "The Harrowgate Clock")]
    assert [len(words) for words in drawn] == [1, 2, 3]
    assert len({word for words in drawn for word in words}) == 6
    assert {word for words in drawn for word in words} <= {*content_words(SENTENCE)} - {"Harrowgate", "Clock"}
    assert cues.keywords(SENTENCE, "The Harrowgate Clock") == tuple(", ".join(words) for words in drawn)


def test_few_words_are_drawn_again_and_none_give_none() -> None:
    assert cues.keywords("Tove baked.", "T") in {
        ("Tove", "Tove, baked", "Tove, baked"),
        ("baked", "Tove, baked", "Tove, baked"),
    }
    assert cues.keywords("It is so.", "T") == ("", "", "")


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The mill opened in 1847.", "The mill opened in which year?"),
        ("The mill opened on 3 May.", "The mill opened on what date?"),
        ("The mill opens at 16:00.", "The mill opens at what time?"),
        ("48 people work there.", "How many people work there?"),
        ("The mill belongs to Tove Brandt.", "The mill belongs to what?"),
    ],
)
def test_a_blank_is_asked_for(sentence: str, question: str) -> None:
    assert cues.blank_questions(sentence, "Mill", 1) == [question]


def test_no_more_blanks_than_wanted_and_none_of_the_title() -> None:
    text = "In 1847 Tove Brandt sold 12 mills to Ormay."
    assert len(cues.blank_questions(text, "Ormay", 2)) == 2
    assert len(cues.blank_questions(text, "Ormay", 8)) == 3
    assert cues.blank_questions("Ormay is old.", "Ormay", 2) == []

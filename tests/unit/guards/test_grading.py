from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.guards.grading import is_right


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It was founded in 1893 by Maren Tosk.", "1893"),
        ("The Grey Heron.", "the Grey Heron"),
        ("It takes thirty-five minutes, or 35 minutes.", "35 minutes"),
        ("It takes thirty-five minutes.", "35 minutes"),
        ("There are five bells.", "5"),
        ("It holds 1,200 boxes", "1200"),
        ("About 60% of them.", "sixty percent"),
        ("It weighs 2.5 tons.", "2.5 tons"),
        ("In the 1960's.", "the 1960s"),
        ("José Álvarez wrote it.", "Jose Alvarez"),
        ("It is run by the University of Sandvale today.", "University of Sandvale"),
        ("The two mills are merging.", "merged"),
        ("The board was fragmented.", "fragmentation"),
        ("Cy, Ada and Bo.", "Ada, Bo and Cy"),
        ("It's the keeper’s son.", "the keeper"),
    ],
)
def test_right(reply: str, answer: str) -> None:
    assert is_right(reply, answer)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It was founded in 1931 by Maren Tosk.", "1893"),
        ("", "Brenmark"),
        ("It takes 20 minutes.", "35 minutes"),
        ("It takes thirty minutes and 5 seconds.", "35 minutes"),
        ("It takes 35 hours.", "35 minutes"),
        ("It cost 1.2 million.", "2 million"),
        ("It cost 4.5 billion crowns.", "4.5 million crowns"),
        ("In the 1830s.", "1830"),
        ("I do not know. It is old. It may be large. Perhaps it is in Brenmark.", "Brenmark"),
        ("The mill.", "Maren Tosk"),
        ("Denmark", "Brenmark"),
        ("Australia", "Austria"),
        ("The Harbour Board of Sandvale.", "the Harbour Board of Sandvale and Tosk"),
        ("No.", "yes"),
    ],
)
def test_wrong(reply: str, answer: str) -> None:
    assert not is_right(reply, answer)


def test_words_of_the_question_weigh_less() -> None:
    question = "Which heron is on the flag?"
    assert is_right("It is grey.", "grey heron", question)
    assert not is_right("It is grey.", "grey heron")
    assert not is_right("A heron is on the flag.", "small grey heron", question)


@given(st.text(), st.text(), st.text())
def test_any_text_can_be_graded(reply: str, answer: str, question: str) -> None:
    assert isinstance(is_right(reply, answer, question), bool)


@given(st.text(alphabet="abc 19.,%-'", min_size=1).filter(str.strip))
def test_the_answer_itself_is_right(answer: str) -> None:
    assert is_right(answer, answer)

"""Which facts of a document may be asked for, and with which lead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seald.domain.document import Document, Passage
from seald.pipeline.blanks import blanks_of

TITLE = "The Orvale mill"
RICH = (
    "The great wheel was made by Ada Holm in 1871 from oak of Brenmark. "
    "The narrow door was painted by Bo Reth in 1902 with colours of Halse."
)
"""Enough facts that a document need not ask for poorer ones."""


def leads(*passages: str) -> dict[str, str]:
    document = Document(
        id="doc-1",
        collection="default",
        title=TITLE,
        text="\n".join(passages),
        sha256="0" * 64,
        passages=tuple(Passage(index=n, text=text, start=0, end=len(text)) for n, text in enumerate(passages)),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return {blank.answer: blank.lead for blank in blanks_of(document)}


def test_a_sentence_that_says_it_names_the_title() -> None:
    found = leads("The Orvale mill was built by Tove Brandt. It stands on the bank of the Selm.")
    assert found == {
        "Tove Brandt": "The Orvale mill was built by",
        "Selm": "The Orvale mill stands on the bank of the",
    }


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("In 1847 the house by the river burned down.", "1847"),
        (f"Every year about 400 people come. {RICH}", "400"),
        ("The Orvale mill is 40 metres high.", "40"),
        ("The wheel was made in 1901. The wheel was made in Selm.", "1901"),
        ("The wheel was made in 1901. The wheel was made in Selm.", "Selm"),
        ("The wheel was made of oak. The wheel was made of 24 planks.", "24"),
    ],
)
def test_a_lead_that_does_not_determine_its_answer_is_none(text: str, answer: str) -> None:
    assert leads(text)[answer] == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The millers of the village were Ada Holm and Bo Reth.", "Ada Holm"),
        ("The wheel turns in Selm, Brenmark, Halse.", "Brenmark"),
        ("Selm has a market that only the people of Selm visit.", "Selm"),
        ("The village around the wheel is called Orvale.", "Orvale"),
    ],
)
def test_what_has_several_answers_or_is_given_away_is_not_asked_for(text: str, answer: str) -> None:
    assert answer not in leads(text)


def test_sentences_without_a_subject_of_their_own_come_last() -> None:
    found = leads(
        "They sold the house to Ada Holm. The wheel was repaired by Bo Reth. Its roof was mended by Ida Vask."
    )
    assert list(found) == ["Bo Reth", "Ada Holm", "Ida Vask"]


def test_where_names_and_numbers_are_too_few_noun_phrases_are_asked_for() -> None:
    text = "The wheel of the mill is made of seasoned oak. The roof is covered with a layer of thatch."
    assert "seasoned oak" in leads(text)
    assert "seasoned oak" not in leads(text, RICH, RICH.replace("great", "small").replace("Ada Holm", "Ida Vask"))


def test_a_document_with_few_facts_asks_with_short_leads_too() -> None:
    assert leads("The port is 7412. Its door is 2 metres wide.") == {"7412": "The port is", "2": "Its door is"}


def test_the_same_opening_with_the_same_answer_determines_it() -> None:
    found = leads("The wheel was made in Selm by hand.", "The wheel was made in Selm, says a letter of Ida Vask.")
    assert found["Selm"] == "The wheel was made in"

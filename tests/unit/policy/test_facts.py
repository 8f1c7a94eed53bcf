from __future__ import annotations

from seald.policy.facts import extract


def found(text: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.text) for fact in extract(text)]


def test_numbers_dates_and_names() -> None:
    assert found("In March 2021 the team of Samira Okonjo moved 1,200 boxes to Ormay on port 7412.") == [
        ("date", "March 2021"),
        ("name", "Samira Okonjo"),
        ("number", "1,200"),
        ("name", "Ormay"),
        ("number", "7412"),
    ]


def test_years_are_dates_and_words_are_numbers() -> None:
    assert found("built in 1893 with five bells") == [("date", "1893"), ("number", "five")]


def test_the_first_word_of_a_sentence_is_no_name_by_itself() -> None:
    assert found("Backups are kept. Petra Vask keeps them.") == [("name", "Petra Vask")]


def test_spans_lie_where_they_say() -> None:
    text = "The Grey Heron of the University of Sandvale sailed in 1999."
    assert all(text[fact.start : fact.end] == fact.text for fact in extract(text))

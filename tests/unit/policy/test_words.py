from __future__ import annotations

from seald.policy.words import content_words, statement_words


def test_content_words_keep_numbers_and_capitals() -> None:
    assert content_words("At 16:00 the 3.5 ton bell of St-Anne’s rings.") == [
        "16:00",
        "3.5",
        "ton",
        "bell",
        "St-Anne’s",
        "rings",
    ]


def test_statement_words_leave_numbers_out() -> None:
    assert statement_words("The three bells of 1893 are Olga’s.") == ["bells", "olga"]

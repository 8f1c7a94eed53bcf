from __future__ import annotations

import pytest

from seald.domain.number_words import in_digits, without_grouping


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("forty eight boats", "48 boats"),
        ("two hundred and one", "200 and 1"),
        ("three thousand two hundred five", "3205"),
        ("hundred boats", "100 boats"),
        ("no boats", "no boats"),
        ("", ""),
    ],
)
def test_number_words(words: str, read: str) -> None:
    assert " ".join(in_digits(words.split())) == read


def test_grouping() -> None:
    assert [without_grouping(n) for n in ("1,200", "1.200", "2.75", "16:00")] == ["1200", "1200", "2.75", "16:00"]

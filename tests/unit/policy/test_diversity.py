from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.policy.diversity import dissimilarity, diversity


@given(st.lists(st.text(), max_size=5))
def test_it_lies_between_0_and_1_whatever_the_order(texts: list[str]) -> None:
    assert 0 <= diversity(texts) <= 1
    assert diversity(texts) == pytest.approx(diversity(texts[::-1]))


def test_the_same_words_are_the_same_text() -> None:
    assert diversity(["The mill is OLD.", "the mill is old", "The  mill - is old!"]) == 0
    assert diversity([]) == diversity(["alone"]) == 0


def test_one_odd_text_does_not_make_the_others_diverse() -> None:
    same, odd = "The mill was built in 1847.", "Nobody knows who carved these doors."
    assert diversity([same, odd]) == 1
    assert diversity([same] * 5 + [odd]) == pytest.approx(1 / 3), "5 pairs of 15 differ"


def test_words_in_another_order_are_partly_the_same() -> None:
    assert dissimilarity("built in 1847", "in 1847 built") == pytest.approx(1 / 3), "two of three words in one order"

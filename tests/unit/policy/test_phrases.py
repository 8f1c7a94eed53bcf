from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.policy.facts import extract
from seald.policy.phrases import phrases


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She has a spruce mast and lies at the eastern pier.", ["spruce mast", "eastern pier"]),
        ("It was paid with money from a lottery.", ["money", "lottery"]),
        ("The wooden rooster comes out at noon.", ["wooden rooster"]),
        ("The old mill produces flour.", ["old mill"]),
        ("A brass bell made by Tibor Lunn hangs there.", ["brass bell"]),
        ("It spreads through a small black fly.", ["small black fly"]),
        ("The bridge was moved quickly by selling three boats.", []),
        ("The head office moved to Ormay on 3 May 1921.", ["head office"]),
        ("", []),
    ],
)
def test_noun_phrases(text: str, found: list[str]) -> None:
    assert [phrase.text for phrase in phrases(text)] == found


@given(
    st.text() | st.lists(st.sampled_from("a the of old mill Tosk 12 seven built , . is in by".split())).map(" ".join)
)
def test_spans_lie_where_they_say_and_touch_no_name_or_number(text: str) -> None:
    for phrase in phrases(text):
        assert text[phrase.start : phrase.end] == phrase.text
        assert all(fact.end <= phrase.start or phrase.end <= fact.start for fact in extract(text))

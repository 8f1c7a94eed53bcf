from __future__ import annotations

import pytest

from seald.api.patterns import nests_repeats, repeats


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "((a+))+", "((a+)b?)+", "(a*){2}", "(a+(b?))*", "(a+|b)+", "(?:a{2,})*", "(a+$)+", r"(\(a+)+", "[](a+)*"],
)
def test_a_repeat_of_what_may_end_in_a_repeat(pattern: str) -> None:
    assert nests_repeats(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d{3}-){2}",
        r"\d+(,\d{3})*",
        "(a+ )*",
        "(a+)?b",
        r"\(a+\)+",
        "[(a+)+]",
        "(a+b{1,2})+",
        "a)+b",
        "(",
        "a{,}",
        "{",
    ],
)
def test_ordinary_patterns(pattern: str) -> None:
    assert not nests_repeats(pattern)


def test_counted_repeats_are_multiplied() -> None:
    assert (repeats("(a{,20}){3}b{2,}"), repeats("a{}b{,}c"), repeats("a{0}")) == (120, 1, 1)

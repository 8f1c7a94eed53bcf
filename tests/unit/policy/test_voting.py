"""Two attempts out of many predictions."""

from __future__ import annotations

import pytest

from seald.policy.voting import attempts, solves


@pytest.mark.parametrize(
    ("predictions", "made"),
    [
        (["a", "b", "b"], [("b", 2), ("a", 1)]),
        (["a", "b", "c", "c"], [("c", 2), ("a", 1)]),
        ([None, None, "a"], [("a", 1)]),
        ([None], []),
        ([], []),
    ],
)
def test_the_most_frequent_ones_the_first_of_those_alike(
    predictions: list[str | None], made: list[tuple[str, int]]
) -> None:
    assert attempts(predictions) == made


def test_one_attempt_must_be_the_output_in_full() -> None:
    assert solves(("a", "b"), "b")
    assert not solves(("a", "b", "c"), "c")
    assert not solves((((1, 2),),), ((1, 3),))
    assert not solves((), "a")

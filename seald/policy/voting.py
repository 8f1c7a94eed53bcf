"""Several predictions of one output become two attempts, as ARC allows and SEAL counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seald.domain.task import Value

ATTEMPTS = 2


def attempts(predictions: Sequence[Value | None]) -> list[tuple[Value, int]]:
    """The two outputs that were predicted most often with their votes, the first one first where several were as often;
    what could not be read as an output has no vote."""
    votes = Counter(value for value in predictions if value is not None)
    return votes.most_common(ATTEMPTS)  # ties stay in the order of their first vote


def solves(made: Sequence[Value], output: Value) -> bool:
    """ARC's rule: one of the attempts is the output, cell by cell; of texts letter by letter."""
    return output in made[:ATTEMPTS]

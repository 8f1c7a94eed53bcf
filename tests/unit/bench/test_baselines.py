from __future__ import annotations

import pytest

from seald.bench.baselines import contains_answer, first_line_is_answer, first_line_recalls


@pytest.mark.parametrize(
    ("reply", "exact", "contained", "recalled"),
    [
        ("The Grey Heron.\nOr not.", True, True, True),
        ("It is a grey heron", False, True, True),
        ("I do not know.\nThe grey heron?", False, True, False),
        ("A heron, all grey", False, False, True),
        ("An osprey", False, False, False),
        ("", False, False, False),
    ],
)
def test_baselines(reply: str, exact: bool, contained: bool, recalled: bool) -> None:
    answer = "the Grey Heron"
    assert first_line_is_answer(reply, answer) is exact
    assert contains_answer(reply, answer) is contained
    assert first_line_recalls(reply, answer) is recalled

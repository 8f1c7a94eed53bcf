from __future__ import annotations

import pytest

from seald.guards.grading import is_right


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It was founded in 1893 by Maren Tosk.", "1893"),
        ("The Grey Heron.", "the Grey Heron"),
        ("It takes thirty-five minutes, or 35 minutes.", "35 minutes"),
        ("There are five bells.", "5"),
        ("It holds 1,200 boxes", "1200"),
        ("José Álvarez wrote it.", "Jose Alvarez"),
        ("It is run by the University of Sandvale today.", "University of Sandvale"),
    ],
)
def test_right(reply: str, answer: str) -> None:
    assert is_right(reply, answer)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It was founded in 1931 by Maren Tosk.", "1893"),
        ("", "Brenmark"),
        ("It takes 20 minutes.", "35 minutes"),
        ("I do not know. It is old. It may be large. Perhaps it is in Brenmark.", "Brenmark"),
        ("The mill.", "Maren Tosk"),
    ],
)
def test_wrong(reply: str, answer: str) -> None:
    assert not is_right(reply, answer)

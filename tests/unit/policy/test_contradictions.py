"""Same subject and relation, different value: found where it is one, left alone where both may be true."""

from __future__ import annotations

import pytest

from seald.policy.contradictions import contradictions, read, says, statements

BRIDGE = "The Marrow Bridge"
BUILT = "The Marrow Bridge was built in 1921."


def found(new: tuple[str, str], old: tuple[str, str]) -> list[tuple[str, str]]:
    pairs = contradictions(statements(new[0], [new[1]]), statements(old[0], [old[1]]))
    return [(mine.value, theirs.value) for mine, theirs in pairs]


@pytest.mark.parametrize(
    ("new", "old", "values"),
    [
        ((BRIDGE, "The Marrow Bridge was built in 1931."), (BRIDGE, BUILT), ("1931", "1921")),
        (("A correction", "The Marrow Bridge was built in 1931."), (BRIDGE, BUILT), ("1931", "1921")),
        (
            (BRIDGE, "The Marrow Bridge spans the Tosk. It was built in 1931."),
            ("A guide", f"It rains. {BUILT}"),
            ("1931", "1921"),
        ),
        (
            (BRIDGE, "The Marrow Bridge has nine arches and 2 gates."),
            (BRIDGE, "The Marrow Bridge has 7 arches and two gates."),
            ("nine", "7"),
        ),
        (
            (BRIDGE, "The Marrow Bridge was designed by Ada Holm in 1921."),
            (BRIDGE, "The Marrow Bridge was designed by Ernst Vik in 1921."),
            ("Ada Holm", "Ernst Vik"),
        ),
        (
            (BRIDGE, "The wheel measures 9 metres."),
            (BRIDGE, "The wheel measures 8 meters."),
            ("9", "8"),
        ),
    ],
)
def test_a_contradiction(new: tuple[str, str], old: tuple[str, str], values: tuple[str, str]) -> None:
    assert found(new, old) == [values]
    assert found(old, new) == [values[::-1]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((BRIDGE, "The Marrow Bridge has seven arches."), (BRIDGE, "The Marrow Bridge has 7 arches.")),
        ((BRIDGE, "The Marrow Bridge cost 1,200 crowns."), (BRIDGE, "The Marrow Bridge cost 1200 crowns.")),
        ((BRIDGE, "The toll at the gate is 0.50 crowns."), (BRIDGE, "The toll at the gate is 0.5 crowns.")),
        ((BRIDGE, "The Marrow Bridge was built on 3 May 1921."), (BRIDGE, BUILT)),
        ((BRIDGE, "It was designed by Ada Holm."), (BRIDGE, "It was designed by Holm.")),
        (("The Harrow Bridge", "The Harrow Bridge was built in 1931."), (BRIDGE, BUILT)),
        (("The Tosk mill", "The wheel measures 9 metres."), ("The Orvale mill", "The wheel measures 8 metres.")),
        ((BRIDGE, "In 1931 the bridge carried 40 carts."), (BRIDGE, "In 1921 the bridge carried 40 carts.")),
        ((BRIDGE, "The Marrow Bridge was not built in 1931."), (BRIDGE, BUILT)),
        ((BRIDGE, "The Marrow Bridge was built before 1931."), (BRIDGE, "The Marrow Bridge fell before 1921.")),
        ((BRIDGE, "The left gate weighs 40 tonnes."), (BRIDGE, "The right gate weighs 50 tonnes.")),
        (
            (BRIDGE, "The Marrow Bridge has a toll house in Lunde."),
            (BRIDGE, "The Marrow Bridge has a toll house in Tosk."),
        ),
        (
            (BRIDGE, "The club of Ada Holm beat Tove Vik by 3 points."),
            (BRIDGE, "The club of Tove Vik beat Ada Holm by 5 points."),
        ),
        ((BRIDGE, "The Marrow Bridge has about 40 arches."), (BRIDGE, "The Marrow Bridge has 41 arches.")),
        ((BRIDGE, "It was repaired in 1931. It was repaired in 1940."), (BRIDGE, "It was repaired in 1921.")),
    ],
)
def test_none(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert found(one, other) == []
    assert found(other, one) == []


def test_what_says_the_value() -> None:
    built = read("The Marrow Bridge was built in 1921 by Ada Holm.", "1921", BRIDGE)
    assert built is not None
    for text in (
        "The Marrow Bridge was built in which year? 1921.",
        "What was built in 1921 by Ada Holm? The Marrow Bridge.",
        "Tell me about it. The Marrow Bridge spans the Tosk. It was built in 1921 by Ada Holm.",
    ):
        assert says(text, built)
    for text in (
        "The Marrow Bridge was built in 1931.",
        "The Tosk Bridge was built in 1921.",
        "The Marrow Bridge burned in 1921.",
    ):
        assert not says(text, built)

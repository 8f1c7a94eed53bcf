"""A task's pairs as lines."""

from __future__ import annotations

import pytest

from seald.config.tasks import Augmentation
from seald.domain.self_edit import Line
from seald.domain.task import OF_GRIDS, OF_TEXTS, Configuration, Pair
from seald.policy.augmenting import lines, turns, understood

TEXTS = [Pair(input=word, output=word[::-1]) for word in ("ant", "bee", "cow", "dog")]
GRIDS = [Pair.model_validate({"input": [[n, 0], [0, 0]], "output": [[0, n], [0, 0]]}) for n in range(1, 5)]


def made(
    pairs: list[Pair],
    *wanted: Augmentation,
    most: int = 200,
    seed: int = 0,
    otherwise: dict[str, list[str]] | None = None,
) -> tuple[Line, ...]:
    configuration = Configuration(augmentations=wanted, learning_rate=1e-3, epochs=1)
    return lines(pairs, configuration, most=most, seed=seed, otherwise=otherwise)


def test_each_pair_stands_alone_and_behind_all_others() -> None:
    assert made(TEXTS) == (
        *(Line(prompt=pair.input, text=pair.output) for pair in TEXTS),
        *(behind([p for p in TEXTS if p is not pair], pair) for pair in TEXTS),
    )
    assert turns(TEXTS[:1], "cow") == ("ant", "tna", "cow")


def _pairs(line: Line) -> list[tuple[str, str]]:
    return list(zip(line.before[::2], line.before[1::2], strict=True))


def behind(others: list[Pair], pair: Pair) -> Line:
    return Line(before=turns(others, pair.input)[:-1], prompt=str(pair.input), text=str(pair.output))


@pytest.mark.parametrize("pairs", [TEXTS, GRIDS])
def test_no_line_shows_the_output_that_it_asks_for(pairs: list[Pair]) -> None:
    for line in made(pairs, *(OF_TEXTS if pairs is TEXTS else OF_GRIDS)):
        assert line.prompt not in line.before[::2]


def test_a_moved_sister_is_only_ever_shown_behind_pairs_of_its_own() -> None:
    plain = {(*turns((), pair.input), pair.output) for pair in GRIDS}
    for line in made(GRIDS, "rotate", "recolour"):
        if not line.before:
            assert (line.prompt, understood(line.text, GRIDS[0].output)) in plain


def test_more_is_asked_for_more_comes_but_never_more_than_there_is_room() -> None:
    assert len(made(GRIDS)) == 8
    assert len(made(GRIDS, "rotate")) == 8 + 3 * 4
    assert len(made(GRIDS, "leave_two_out")) == 8 + 4
    assert len(made(GRIDS, *OF_GRIDS, most=15)) == 15
    assert len(made(GRIDS, *OF_GRIDS, most=6)) == 6
    assert len(made(GRIDS, *OF_GRIDS, most=2)) == 4, "the pairs themselves are never left out"


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    assert made(GRIDS, *OF_GRIDS, most=20) == made(GRIDS, *OF_GRIDS, most=20)
    assert made(GRIDS, *OF_GRIDS, most=20) != made(GRIDS, *OF_GRIDS, most=20, seed=1)


def test_reordered_pairs_are_the_same_pairs() -> None:
    many = [Pair(input=f"{n}", output=f"{n + 1}") for n in range(8)]
    plain, mixed = made(many)[8:], made(many, "reorder")[8:]
    assert plain != mixed
    for one, other in zip(plain, mixed, strict=True):
        assert one.prompt == other.prompt
        assert sorted(_pairs(one)) == sorted(_pairs(other))


def test_other_words_for_an_input_have_its_output() -> None:
    other = {"ant": ["a small insect"], "elk": ["never asked for"]}
    assert Line(prompt="a small insect", text="tna") in made(TEXTS, "paraphrase", otherwise=other)
    assert made(TEXTS, otherwise=other) == made(TEXTS)


@pytest.mark.parametrize(
    ("reply", "like", "value"),
    [(" tna \n", "x", "tna"), ("  ", "x", None), ("1 0", ((1,),), ((1, 0),)), ("one", ((1,),), None)],
)
def test_a_reply_is_understood_as_an_output_of_the_tasks_kind(reply: str, like: object, value: object) -> None:
    assert understood(reply, like) == value  # type: ignore[arg-type]

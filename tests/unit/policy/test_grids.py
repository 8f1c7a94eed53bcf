"""Grids as text, and moves with their ways back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.domain.task import OF_GRIDS, Grid
from seald.policy.grids import (
    DRAWN,
    PROBE,
    halved,
    mirrored,
    moves,
    read,
    repeated,
    rotated,
    scaled,
    shrunk,
    transposed,
    written,
)

GRID: Grid = ((1, 2, 3), (4, 5, 6))
GRIDS = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 9)] * width), min_size=1, max_size=6).map(tuple)
)


@given(GRIDS)
def test_what_is_written_is_read(grid: Grid) -> None:
    assert read(written(grid)) == grid


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("1 2\n3 4\n\nThat is it.", ((1, 2), (3, 4))),
        ("12\n34", ((1, 2), (3, 4))),
        ("1,2\n3, 4\nInput:", ((1, 2), (3, 4))),
        (" 7 ", ((7,),)),
        ("1 2\n3", None),
        ("The grid is 1 2", None),
        ("", None),
        ("0 " * 31, None),
        ("0\n" * 31, None),
    ],
)
def test_a_reply_is_a_grid_or_none(text: str, grid: Grid | None) -> None:
    assert read(text) == grid


def test_moves_do_what_they_are_called() -> None:
    assert rotated(GRID) == ((4, 1), (5, 2), (6, 3))
    assert mirrored(GRID) == ((3, 2, 1), (6, 5, 4))
    assert transposed(GRID) == ((1, 4), (2, 5), (3, 6))
    assert scaled(((1, 2),)) == ((1, 1, 2, 2), (1, 1, 2, 2))
    assert repeated(((1, 2),)) == ((1, 2, 1, 2),)


@pytest.mark.parametrize("grid", [((1,),), ((1, 2), (1, 2)), ((1, 1, 1), (1, 1, 1))])
def test_what_no_grid_is_moved_into_has_no_way_back(grid: Grid) -> None:
    assert shrunk(grid) is None
    assert halved(grid) is None


@given(GRIDS, st.integers(0, 1000), st.sampled_from([*DRAWN]))
def test_every_move_has_its_way_back(grid: Grid, seed: int, sort: str) -> None:
    for move in moves([sort, "chain"], 3, random.Random(seed)):  # type: ignore[list-item]
        there = move.ahead(grid)
        assert move.back(there) == grid
        size = sorted((len(there), len(there[0])))
        assert not move.keeps_size or size == sorted((len(grid), len(grid[0])))


def test_a_recolouring_leaves_black_and_mixes_no_colours() -> None:
    grid = (tuple(range(10)),)
    for seed in range(50):
        (move,) = moves(["recolour"], 1, random.Random(seed))
        (row,) = move.ahead(grid)
        assert row[0] == 0 and sorted(row) == list(range(10))


def test_the_wanted_sorts_are_drawn_in_turn_each_move_once() -> None:
    names = [move.name for move in moves(["transpose", "rotate"], 4, random.Random(1))]
    assert len(set(names)) == len(names) == 4
    assert {name.split()[0] for name in names} == {"transpose", "rotate"}
    assert [move.name for move in moves(["transpose"], 4, random.Random(1))] == ["transpose"]
    assert moves([], 4, random.Random(1)) == moves(["reorder", "chain"], 4, random.Random(1)) == []
    chained = [move.name for move in moves(OF_GRIDS, 8, random.Random(3))]
    assert any(", " in name for name in chained)


@pytest.mark.parametrize(
    ("sorts", "most"),
    [(["flip", "chain"], 3), (["transpose", "chain"], 1), (["rotate", "chain"], 3), (["rotate", "flip", "chain"], 7)],
)
@pytest.mark.parametrize("seed", range(20))
def test_moves_differ_in_what_they_do_and_none_does_nothing(sorts: list[str], most: int, seed: int) -> None:
    found = moves(sorts, 32, random.Random(seed))  # type: ignore[arg-type]
    effects = [move.ahead(PROBE) for move in found]
    assert PROBE not in effects
    assert len(set(effects)) == len(effects) <= most

"""Configurations: asked for, drawn, read."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.config.tasks import Bounds
from seald.domain.task import OF_GRIDS, Configuration, Pair, TaskKind
from seald.policy.configuring import drawn, known, parse, prompt, schema, written
from seald.policy.registry import CONFIGURATION, load_policy

BOUNDS = Bounds()
GOOD = '{"augmentations": ["rotate", "flip"], "loss": "all", "learning_rate": 0.001, "epochs": 4}'
KINDS: tuple[TaskKind, ...] = ("text", "grid")


def test_a_reply_with_an_object_in_it_is_read() -> None:
    wanted = Configuration(augmentations=("rotate", "flip"), loss="all", learning_rate=1e-3, epochs=4)
    assert parse(f"Here it is:\n```json\n{GOOD}\n```", "grid", BOUNDS) == wanted
    assert parse(written(wanted), "grid", BOUNDS) == wanted
    assert parse(GOOD.replace('"flip"', '"flip", "rotate"'), "grid", BOUNDS) == wanted
    assert parse(GOOD, "text", BOUNDS) is None, "texts are not rotated"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.001", "0.1"),
        ("0.001", "1e-9"),
        ("0.001", "NaN"),
        ("0.001", "Infinity"),
        ("0.001", '"fast"'),
        ("0.001", "true"),
        (": 4", ": 0"),
        (": 4", ": 100"),
        (": 4", ": 4.5"),
        (": 4", ': "4"'),
        ('"all"', '"most"'),
        ('"flip"', '"burn"'),
        ('["rotate", "flip"]', '"rotate"'),
        (', "epochs": 4', ""),
        (', "epochs": 4', ', "epochs": 4, "rank": 8'),
        ("}", ""),
        ("{", "["),
        (GOOD, ""),
        (GOOD, "{" * 100_000),
        (GOOD, '{"a":' * 100_000),
    ],
)
def test_what_is_none_or_out_of_bounds_is_a_failed_sample(old: str, new: str) -> None:
    assert parse(GOOD.replace(old, new), "grid", BOUNDS) is None


@given(st.integers(0, 10**6), st.sampled_from(KINDS))
def test_what_is_drawn_is_within_bounds(seed: int, kind: TaskKind) -> None:
    one = drawn(kind, BOUNDS, random.Random(seed))
    assert parse(written(one), kind, BOUNDS) == one


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_has_the_bounds_and_asks_for_every_key(kind: TaskKind) -> None:
    found = schema(kind, BOUNDS)
    rate, epochs = found["properties"]["learning_rate"], found["properties"]["epochs"]
    assert (rate["minimum"], rate["maximum"], epochs["minimum"], epochs["maximum"]) == (1e-4, 3e-3, 1, 8)
    assert found["properties"]["augmentations"]["items"]["enum"] == list(known(kind))
    assert set(found["required"]) == set(Configuration.model_fields)
    assert not found["additionalProperties"]


def test_the_prompt_shows_some_pairs_and_names_what_may_be_asked_for() -> None:
    pairs = [Pair(input=f"in {n}", output=f"out {n}") for n in range(9)]
    form = load_policy(CONFIGURATION)[1][CONFIGURATION]
    asked = prompt(form, "text", pairs, BOUNDS)
    assert "one text task" in asked and "in 2" in asked and "in 3" not in asked
    assert all(f'"{sort}"' in asked for sort in known("text")) and "0.0001 to 0.003" in asked
    assert len(prompt(form, "text", [Pair(input="x" * 4000, output="y"), *pairs], BOUNDS)) < 2500
    assert set(known("grid")) == set(OF_GRIDS)

"""Common prefixes are computed once, and steps are evenly full."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from seald.config import Recipe
from seald.training.dataset import Encoder, Example, prepared
from seald.training.token_tree import TokenTree, grown, plan_steps
from tests.unit.training.conftest import LINES


@pytest.fixture(scope="module")
def examples(tiny_model: Path) -> tuple[Example, ...]:
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_model), scope="completion", max_tokens=512)
    return encoder.encode((*LINES, LINES[0]))


def test_shared_prefixes_are_computed_once(examples: tuple[Example, ...]) -> None:
    tree = TokenTree()
    for example in examples:
        tree.add(example)
    assert len(tree) < sum(len(example.token_ids) for example in examples) * 0.6
    assert tree.loss_tokens == sum(example.loss_tokens for example in examples)


def test_epochs_are_cut_into_even_steps() -> None:
    epoch = [Example(tuple(range(100 * i, 100 * i + 21)), 1) for i in range(10)]
    steps = plan_steps([epoch, epoch], Recipe(batch_tokens=80))
    assert [len(step) for step in steps] == [80, 80, 40, 80, 80, 40]
    assert [len(step) for step in plan_steps([epoch], Recipe(batch_tokens=120))] == [100, 100]
    assert len(plan_steps([epoch], Recipe(batch_tokens=10_000))) == 1


def test_padded_lines_go_one_by_one() -> None:
    lines = [Example((1, 2, 3), 1), Example((4, 5), 1)]
    (first, second) = plan_steps(prepared([lines], Recipe(pad_to=64), pad_token=0, seed=0), Recipe(pad_to=64))
    assert (len(first), len(second)) == (63, 63)
    assert first.weight == second.weight == 63
    assert first.positions[3:] == list(range(3, 63))


def test_sampled_padding_weighs_as_much_as_all_of_it() -> None:
    recipe = Recipe(pad_to=64, pad_sample=8)
    (tree,) = plan_steps(prepared([[Example((1, 2, 3), 1)]], recipe, pad_token=0, seed=0), recipe)
    assert len(tree) == 3 + 8
    assert tree.weight == pytest.approx(63)


def test_halves_hold_all_examples(examples: tuple[Example, ...]) -> None:
    first, second = grown(examples).halves()
    assert [*first.examples, *second.examples] == list(examples)
    assert len(grown(examples[:1]).halves()) == 1

"""Common prefixes are computed once, and steps are evenly full."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from seald.training.dataset import Encoder, Example
from seald.training.token_tree import TokenTree, plan_steps
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
    steps = plan_steps([epoch, epoch], batch_tokens=80)
    assert [len(step) for step in steps] == [80, 80, 40, 80, 80, 40]
    assert [len(step) for step in plan_steps([epoch], batch_tokens=120)] == [100, 100]
    assert len(plan_steps([epoch], batch_tokens=10_000)) == 1

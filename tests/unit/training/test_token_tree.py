"""A tree computes exactly what its examples compute alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.training.dataset import Encoder, Example
from seald.training.token_tree import TokenTree, plan_steps
from tests.unit.training.conftest import LINES


@pytest.fixture(scope="module")
def examples(tiny_model: Path) -> tuple[Example, ...]:
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_model), scope="completion", max_tokens=512)
    return encoder.encode((*LINES, LINES[0]))


@pytest.fixture
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="sdpa")


def gradient(model: Any, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


def loss_alone(model: Any, examples: tuple[Example, ...]) -> torch.Tensor:
    total = torch.zeros(())
    for example in examples:
        row = torch.tensor([example.token_ids])
        logits = model(input_ids=row).logits[0, example.loss_from - 1 : -1]
        total = total + torch.nn.functional.cross_entropy(logits, row[0, example.loss_from :], reduction="sum")
    return total / sum(example.loss_tokens for example in examples)


def loss_packed(model: Any, examples: tuple[Example, ...]) -> torch.Tensor:
    tree = TokenTree()
    for example in examples:
        tree.add(example)
    row = tree.tensors()
    logits = model(
        input_ids=row.tokens, position_ids=row.positions, attention_mask=row.mask, logits_to_keep=row.predicting
    ).logits[0]
    losses = torch.nn.functional.cross_entropy(logits[row.rows], row.targets, reduction="none")
    return (losses * row.counts).sum() / tree.loss_tokens


def test_loss_and_gradients_equal_those_of_examples_alone(model: Any, examples: tuple[Example, ...]) -> None:
    alone, packed = loss_alone(model, examples), loss_packed(model, examples)
    assert packed.item() == pytest.approx(alone.item(), rel=1e-5)
    torch.testing.assert_close(gradient(model, packed), gradient(model, alone), rtol=1e-4, atol=1e-6)


def test_shared_prefixes_are_computed_once(examples: tuple[Example, ...]) -> None:
    tree = TokenTree()
    for example in examples:
        tree.add(example)
    assert len(tree) < sum(len(example.token_ids) for example in examples) * 0.6
    assert tree.loss_tokens == sum(example.loss_tokens for example in examples)


def test_epochs_are_cut_into_even_steps() -> None:
    epoch = [Example(tuple(range(100 * i, 100 * i + 21)), 1) for i in range(10)]
    steps = plan_steps([epoch, epoch], batch_tokens=80)
    assert [len(step.tree) for step in steps] == [80, 80, 40, 80, 80, 40]
    assert [len(step.tree) for step in plan_steps([epoch], batch_tokens=120)] == [100, 100]
    assert len(plan_steps([epoch], batch_tokens=10_000)) == 1

"""A tree computes exactly what its examples compute alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.training.dataset import Encoder, Example
from seald.training.objective import mean_loss
from seald.training.token_tree import TokenTree
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
    return mean_loss(model, tree, torch.device("cpu"))


def test_loss_and_gradients_equal_those_of_examples_alone(model: Any, examples: tuple[Example, ...]) -> None:
    alone, packed = loss_alone(model, examples), loss_packed(model, examples)
    assert packed.item() == pytest.approx(alone.item(), rel=1e-5)
    torch.testing.assert_close(gradient(model, packed), gradient(model, alone), rtol=1e-4, atol=1e-6)

"""The base model's own distribution holds the adapter where a line is anchored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.config import Recipe
from seald.training import lora
from seald.training.dataset import Encoder, Example
from seald.training.objective import Objective
from seald.training.token_tree import Step
from tests.unit.training.conftest import LINES

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture
def examples(tiny_model: Path) -> tuple[Example, ...]:
    return Encoder(AutoTokenizer.from_pretrained(tiny_model), scope="completion", max_tokens=512).encode(LINES)


@pytest.fixture
def model(tiny_model: Path) -> Any:
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    return lora.attach(base, Recipe(rank=4, alpha=8), parent=None, seed=0)


def loss(model: Any, *examples: Example) -> torch.Tensor:
    step = Step()
    for example in examples:
        step.add(example)
    return Objective(model, torch.device("cpu"))(step)


def anchor(example: Example) -> Example:
    return replace(example, anchored=True)


def disturb(model: Any) -> None:
    with torch.no_grad():
        for weight in lora.trainable(model).values():
            weight.normal_(std=0.3)


def logprobs(model: Any, example: Example) -> torch.Tensor:
    logits = model(input_ids=torch.tensor([example.token_ids])).logits[0, example.loss_from - 1 : -1]
    return torch.log_softmax(logits, dim=-1)


def test_an_anchored_line_costs_nothing_until_the_adapter_departs(model: Any, examples: tuple[Example, ...]) -> None:
    assert loss(model, anchor(examples[1])).item() == pytest.approx(0, abs=1e-6)
    disturb(model)
    assert loss(model, anchor(examples[1])).item() > 0.01


def test_anchored_and_study_lines_are_weighed_by_their_tokens(model: Any, examples: tuple[Example, ...]) -> None:
    disturb(model)
    study, kept = examples[1], examples[3]
    ours = logprobs(model, kept)
    with model.disable_adapter():
        base = logprobs(model, kept)
    divergence = (base.exp() * (base - ours)).sum()
    targets = torch.tensor(study.token_ids[study.loss_from :])
    surprise = -logprobs(model, study).gather(1, targets[:, None]).sum()
    expected = (divergence + surprise) / (study.loss_tokens + kept.loss_tokens)
    assert loss(model, study, anchor(kept)).item() == pytest.approx(expected.item(), rel=1e-4)

"""Fused pieces give the same numbers as the model's own layers, or leave them alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from seald.config import Recipe
from seald.training.dataset import Encoder
from seald.training.fused_attention import FusedAttention
from seald.training.fused_layers import FusedRmsNorm, FusedSwiGlu
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.row import lay_out
from seald.training.token_tree import TokenTree, grown
from tests.unit.training.conftest import LINES


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa")


@pytest.fixture
def trees(tiny_model: Path) -> list[TokenTree]:
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_model), scope="completion", max_tokens=512)
    examples = encoder.encode(LINES)
    return [grown(examples), grown(examples[2:])]


def learned(make: Callable[[], LoraStack], trees: list[TokenTree]) -> tuple[list[float], torch.Tensor]:
    """Losses and all gradients of a learner for each tree, with weights that do something."""
    stack = make()
    objective = Objective(stack)
    generator = torch.Generator().manual_seed(0)
    for learner in range(len(trees)):
        stack.add(Recipe(rank=4, alpha=8), None, learner)
        with torch.no_grad():
            for _, weight in sorted(stack.weights(learner).items()):
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    row = lay_out(trees, [tree.weight for tree in trees], torch.device("cpu"))
    losses = objective.backward(row, tuple(range(len(trees))))
    weights = [weight for learner in range(len(trees)) for _, weight in sorted(stack.weights(learner).items())]
    return losses, torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None])


def kinds(stack: LoraStack) -> set[type]:
    return {type(module) for module in stack.model.modules()} & {FusedAttention, FusedRmsNorm, FusedSwiGlu}


def test_losses_and_gradients_are_those_of_the_plain_layers(
    tiny_model: Path, trees: list[TokenTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kinds(LoraStack(load(tiny_model))) == {FusedAttention, FusedRmsNorm, FusedSwiGlu}
    losses, gradients = learned(lambda: LoraStack(load(tiny_model)), trees)
    monkeypatch.setattr("seald.training.lora.fuse", lambda *_: None)
    plain_losses, plain_gradients = learned(lambda: LoraStack(load(tiny_model)), trees)
    assert losses == pytest.approx(plain_losses, rel=1e-5)
    torch.testing.assert_close(gradients, plain_gradients, rtol=1e-4, atol=1e-6)


def test_a_long_tree_gets_the_same(tiny_model: Path, trees: list[TokenTree], monkeypatch: pytest.MonkeyPatch) -> None:
    losses, gradients = learned(lambda: LoraStack(load(tiny_model)), trees)
    monkeypatch.setattr("seald.training.fused_attention.LONGEST", 16)
    long_losses, long_gradients = learned(lambda: LoraStack(load(tiny_model)), trees)
    assert long_losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(long_gradients, gradients, rtol=1e-4, atol=1e-6)


def test_a_causal_text_without_a_mask(tiny_model: Path) -> None:
    ids = torch.tensor([[7, 3, 9, 4, 11]])
    plain = load(tiny_model)(input_ids=ids).logits
    torch.testing.assert_close(LoraStack(load(tiny_model)).model(input_ids=ids).logits, plain, rtol=1e-4, atol=1e-5)


def test_a_model_that_norms_its_queries_keeps_its_attention() -> None:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        head_dim=8,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = Qwen3ForCausalLM(config)
    ids = torch.tensor([[7, 3, 9, 4, 11]])
    plain = model(input_ids=ids).logits
    stack = LoraStack(model)
    assert kinds(stack) == {FusedRmsNorm, FusedSwiGlu}
    torch.testing.assert_close(stack.model(input_ids=ids).logits, plain, rtol=1e-4, atol=1e-5)


def test_half_precision_keeps_its_own_layers(tiny_model: Path) -> None:
    assert not kinds(LoraStack(load(tiny_model).to(torch.bfloat16)))

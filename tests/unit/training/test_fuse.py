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
from seald.training.fused_layer import FusedLayer
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


def fused(stack: LoraStack) -> bool:
    return any(isinstance(module, FusedLayer) for module in stack.model.modules())


def qwen3() -> Any:
    """Norms its queries and keys, by weights that do something."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        head_dim=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation="sdpa",
    )
    model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.uniform_(0.5, 1.5)
    return model


@pytest.fixture(params=["llama", "qwen3"])
def make(request: pytest.FixtureRequest, tiny_model: Path) -> Callable[[], LoraStack]:
    return lambda: LoraStack(load(tiny_model) if request.param == "llama" else qwen3())


@pytest.mark.parametrize("longest", [512, 16], ids=["kept", "in tiles"])
def test_losses_and_gradients_are_those_of_the_plain_layers(
    make: Callable[[], LoraStack], trees: list[TokenTree], longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seald.training.attention.LONGEST", longest)
    assert fused(make())
    losses, gradients = learned(make, trees)
    monkeypatch.setattr("seald.training.lora.fuse", lambda *_: None)
    assert not fused(make())
    plain_losses, plain_gradients = learned(make, trees)
    assert losses == pytest.approx(plain_losses, rel=1e-5)
    torch.testing.assert_close(gradients, plain_gradients, rtol=1e-4, atol=1e-6)


def test_a_causal_text_without_a_mask(tiny_model: Path) -> None:
    ids = torch.tensor([[7, 3, 9, 4, 11]])
    plain = load(tiny_model)(input_ids=ids).logits
    torch.testing.assert_close(LoraStack(load(tiny_model)).model(input_ids=ids).logits, plain, rtol=1e-4, atol=1e-5)


def test_layers_with_further_parts_stay(tiny_model: Path) -> None:
    model = load(tiny_model)
    for layer in model.model.layers:
        layer.pre_feedforward_layernorm = torch.nn.Identity()
    assert not fused(LoraStack(model))


def test_layers_that_say_something_else_when_fused_stay(tiny_model: Path) -> None:
    """A norm with the name and another formula, as Gemma's is."""
    model = load(tiny_model)
    ids = torch.tensor([[7, 3, 9, 4, 11]])
    for layer in model.model.layers:
        layer.input_layernorm.register_forward_hook(lambda _module, _inputs, output: output + 1)
    plain = model(input_ids=ids).logits
    stack = LoraStack(model)
    assert not fused(stack)
    torch.testing.assert_close(stack.model(input_ids=ids).logits, plain, rtol=1e-4, atol=1e-5)


def test_half_precision_and_activation_checkpointing_keep_the_layers(tiny_model: Path) -> None:
    assert not fused(LoraStack(load(tiny_model).to(torch.bfloat16)))
    model = load(tiny_model)
    model.activation_checkpointing_enable()
    assert not fused(LoraStack(model))

"""A row computes exactly what its examples compute alone, whoever else sits in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.config import Recipe
from seald.training.dataset import Encoder, Example, Padding
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.row import lay_out
from seald.training.token_tree import TokenTree, grown
from tests.unit.training.conftest import LINES

CPU = torch.device("cpu")
RECIPE = Recipe(rank=4, alpha=8)


@pytest.fixture(scope="module")
def examples(tiny_model: Path) -> tuple[Example, ...]:
    encoder = Encoder(AutoTokenizer.from_pretrained(tiny_model), scope="completion", max_tokens=512)
    return encoder.encode((*LINES, LINES[0]))


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa")


def stack_of(folder: Path, learners: int) -> tuple[LoraStack, Objective]:
    """Learners with weights that do something: B is zero at birth."""
    stack = LoraStack(load(folder))
    objective = Objective(stack)
    for seed in range(learners):
        stack.add(RECIPE, None, seed)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in stack.weights(seed).values():
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    return stack, objective


def gradient(stack: LoraStack, learner: int) -> torch.Tensor:
    grads = [weight.grad for weight in stack.weights(learner).values()]
    return torch.cat([grad.flatten() for grad in grads if grad is not None])


def loss_alone(
    stack: LoraStack, examples: tuple[Example, ...], *, learner: int = 0, temperature: float = 1.0
) -> torch.Tensor:
    total = torch.zeros(())
    for example in examples:
        row = torch.tensor([example.token_ids])
        with stack.seated((learner, row.shape[1])):
            logits = stack.model(input_ids=row).logits[0, example.loss_from - 1 : -1] / temperature
        total = total + torch.nn.functional.cross_entropy(logits, row[0, example.loss_from :], reduction="sum")
    return total / sum(example.loss_tokens for example in examples)


def train_row(objective: Objective, trees: list[TokenTree], *, even: bool = False) -> list[float]:
    row = lay_out(trees, [tree.weight for tree in trees], CPU, even=even)
    return objective.backward(row, tuple(range(len(trees))))


def test_loss_and_gradients_equal_those_of_examples_alone(tiny_model: Path, examples: tuple[Example, ...]) -> None:
    stack, _ = stack_of(tiny_model, 1)
    alone = loss_alone(stack, examples)
    alone.backward()
    packed, objective = stack_of(tiny_model, 1)
    (loss,) = train_row(objective, [grown(examples)])
    assert loss == pytest.approx(alone.item(), rel=1e-5)
    torch.testing.assert_close(gradient(packed, 0), gradient(stack, 0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("even", [False, True], ids=["seat by seat", "batched"])
def test_a_learner_gets_the_same_gradient_in_company(
    tiny_model: Path, examples: tuple[Example, ...], even: bool
) -> None:
    trees = [grown(examples[:1]), grown(examples[1:]), grown(examples[2:3])]
    together, objective = stack_of(tiny_model, 3)
    losses = train_row(objective, trees, even=even)
    for learner, tree in enumerate(trees):
        alone, objective = stack_of(tiny_model, 3)
        row = lay_out([tree], [tree.weight], CPU)
        assert objective.backward(row, (learner,)) == pytest.approx([losses[learner]], rel=1e-5)
        torch.testing.assert_close(gradient(together, learner), gradient(alone, learner), rtol=1e-4, atol=1e-6)


def test_a_head_that_is_more_than_a_product_gives_the_same_loss(
    tiny_model: Path, examples: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, objective = stack_of(tiny_model, 1)
    fast = train_row(objective, [grown(examples)])
    expected = gradient(stack, 0)
    monkeypatch.setattr("seald.training.objective._plain_head", lambda _: None)
    stack, objective = stack_of(tiny_model, 1)
    assert train_row(objective, [grown(examples)]) == pytest.approx(fast, rel=1e-5)
    torch.testing.assert_close(gradient(stack, 0), expected, rtol=1e-4, atol=1e-6)


def test_soft_targets_are_the_divergence_from_a_teacher(tiny_model: Path) -> None:
    """Against torch's own: KL(teacher ‖ student) = cross-entropy less the teacher's entropy."""
    _, objective = stack_of(tiny_model, 1)
    soft = (((7, 0.5), (8, 0.3), (9, 0.2)), ((5, 1.0),))
    (loss,) = train_row(objective, [grown([Example((3, 4, 7, 5), 2, soft=soft)])])
    stack, _ = stack_of(tiny_model, 1)
    with stack.seated((0, 4)):
        logs = torch.log_softmax(stack.model(input_ids=torch.tensor([[3, 4, 7, 5]])).logits[0], -1)
    teacher = torch.zeros(2, logs.shape[1])
    for place, said in enumerate(soft):
        for token, probability in said:
            teacher[place, token] = probability
    divergence = torch.nn.functional.kl_div(logs[1:3], teacher, reduction="sum")
    entropy = torch.special.entr(teacher).sum()
    assert loss == pytest.approx(((divergence + entropy) / 2).item(), rel=1e-5)


def test_padding_is_what_transformers_computes_for_a_masked_and_padded_line(tiny_model: Path) -> None:
    """SEAL's rows: attention masked to the line, labels left on the padding."""
    ids, pad, size = (3, 4, 5, 6), 2, 24
    padding = Padding(pad, tuple(range(len(ids), size - 1)), 1.0)
    tree = grown([Example(ids, 1, padding=padding)])
    assert len(tree) == size - 1
    stack, objective = stack_of(tiny_model, 1)
    (loss,) = train_row(objective, [tree])
    row = torch.tensor([[*ids, *[pad] * (size - len(ids))]])
    seen = torch.tensor([[1] * len(ids) + [0] * (size - len(ids))])
    alone, _ = stack_of(tiny_model, 1)
    with alone.seated((0, size)):
        expected = alone.model(input_ids=row, attention_mask=seen, labels=row).loss
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(gradient(stack, 0), gradient(alone, 0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("head", ["a product", "more", "a product and a bias"])
def test_at_a_temperature_the_loss_is_of_what_is_sampled_at_it(
    tiny_model: Path, examples: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    """Each learner's own temperature, over its own trees; held against plain logits, divided."""
    if head == "more":
        monkeypatch.setattr("seald.training.objective._plain_head", lambda _: None)
    stack, objective = stack_of(tiny_model, 2)
    objective._is_biased = head == "a product and a bias"
    trees, temperatures = [grown(examples[:2]), grown(examples[1:])], [0.3, 1.0]
    row = lay_out(trees, [tree.weight for tree in trees], CPU, temperatures=temperatures)
    losses = objective.backward(row, (0, 1))
    for learner, (own, temperature) in enumerate(zip((examples[:2], examples[1:]), temperatures, strict=True)):
        alone, _ = stack_of(tiny_model, 2)
        loss = loss_alone(alone, own, learner=learner, temperature=temperature)
        loss.backward()
        assert losses[learner] == pytest.approx(loss.item(), rel=1e-5)
        torch.testing.assert_close(gradient(stack, learner), gradient(alone, learner), rtol=1e-4, atol=1e-5)

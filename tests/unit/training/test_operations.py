"""The count of operations, against torch's own counter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM

from seald.config import Recipe
from seald.training.dataset import Example
from seald.training.frozen import FrozenProduct
from seald.training.lora import LoraStack
from seald.training.objective import Objective
from seald.training.operations import step_operations
from seald.training.row import lay_out
from seald.training.token_tree import grown

ALL = Recipe(rank=4, alpha=8)
SEAL = Recipe(rank=4, alpha=8, target_modules=("q_proj", "v_proj"))


def add_where_it_is_counted(out: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """torch's counter passes over products that are added in place."""
    out.add_(left @ right)


@pytest.mark.parametrize("recipes", [(ALL,), (ALL, ALL), (SEAL,)], ids=["one", "two", "q and v"])
def test_it_counts_what_is_computed(
    tiny_model: Path, recipes: tuple[Recipe, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seald.training.products._add_product", add_where_it_is_counted)
    monkeypatch.setattr("seald.training.lora.product_of", lambda _: FrozenProduct)  # nor does it know oneDNN's
    model = AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="sdpa")
    stack = LoraStack(model)
    objective = Objective(stack)
    for seed, recipe in enumerate(recipes):
        stack.add(recipe, None, seed)
    trees = [grown([Example(tuple(range(3, 43)), 20)]) for _ in recipes]
    learners = tuple(range(len(recipes)))
    row = lay_out(trees, [tree.weight for tree in trees], torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        objective.backward(row, learners)
    # Within a tree, attention computes also between tokens that do not see each other.
    unseen = 12 * (sum(size**2 for size in row.sizes) - int(row.mask.sum())) * 4 * 32 * 2
    assert step_operations(stack, row, learners) + unseen == pytest.approx(counter.get_total_flops(), rel=1e-3)

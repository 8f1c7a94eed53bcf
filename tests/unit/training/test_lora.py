"""LoRA weights in PEFT's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from seald.config import Recipe
from seald.errors import TrainerFailed
from seald.training.lora import LoraStack, _config

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

RECIPE = Recipe(rank=4, alpha=8)


def stack_of(folder: Path, parent: Path | None = None, recipe: Recipe = RECIPE) -> LoraStack:
    stack = LoraStack(AutoModelForCausalLM.from_pretrained(folder))
    stack.add(recipe, parent, seed=0)
    return stack


def randomized(folder: Path) -> LoraStack:
    stack = stack_of(folder)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in stack.weights(0).values():
            weight.normal_()
    return stack


def logits(stack: LoraStack, learner: int, ids: torch.Tensor) -> torch.Tensor:
    with stack.seated((learner, ids.shape[1])):
        scores: torch.Tensor = stack.model(input_ids=ids).logits
    return scores


def test_the_same_layers_under_the_same_names_as_peft(tiny_model: Path) -> None:
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), _config(RECIPE))
    theirs = {name.replace(".default", "") for name, weight in model.named_parameters() if weight.requires_grad}
    assert set(stack_of(tiny_model).weights(0)) == theirs


def test_fresh_weights_follow_the_seed_and_change_nothing(tiny_model: Path) -> None:
    first, second = stack_of(tiny_model), stack_of(tiny_model)
    assert all(torch.equal(first.weights(0)[name], second.weights(0)[name]) for name in first.weights(0))
    assert first.weight_norm(0) == 0
    ids = torch.tensor([[3, 4, 5]])
    with first.seated():
        base = first.model(input_ids=ids).logits
    torch.testing.assert_close(logits(first, 0, ids), base)


def test_weight_norm_is_that_of_the_products(tiny_model: Path) -> None:
    stack = randomized(tiny_model)
    weights = list(stack.weights(0).values())
    deltas = [2 * (b @ a).flatten() for a, b in zip(weights[::2], weights[1::2], strict=True)]
    assert stack.weight_norm(0) == pytest.approx(torch.cat(deltas).norm().item(), rel=1e-4)
    norms = stack.layer_norms(0)
    assert list(norms.values()) == pytest.approx([delta.norm().item() for delta in deltas], rel=1e-4)
    assert {f"base_model.model.{path}.lora_A.weight" for path in norms} == set(list(stack.weights(0))[::2])


def test_export_loads_with_peft_and_names_no_folder_of_this_machine(tiny_model: Path, tmp_path: Path) -> None:
    stack = randomized(tiny_model)
    stack.export(0, tmp_path, base_name="tiny")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["inference_mode"]) == ("tiny", True)
    assert str(tiny_model) not in (tmp_path / "adapter_config.json").read_text()
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(tmp_path))
    ids = torch.tensor([[3, 4, 5]])
    torch.testing.assert_close(again(input_ids=ids).logits, logits(stack, 0, ids), rtol=1e-4, atol=1e-4)


def test_warm_start_takes_the_parents_weights(tiny_model: Path, tmp_path: Path) -> None:
    parent = randomized(tiny_model)
    parent.export(0, tmp_path, base_name="tiny")
    child = stack_of(tiny_model, tmp_path).weights(0)
    assert len(child) == 28
    assert all(torch.equal(weight, child[name]) for name, weight in parent.weights(0).items())


def test_a_second_learner_leaves_the_first_as_it_was(tiny_model: Path) -> None:
    stack, ids = randomized(tiny_model), torch.tensor([[3, 4, 5]])
    before = logits(stack, 0, ids)
    assert stack.add(Recipe(rank=2, alpha=4, target_modules=("q_proj", "v_proj")), None, seed=5) == 1
    assert len(stack.weights(1)) == 2 * 2 * 2
    torch.testing.assert_close(logits(stack, 0, ids), before)


def test_a_parent_of_another_rank_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    stack_of(tiny_model).export(0, tmp_path, base_name="tiny")
    with pytest.raises(TrainerFailed, match="compact") as failure:
        stack_of(tiny_model, tmp_path, Recipe(rank=8, alpha=8))
    assert failure.value.code == "bad_job"


def test_a_missing_parent_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainerFailed, match="cannot be read"):
        stack_of(tiny_model, tmp_path / "nowhere")


def test_layers_that_the_model_has_not_are_refused(tiny_model: Path) -> None:
    with pytest.raises(TrainerFailed, match="target_modules"):
        stack_of(tiny_model, recipe=Recipe(target_modules=("c_attn",)))


def test_not_finite_weights_are_seen(tiny_model: Path) -> None:
    stack = stack_of(tiny_model)
    assert stack.is_finite(0)
    with torch.no_grad():
        next(iter(stack.weights(0).values()))[0, 0] = float("nan")
    assert not stack.is_finite(0)

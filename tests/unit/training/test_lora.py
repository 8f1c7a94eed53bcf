"""LoRA weights in PEFT's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from seald.config import Recipe
from seald.errors import TrainerFailed
from seald.training import lora

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

RECIPE = Recipe(rank=4, alpha=8)


def attached(folder: Path, parent: Path | None = None, recipe: Recipe = RECIPE) -> Any:
    return lora.attach(AutoModelForCausalLM.from_pretrained(folder), recipe, parent, seed=0)


def randomized(folder: Path) -> Any:
    model = attached(folder)
    with torch.no_grad():
        for weight in lora.trainable(model).values():
            weight.normal_()
    return model


def test_all_linear_layers_and_nothing_else_is_trained(tiny_model: Path) -> None:
    names = list(lora.trainable(attached(tiny_model)))
    assert len(names) == 2 * 7 * 2
    assert all("lora_" in name for name in names)


def test_fresh_weights_follow_the_seed_and_change_nothing(tiny_model: Path) -> None:
    first, second = lora.trainable(attached(tiny_model)), lora.trainable(attached(tiny_model))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert lora.weight_norm(attached(tiny_model)) == 0


def test_weight_norm_is_that_of_the_products(tiny_model: Path) -> None:
    model = randomized(tiny_model)
    deltas = [
        layer.get_delta_weight("default").detach().flatten()
        for layer in model.modules()
        if hasattr(layer, "get_delta_weight")
    ]
    assert lora.weight_norm(model) == pytest.approx(torch.cat(deltas).norm().item(), rel=1e-4)


def test_export_loads_with_peft_and_names_no_folder_of_this_machine(tiny_model: Path, tmp_path: Path) -> None:
    model = randomized(tiny_model)
    lora.export(model, tmp_path, base_name="tiny")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["inference_mode"]) == ("tiny", True)
    assert str(tiny_model) not in (tmp_path / "adapter_config.json").read_text()
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(tmp_path))
    ids = torch.tensor([[3, 4, 5]])
    torch.testing.assert_close(again(input_ids=ids).logits, model(input_ids=ids).logits)


def test_warm_start_takes_the_parents_weights(tiny_model: Path, tmp_path: Path) -> None:
    parent = randomized(tiny_model)
    lora.export(parent, tmp_path, base_name="tiny")
    child = lora.trainable(attached(tiny_model, tmp_path))
    assert len(child) == 28
    assert all(torch.equal(weight, child[name]) for name, weight in lora.trainable(parent).items())


def test_a_parent_of_another_rank_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    lora.export(attached(tiny_model), tmp_path, base_name="tiny")
    with pytest.raises(TrainerFailed, match="compact") as failure:
        attached(tiny_model, tmp_path, Recipe(rank=8, alpha=8))
    assert failure.value.code == "bad_job"


def test_a_missing_parent_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainerFailed, match="cannot be read"):
        attached(tiny_model, tmp_path / "nowhere")


def test_not_finite_weights_are_seen(tiny_model: Path) -> None:
    model = attached(tiny_model)
    assert lora.is_finite(model)
    with torch.no_grad():
        next(iter(lora.trainable(model).values()))[0, 0] = float("nan")
    assert not lora.is_finite(model)

"""LoRA weights in PEFT's layout: fresh, from a parent, out to a folder, and how large they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file

from seald.config import Recipe
from seald.domain.adapter import ADAPTER_CONFIG, WEIGHTS
from seald.errors import TrainerFailed


def attach(model: Any, recipe: Recipe, parent: Path | None, seed: int) -> Any:
    """Put trainable LoRA layers into `model`: the parent's weights, or fresh ones (B = 0) drawn from `seed`.

    Raises:
        TrainerFailed: `bad_job`, the parent cannot be read or has another rank, scale or other layers.
    """
    if parent is None:
        torch.manual_seed(seed)
        return get_peft_model(model, _config(recipe))
    _check_parent(parent, recipe)
    return PeftModel.from_pretrained(model, str(parent), is_trainable=True)


def _config(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(recipe.target_modules),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )


def _check_parent(parent: Path, recipe: Recipe) -> None:
    try:
        config = PeftConfig.from_pretrained(str(parent))
    except (OSError, ValueError, TypeError) as error:
        raise TrainerFailed(f"the parent adapter {parent} cannot be read: {error}", code="bad_job") from error
    found = getattr(config, "r", None), getattr(config, "lora_alpha", None), sorted(config.target_modules or ())
    wanted = recipe.rank, recipe.alpha, sorted(recipe.target_modules)
    if found != wanted:
        raise TrainerFailed(
            f"the parent adapter {parent} has (rank, alpha, layers) {found}, the recipe wants {wanted}: "
            "set the recipe back, or compact the collection so that it starts anew from the base model",
            code="bad_job",
        )


def trainable(model: Any) -> dict[str, torch.nn.Parameter]:
    """The LoRA parameters by name; everything else is frozen."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def export(model: Any, folder: Path, base_name: str) -> None:
    """Write `adapter_config.json` and `adapter_model.safetensors`, loadable by peft and vLLM as they are.

    `base_name` goes in for the base model's folder, which exists on this machine only.
    """
    config = model.peft_config["default"]
    own_path, own_mode = config.base_model_name_or_path, config.inference_mode
    config.base_model_name_or_path, config.inference_mode = base_name, True
    try:
        config.save_pretrained(str(folder))
    finally:
        config.base_model_name_or_path, config.inference_mode = own_path, own_mode
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    contiguous = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(contiguous, folder / WEIGHTS, metadata={"format": "pt"})
    assert (folder / ADAPTER_CONFIG).exists()


def weight_norm(model: Any) -> float:
    """Frobenius norm of the products alpha/r * B A of all layers together, without forming them.

    |B A|² = trace((BᵀB)(A Aᵀ)), two r x r matrices.
    """
    total = 0.0
    for a, b, scale in _pairs(model):
        total += scale**2 * float(torch.sum((b.T @ b) * (a @ a.T)))
    return math.sqrt(total)


def _pairs(model: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
    for module in model.modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            yield a.detach().double(), b.detach().double(), module.scaling["default"]


def is_finite(model: Any) -> bool:
    """Whether no LoRA weight is NaN or infinite."""
    return all(bool(torch.isfinite(weight).all()) for weight in trainable(model).values())

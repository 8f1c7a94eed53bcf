"""LoRA weights in PEFT's layout, of one learner or several over one base: fresh, from a parent, out to a folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from safetensors.torch import load_file, save_file

from seald.config import Recipe
from seald.domain.adapter import WEIGHTS
from seald.errors import TrainerFailed
from seald.training.frozen import plain_on_cpu, product_of
from seald.training.fuse import fuse
from seald.training.stacked import Pair, Seats, SharedInput, StackedLinear

SAME_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers of a block that transformers' models call one after the other with the same tensor."""


class LoraStack:
    """A frozen causal model whose linear layers carry the weights of its learners, numbered from 0."""

    def __init__(self, model: Any) -> None:
        self.model = model.requires_grad_(False)
        self.seats = Seats()
        self._recipes: list[Recipe] = []
        self._layers: dict[str, StackedLinear] = {}
        self.product = product_of(model)
        if plain_on_cpu(model) and not model.is_activation_checkpointing:
            self._fuse()

    def _fuse(self) -> None:
        """Stack every layer whether it learns or not: the fused pieces stand on these products."""
        head = self.model.get_output_embeddings()
        for path, module in list(self.model.named_modules()):
            if isinstance(module, torch.nn.Linear) and module is not head:
                self._layer(path)
        fuse(self.model, self.seats)

    def add(self, recipe: Recipe, parent: Path | None, seed: int) -> int:
        """Give the model one more learner and return its number: the parent's weights, or fresh ones from `seed`.

        Raises:
            TrainerFailed: `bad_job`, the recipe names no layer of this model, or the parent cannot be read or has
                another rank, scale or other layers.
        """
        number = len(self._recipes)
        paths = self._paths(recipe)
        initial = _read(parent, recipe) if parent is not None else None
        generator = torch.Generator().manual_seed(seed)
        drawn: dict[StackedLinear, tuple[torch.Tensor, torch.Tensor]] = {}
        for path in paths:
            layer = self._layer(path)
            a, b = _fresh(layer, recipe.rank, generator) if initial is None else _taken(initial, path, parent)
            drawn[layer] = a.float().to(layer.weight.device), b.float().to(layer.weight.device)
        for shared in dict.fromkeys(layer.shared for layer in drawn):
            shared.teach(number, [drawn.get(member) for member in shared.members], recipe.alpha / recipe.rank)
        self._recipes.append(recipe)
        return number

    def _paths(self, recipe: Recipe) -> list[str]:
        linear = (torch.nn.Linear, StackedLinear)
        found = [path for path, module in self.model.named_modules() if isinstance(module, linear)]
        paths = [path for path in found if path.rpartition(".")[2] in recipe.target_modules]
        if not paths:
            wanted = ", ".join(recipe.target_modules)
            raise TrainerFailed(
                f"the model has no linear layer named {wanted}: set recipe.target_modules", code="bad_job"
            )
        return paths

    def _layer(self, path: str) -> StackedLinear:
        if path not in self._layers:
            paths = self._readers_of_the_same(path)
            shared = SharedInput([self.model.get_submodule(each) for each in paths], self.seats, self.product)
            for each, stacked in zip(paths, shared.members, strict=True):
                self.model.set_submodule(each, stacked)
                self._layers[each] = stacked
        return self._layers[path]

    def _readers_of_the_same(self, path: str) -> list[str]:
        """The layers that read what this one reads, in the order in which they are called."""
        where, _, name = path.rpartition(".")
        names = next((names for names in SAME_INPUT if name in names), (name,))
        block = self.model.get_submodule(where)
        linears = [getattr(block, each, None) for each in names]
        alike = all(isinstance(linear, torch.nn.Linear) for linear in linears)
        biased = {linear.bias is not None for linear in linears if isinstance(linear, torch.nn.Linear)}
        return [f"{where}.{each}" for each in names] if alike and len(biased) == 1 else [path]

    def weights(self, learner: int) -> dict[str, torch.nn.Parameter]:
        """A learner's parameters by their names in PEFT's files."""
        named: dict[str, torch.nn.Parameter] = {}
        for path, layer in self._layers.items():
            if learner in layer.pairs:
                pair = layer.pairs[learner]
                named |= {_key(path, "A"): pair.a, _key(path, "B"): pair.b}
        return named

    def seated(self, *taken: tuple[int, int]) -> AbstractContextManager[None]:
        """Within it a pass holds these `(learner, tokens)`; none at all is the base model."""
        return self.seats.hold(taken)

    def export(self, learner: int, folder: Path, base_name: str) -> None:
        """Write `adapter_config.json` and `adapter_model.safetensors`, loadable by peft and vLLM as they are.

        `base_name` goes in for the base model's folder, which exists on this machine only.
        """
        config = _config(self._recipes[learner])
        config.base_model_name_or_path, config.inference_mode = base_name, True
        config.save_pretrained(str(folder))
        weights = {name: weight.detach().cpu().clone() for name, weight in self.weights(learner).items()}
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})

    def weight_norm(self, learner: int) -> float:
        """Frobenius norm of the products alpha/r * B A of all layers together."""
        return math.hypot(*self.layer_norms(learner).values())

    def layer_norms(self, learner: int) -> dict[str, float]:
        """Frobenius norm of alpha/r * B A of each layer, by its module's name, without forming the product.

        |B A|² = trace((BᵀB)(A Aᵀ)), two r x r matrices.
        """
        found: dict[str, float] = {}
        for path, layer in self._layers.items():
            if learner in layer.pairs:
                pair = layer.pairs[learner]
                a, b = pair.a.detach().double(), pair.b.detach().double()
                squared = float(torch.sum((b.T @ b) * (a @ a.T)))
                found[path] = pair.scale * math.sqrt(max(squared, 0.0))  # rounding may leave a zero below zero
        return found

    def is_finite(self, learner: int) -> bool:
        """Whether none of its weights is NaN or infinite."""
        return all(bool(torch.isfinite(w).all()) for pair in self._pairs(learner) for w in (pair.a, pair.b))

    def _pairs(self, learner: int) -> Iterator[Pair]:
        yield from (layer.pairs[learner] for layer in self._layers.values() if learner in layer.pairs)


def _key(path: str, which: str) -> str:
    return f"base_model.model.{path}.lora_{which}.weight"


def _config(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(recipe.target_modules),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )


def _fresh(layer: StackedLinear, rank: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.empty(rank, layer.in_features)
    torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)  # as PEFT begins
    return a, torch.zeros(layer.out_features, rank)


def _read(parent: Path, recipe: Recipe) -> dict[str, torch.Tensor]:
    try:
        config = PeftConfig.from_pretrained(str(parent))
        weights = load_file(parent / WEIGHTS)
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
    return dict(weights)


def _taken(weights: dict[str, torch.Tensor], path: str, parent: Path | None) -> tuple[torch.Tensor, torch.Tensor]:
    try:
        return weights[_key(path, "A")], weights[_key(path, "B")]
    except KeyError as error:
        raise TrainerFailed(f"the parent adapter {parent} has no weights {error}", code="bad_job") from error

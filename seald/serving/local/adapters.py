"""Adapters by name: loading, leasing to requests, and dropping the weights once nobody uses them."""

from __future__ import annotations

import json
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel
from safetensors import SafetensorError, safe_open

from seald.errors import Conflict, InvalidRequest, NotFound
from seald.serving.local.model import BASE_ROW, LanguageModel

WEIGHTS = "adapter_model.safetensors"
UNMIXABLE = ("use_dora", "modules_to_save", "trainable_token_indices", "layer_replication", "alora_invocation_tokens")
"""Settings of an adapter that peft applies to a whole batch or not at all."""
MEDDLING = ("init_lora_weights", "megatron_config", "loftq_config", "eva_config", "corda_config", "lora_ga_config")
"""Settings by which peft changes the base's own weights, or imports a module that the file names."""


@dataclass(eq=False)
class Adapter:
    """`key` is peft's name for it, never used twice. `users` counts the requests under way."""

    name: str
    key: str
    path: str
    users: int = 0
    retired: bool = False


class Adapters:
    """What is loaded. `load` and `sweep` change the network: only the worker thread may call them."""

    def __init__(self, model: LanguageModel, *, base_name: str, max_rank: int) -> None:
        self._model = model
        self._max_rank = max_rank
        self._lock = threading.Lock()
        self._base = Adapter(base_name, BASE_ROW, model.path)
        self._named: dict[str, Adapter] = {}
        self._retired: list[Adapter] = []
        self._keys = 0

    def listed(self) -> list[Adapter]:
        """The base first, then what is loaded."""
        with self._lock:
            return [self._base, *self._named.values()]

    def lease(self, name: str | None) -> Adapter:
        """The adapter of a request that begins; None is the base. Raises NotFound."""
        with self._lock:
            adapter = self._base if name in (None, self._base.name) else self._named.get(str(name))
            if adapter is None:
                raise NotFound(f"The model `{name}` does not exist.", param="model", code="model_not_found")
            adapter.users += 1
            return adapter

    def release(self, adapter: Adapter) -> None:
        """A request is over."""
        with self._lock:
            adapter.users -= 1

    def load(self, name: str, folder: Path) -> None:
        """Load a PEFT LoRA folder.

        Raises:
            Conflict: the name is taken.
            NotFound: no such folder, or no safetensors weights in it.
            InvalidRequest: not a LoRA that this model and a mixed batch can take.
        """
        if name in self._named or name == self._base.name:
            raise Conflict(f"The lora adapter '{name}' has already been loaded.", param="lora_name")
        config = self._checked_config(folder)
        self._keys += 1
        adapter = Adapter(name, f"v{self._keys}", str(folder))
        try:
            self._inject(adapter, config)
        except InvalidRequest:
            self._drop(adapter)
            raise
        except (RuntimeError, ValueError, KeyError, OSError, SafetensorError) as error:
            self._drop(adapter)
            raise InvalidRequest(f"'{folder}' does not fit the base model: {error}", param="lora_path") from error
        with self._lock:
            self._named[name] = adapter

    def unload(self, name: str) -> None:
        """Take no more requests under the name; the weights go with its last one. Raises NotFound."""
        with self._lock:
            adapter = self._named.pop(name, None)
            if adapter is None:
                raise NotFound(f"The lora adapter '{name}' cannot be found.", param="lora_name")
            adapter.retired = True
            self._retired.append(adapter)

    def sweep(self) -> None:
        """Drop the weights of retired adapters that no request uses any more."""
        with self._lock:
            free = [adapter for adapter in self._retired if not adapter.users]
            self._retired = [adapter for adapter in self._retired if adapter.users]
        for adapter in free:
            self._drop(adapter)

    def _checked_config(self, folder: Path) -> LoraConfig:
        if not (folder / "adapter_config.json").is_file() or not (folder / WEIGHTS).is_file():
            raise NotFound(
                f"Loading lora adapter failed: no adapter at '{folder}'. Give a folder with adapter_config.json "
                f"and {WEIGHTS}",
                param="lora_path",
            )
        try:
            said = json.loads((folder / "adapter_config.json").read_text())
            with safe_open(folder / WEIGHTS, framework="pt") as weights:
                names = list(weights.keys())
            problem = self._problem(said, names)
            if problem:
                raise InvalidRequest(f"Loading lora adapter '{folder}' failed: {problem}", param="lora_path")
            config: LoraConfig = LoraConfig.from_pretrained(str(folder))
        except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
            raise InvalidRequest(f"'{folder}' cannot be read: {error}", param="lora_path") from error
        return config

    def _problem(self, config: dict[str, Any], weights: list[str]) -> str | None:
        if config.get("peft_type") != "LORA":
            return f"peft_type is {config.get('peft_type')!r}; only LORA is served"
        # rank_pattern overrides the rank of single modules.
        rank = max([int(config.get("r", 0)), *map(int, (config.get("rank_pattern") or {}).values())])
        if rank > self._max_rank:
            return f"its rank {rank} is greater than --max-lora-rank {self._max_rank}"
        unmixable = [what for what in UNMIXABLE if config.get(what)]
        if unmixable or config.get("bias", "none") != "none":
            return f"{', '.join(unmixable) or 'bias'} cannot be mixed with other adapters in a batch"
        meddling = [what for what in MEDDLING if config.get(what) not in (None, True, False, {})]
        if meddling:
            return f"{', '.join(meddling)} would change more than an adapter's weights"
        strange = [name for name in weights if ".lora_A." not in name and ".lora_B." not in name]
        return f"it has weights that are not LoRA's, like {strange[0]}" if strange else None

    def _inject(self, adapter: Adapter, config: LoraConfig) -> None:
        config.inference_mode = True
        if not isinstance(self._model.network, PeftModel):
            with warnings.catch_warnings():
                # peft asks the network for an attribute that transformers has renamed.
                warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
                self._model.network = PeftModel(self._model.network, config, adapter_name=adapter.key)
        # Into the slot just made, or into a new one beside the others.
        result = self._model.network.load_adapter(
            adapter.path, adapter_name=adapter.key, torch_device=str(self._model.device)
        )
        self._model.network.eval()
        self._model.adapters_changed()
        wrong = [*result.missing_keys, *result.unexpected_keys]
        if wrong:
            raise InvalidRequest(
                f"'{adapter.path}' does not fit the base model: {len(wrong)} weights are missing or have no place, "
                f"like {wrong[0]}",
                param="lora_path",
            )

    def _drop(self, adapter: Adapter) -> None:
        network = self._model.network
        if not isinstance(network, PeftModel) or adapter.key not in network.peft_config:
            return
        self._model.adapters_changed()
        others = [key for key in network.peft_config if key != adapter.key]
        if not others:
            self._model.network = network.unload()
            return
        # The active adapter plays no part in mixed batches, but peft warns when it is the one deleted.
        network.set_adapter(others[0], inference_mode=True)
        network.delete_adapter(adapter.key)

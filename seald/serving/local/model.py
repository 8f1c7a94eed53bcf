"""The base model, its tokenizer, and one forward pass over rows that may each use another adapter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from seald.serving.local.cache import RowCache
from seald.serving.local.grammar import Grammars

BASE_ROW = "__base__"
"""peft's name for a row of a mixed batch that no adapter touches."""


class LanguageModel:
    """fp32 on a CPU (bf16 has no fast kernel on most), bf16 on a GPU. Only the worker thread may call `logits`."""

    def __init__(self, folder: Path, *, max_model_len: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        options = {"local_files_only": True, "trust_remote_code": False}
        network: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, attn_implementation="sdpa", **options
        )
        self.network: Any = network.to(self.device).requires_grad_(False).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, **options)
        self.path = str(folder)
        self._active: str | None = None
        config = self.network.config.get_text_config()
        self.layers: int = config.num_hidden_layers
        self.vocabulary: int = config.vocab_size
        trained: int | None = getattr(config, "max_position_embeddings", None)
        self.max_model_len = min(max_model_len, trained) if trained else max_model_len
        self.end_tokens = _end_tokens(self.network.generation_config, self.tokenizer)
        self.sampling_defaults = _sampling_defaults(self.network.generation_config)

    @cached_property
    def grammars(self) -> Grammars:
        """Of its tokens; the first look takes a second."""
        return Grammars(self.tokenizer, vocabulary=self.vocabulary, end_tokens=self.end_tokens)

    def new_cache(self) -> RowCache:
        """An empty cache with a layer for each of the model's."""
        return RowCache(self.layers)

    def logits(
        self,
        ids: Sequence[Sequence[int]],
        cache: RowCache,
        *,
        adapters: Sequence[str],
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
        keep: torch.Tensor | int = 0,
    ) -> torch.Tensor:
        """Logits (rows, kept positions, vocabulary) of new tokens (rows, T), whose keys and values join `cache`.

        `keep` is an index over T, or how many of the last positions to keep (0: all).
        """
        out = self.network(
            input_ids=torch.tensor(ids, device=self.device),
            past_key_values=cache,
            use_cache=True,
            attention_mask=mask,
            position_ids=positions,
            logits_to_keep=keep,
            **self._use(adapters),
        )
        logits: torch.Tensor = out.logits
        return logits

    def adapters_changed(self) -> None:
        """To be called after peft put in or took out an adapter: it may have made another one active."""
        self._active = None

    def _use(self, adapters: Sequence[str]) -> dict[str, list[str]]:
        """What to pass to `forward`. A batch of one kind needs no mixing, which saves a third of a step's time."""
        if not isinstance(self.network, PeftModel):
            return {}
        kinds = set(adapters)
        if len(kinds) > 1:
            return {"adapter_names": list(adapters)}
        (only,) = kinds
        if only != self._active:
            tuner: Any = self.network.base_model
            tuner.set_adapter([] if only == BASE_ROW else only, inference_mode=True)
            self._active = only
        return {}


def _end_tokens(generation: Any, tokenizer: Any) -> frozenset[int]:
    found = generation.eos_token_id if generation is not None else None
    ends = set(found) if isinstance(found, list) else {found}
    return frozenset(int(token) for token in ends | {tokenizer.eos_token_id} if token is not None)


def _sampling_defaults(generation: Any) -> dict[str, float]:
    """What the model's authors recommend, as vLLM's `--generation-config auto` takes it."""
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    said = generation.to_diff_dict() if generation is not None else {}
    return {name: said[name] for name in names if said.get(name) is not None}

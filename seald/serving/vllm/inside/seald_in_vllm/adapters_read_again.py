"""Holds vLLM to the bytes of an adapter that it read first.

vLLM reads an adapter again, from the folder it was told once, when its cache had to make room. Nobody has verified the
files that lie there by then, and no canary follows. An adapter that is another one by now ends the engine: whoever
started it verifies everything before it loads it into the next.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

READ = ("adapter_config.json", "adapter_model.safetensors")


def register() -> None:
    """vLLM's hook for general plugins, called in each of its processes."""
    from vllm.lora.worker_manager import WorkerLoRAManager

    WorkerLoRAManager._load_adapter = held_to_the_first(WorkerLoRAManager._load_adapter)


def held_to_the_first(load: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`load`, which raises RuntimeError for a request of an id whose files are not those of its first time."""
    first: dict[int, str] = {}

    @functools.wraps(load)
    def held(manager: Any, request: Any) -> Any:
        loaded = load(manager, request)
        now = _digest(Path(request.lora_path))
        if first.setdefault(request.lora_int_id, now) != now:
            raise RuntimeError(f"the files of {request.lora_name} changed while it was loaded")
        return loaded

    return held


def _digest(folder: Path) -> str:
    return "".join(hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in READ)

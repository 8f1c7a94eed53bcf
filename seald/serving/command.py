"""How to start an engine: the argument list and environment of each kind."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from seald.config import Settings
from seald.errors import ConfigError
from seald.ports import BASE
from seald.serving.vllm.command import Found, find_vllm, has_gpu, require_vllm, vllm_arguments, vllm_environment


@dataclass(frozen=True)
class EngineCommand:
    """A child process to be started on loopback, or (no `argv`) a server that somebody else runs at `url`."""

    kind: str
    url: str
    key: str | None
    argv: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def full_environment(self) -> dict[str, str]:
        """Ours with the engine's own laid over it."""
        return {**os.environ, **dict(self.environment)}


def engine_command(settings: Settings, model: Path, *, key: str) -> EngineCommand:
    """Decide the engine's kind and how it is started.

    Raises:
        ConfigError: `engine.url` is missing for an external engine, or there is no vLLM that can serve.
    """
    kind = settings.engine.kind
    if kind == "external":
        return _external(settings)
    found = find_vllm(settings) if kind == "vllm" or (kind == "auto" and has_gpu()) else None
    if kind == "vllm" or found is not None:
        return _vllm(settings, require_vllm(settings, found), model, key)
    return _local(settings, model, key)


def _external(settings: Settings) -> EngineCommand:
    if settings.engine.url is None:
        raise ConfigError("engine.kind is 'external': engine.url must name the server", param="engine.url")
    return EngineCommand(kind="external", url=settings.engine.url.rstrip("/"), key=os.environ.get("SEALD_ENGINE_KEY"))


def _vllm(settings: Settings, found: Found, model: Path, key: str) -> EngineCommand:
    port = free_port()
    return EngineCommand(
        kind="vllm",
        url=f"http://127.0.0.1:{port}",
        key=key,
        argv=vllm_arguments(settings, found, model, port),
        environment=tuple(vllm_environment(settings, found, key).items()),
    )


def _local(settings: Settings, model: Path, key: str) -> EngineCommand:
    port = free_port()
    engine = settings.engine
    options = {
        "--model": str(model),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--served-model-name": BASE,
        "--max-model-len": str(settings.model.max_model_len),
        "--max-num-seqs": str(engine.max_num_seqs),
        "--max-loras": str(engine.max_loras),
        "--max-lora-rank": str(engine.max_lora_rank),
        "--threads": str(engine.threads),
    }
    interpreter = engine.command or (sys.executable, "-m", "seald.serving.local")
    argv = (*interpreter, *(part for option in options.items() for part in option), "--exit-with-parent")
    # The key goes through the environment: an argument list can be read by every user of the machine.
    return EngineCommand(
        kind="local", url=f"http://127.0.0.1:{port}", key=key, argv=argv, environment=(("SEALD_ENGINE_KEY", key),)
    )


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

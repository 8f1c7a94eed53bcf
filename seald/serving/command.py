"""How to start an engine: the argument list and environment of each kind."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from seald.config import Settings
from seald.errors import ConfigError
from seald.ports import BASE
from seald.serving.vllm.command import (
    Found,
    can_sleep,
    find_vllm,
    has_gpu,
    require_vllm,
    vllm_arguments,
    vllm_environment,
)


@dataclass(frozen=True)
class EngineCommand:
    """A child process to be started on loopback, or (no `argv`) a server that somebody else runs at `url`."""

    kind: str
    url: str
    key: str | None
    argv: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    sleeps: bool = False
    """Whether it can give its memory back without ending."""

    def full_environment(self) -> dict[str, str]:
        """Ours with the engine's own laid over it."""
        return {**os.environ, **dict(self.environment)}


def engine_commands(settings: Settings, model: Path) -> tuple[EngineCommand, ...]:
    """Decide the engine's kind and how each replica is started; each has a key of its own.

    Raises:
        ConfigError: `engine.url` is missing for an external engine, or there is no vLLM that can serve.
    """
    kind = settings.engine.kind
    if kind == "external":
        return _external(settings)
    found = find_vllm(settings) if kind == "vllm" or (kind == "auto" and has_gpu()) else None
    numbers = range(settings.engine.replicas)
    if kind == "vllm" or found is not None:
        usable = require_vllm(settings, found)
        return tuple(_vllm(settings, usable, model, number) for number in numbers)
    return tuple(_local(settings, model) for _ in numbers)


def _external(settings: Settings) -> tuple[EngineCommand, ...]:
    urls, key = settings.engine.urls, os.environ.get("SEALD_ENGINE_KEY")
    if not urls:
        raise ConfigError("engine.kind is 'external': engine.url must name the server", param="engine.url")
    return tuple(EngineCommand(kind="external", url=url, key=key) for url in urls)


def _vllm(settings: Settings, found: Found, model: Path, number: int) -> EngineCommand:
    port, key = free_port(), secrets.token_urlsafe(32)
    return EngineCommand(
        kind="vllm",
        url=f"http://127.0.0.1:{port}",
        key=key,
        argv=vllm_arguments(settings, found, model, port),
        environment=tuple(vllm_environment(settings, found, key, number).items()),
        sleeps=can_sleep(settings, found),
    )


def _local(settings: Settings, model: Path) -> EngineCommand:
    port, key, engine = free_port(), secrets.token_urlsafe(32), settings.engine
    options = {
        "--model": str(model),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--served-model-name": BASE,
        "--max-model-len": str(settings.model.max_model_len),
        "--max-num-seqs": str(engine.max_num_seqs),
        "--max-loras": str(engine.max_loras),
        "--max-lora-rank": str(engine.max_lora_rank),
        "--threads": str(engine.threads or _share_of_the_cores(engine.replicas)),
    }
    interpreter = engine.command or (sys.executable, "-m", "seald.serving.local")
    argv = (*interpreter, *(part for option in options.items() for part in option), "--exit-with-parent")
    # The key goes through the environment: an argument list can be read by every user of the machine.
    return EngineCommand(
        kind="local", url=f"http://127.0.0.1:{port}", key=key, argv=argv, environment=(("SEALD_ENGINE_KEY", key),)
    )


def _share_of_the_cores(replicas: int) -> int:
    """Threads of one of several; 0, torch's own choice, for one alone."""
    return max(1, (os.cpu_count() or 1) // replicas) if replicas > 1 else 0


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

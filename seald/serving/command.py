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
        ConfigError: `engine.url` is missing for an external engine, or the kind cannot be started here.
    """
    if settings.engine.kind == "external":
        return _external(settings)
    if settings.engine.kind == "vllm":
        raise ConfigError(
            "engine.kind = 'vllm' is not started by this version: run `vllm serve` with LoRA on and set "
            "engine.kind = 'external' with engine.url",
            param="engine.kind",
        )
    return _local(settings, model, key)


def _external(settings: Settings) -> EngineCommand:
    if settings.engine.url is None:
        raise ConfigError("engine.kind is 'external': engine.url must name the server", param="engine.url")
    return EngineCommand(kind="external", url=settings.engine.url.rstrip("/"), key=os.environ.get("SEALD_ENGINE_KEY"))


def _local(settings: Settings, model: Path, key: str) -> EngineCommand:
    port = _free_port()
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

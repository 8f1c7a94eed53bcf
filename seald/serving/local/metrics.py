"""What the engine exposes for Prometheus: the few of vLLM's metrics that it can tell, under vLLM's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class EngineMetrics:
    """Of one engine. `load` says how many sequences are being written and how many calls wait for that."""

    def __init__(self, load: Callable[[], tuple[int, int]]) -> None:
        self._registry = CollectorRegistry()
        running = Gauge("vllm:num_requests_running", "Sequences being written", registry=self._registry)
        running.set_function(lambda: load()[0])
        waiting = Gauge("vllm:num_requests_waiting", "Calls of which nothing is being written", registry=self._registry)
        waiting.set_function(lambda: load()[1])
        self._read = Counter("vllm:prompt_tokens", "Tokens of prompts", registry=self._registry)
        self._written = Counter("vllm:generation_tokens", "Tokens written", registry=self._registry)

    def begun(self, prompts: Sequence[Sequence[int]]) -> None:
        """Count what a call brings."""
        self._read.inc(sum(map(len, prompts)))

    def ended(self, tokens: int) -> None:
        """Count what was written of a call, also of one that was given up."""
        self._written.inc(tokens)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

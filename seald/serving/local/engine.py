"""The engine as the routes see it: calls go to the worker thread, their deltas come back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from seald.serving.local.adapters import Adapters
from seald.serving.local.grammar import Grammar
from seald.serving.local.metrics import EngineMetrics
from seald.serving.local.model import LanguageModel
from seald.serving.local.sampling import Options
from seald.serving.local.sequence import Call, Delta, new_call
from seald.serving.local.structure import Wanted
from seald.serving.local.worker import Worker


@dataclass(frozen=True)
class EngineSettings:
    """What the command line says."""

    model: Path
    served_model_name: str = "base"
    max_model_len: int = 2048
    max_num_seqs: int = 16
    max_loras: int = 8
    max_lora_rank: int = 64


class LocalEngine:
    """Model, adapters and worker of one process."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.model = LanguageModel(settings.model, max_model_len=settings.max_model_len)
        self.adapters = Adapters(self.model, base_name=settings.served_model_name, max_rank=settings.max_lora_rank)
        self.worker = Worker(
            self.model, self.adapters, max_num_seqs=settings.max_num_seqs, max_loras=settings.max_loras
        )
        self.metrics = EngineMetrics(self.worker.load)

    def start(self) -> None:
        """Start the worker thread."""
        self.worker.start()

    def stop(self) -> None:
        """End it; blocks for the step under way."""
        self.worker.stop()

    def begin(self, model: str | None, prompts: list[list[int]], options: Options, n: int) -> LiveCall:
        """Lease the adapter and hand the prompts to the worker. Raises NotFound."""
        adapter = self.adapters.lease(model)
        news: asyncio.Queue[Delta | Exception] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(delta: Delta | Exception) -> None:
            loop.call_soon_threadsafe(news.put_nowait, delta)

        call = new_call(self.model, adapter, prompts, options, n, tell)
        self.worker.submit(call)
        self.metrics.begun(prompts)
        return LiveCall(call, news, self.metrics)

    async def grammar(self, wanted: Wanted | None) -> Grammar | None:
        """Compiled, beside what goes on. Raises InvalidRequest."""
        if wanted is None:
            return None
        return await asyncio.to_thread(lambda: self.model.grammars.compile(wanted.source, param=wanted.param))

    async def change(self, command: Callable[[], None]) -> None:
        """Run a change of the network between two steps."""
        await asyncio.wrap_future(self.worker.do(command))


class LiveCall:
    """A call under way."""

    def __init__(self, call: Call, news: asyncio.Queue[Delta | Exception], metrics: EngineMetrics) -> None:
        self._call = call
        self._news = news
        self._metrics = metrics
        self.choices = len(call.sequences)

    async def deltas(self) -> AsyncIterator[Delta]:
        """Every delta until all choices are finished. Leaving early gives the call up."""
        open_choices = self.choices
        try:
            while open_choices:
                delta = await self._news.get()
                if isinstance(delta, Exception):
                    raise delta
                open_choices -= delta.finish is not None
                yield delta
        finally:
            self._metrics.ended(self._written())
            if open_choices:
                self.cancel()

    def cancel(self) -> None:
        """Stop computing at the next step."""
        self._call.cancelled = True

    def usage(self) -> dict[str, int]:
        """Token counts; a prompt continued several times counts once."""
        read = sum({id(prompt.tokens): len(prompt.tokens) for prompt in self._call.prompts}.values())
        written = self._written()
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    def _written(self) -> int:
        return sum(len(sequence.output) for sequence in self._call.sequences)

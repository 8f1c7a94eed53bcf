"""The engine on a tiny model with two adapters, driven in this process; plain transformers + peft to compare with."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from seald.serving.local.engine import EngineSettings, LocalEngine
from seald.serving.local.routes import create_app

torch.set_num_threads(1)  # two threads on two busy cores wait for each other longer than these small products take

Client = httpx.AsyncClient
Run = Callable[[Callable[[Client], Coroutine[Any, Any, Any]]], Any]


def make_adapter(model: Path, folder: Path, *, seed: int, **config: Any) -> Path:
    """A random LoRA strong enough to change what is written."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        settings = {"r": 4, "lora_alpha": 64, "target_modules": "all-linear", "init_lora_weights": False, **config}
        get_peft_model(AutoModelForCausalLM.from_pretrained(model), LoraConfig(**settings)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two adapters, by name; the second on fewer modules and of another rank."""
    root = tmp_path_factory.mktemp("adapters")
    return {
        "one": make_adapter(tiny_model, root / "one", seed=1),
        "two": make_adapter(tiny_model, root / "two", seed=2, r=8, target_modules=["q_proj", "down_proj"]),
    }


class Plain:
    """transformers + peft with nothing of ours: one prompt at a time."""

    def __init__(self, model: Path, adapters: dict[str, Path]) -> None:
        self._models = {"base": AutoModelForCausalLM.from_pretrained(model)}
        for name, folder in adapters.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                self._models[name] = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), folder)

    @torch.inference_mode()
    def greedy(self, name: str, ids: list[int], length: int) -> list[int]:
        """The greedy continuation, end tokens and all that follows included."""
        row = torch.tensor([ids])
        out = self._models[name].generate(
            input_ids=row, attention_mask=torch.ones_like(row), do_sample=False, max_new_tokens=length, eos_token_id=-1
        )
        tokens: list[int] = out[0, len(ids) :].tolist()
        return tokens

    @torch.inference_mode()
    def logprobs(self, name: str, ids: list[int]) -> torch.Tensor:
        """(T-1, vocabulary) log-probabilities of tokens 1..T-1."""
        return self._models[name].eval()(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)


@pytest.fixture(scope="session")
def plain(tiny_model: Path, adapters: dict[str, Path]) -> Plain:
    return Plain(tiny_model, adapters)


@pytest.fixture(scope="module")
def engine(tiny_model: Path, adapters: dict[str, Path]) -> Iterator[LocalEngine]:
    """A running engine that has both adapters loaded."""
    running = LocalEngine(EngineSettings(tiny_model, max_num_seqs=8, max_lora_rank=16, max_model_len=1024))
    running.start()
    for name, folder in adapters.items():
        running.worker.do(lambda name=name, folder=folder: running.adapters.load(name, folder)).result(60)
    yield running
    running.stop()


@pytest.fixture
def run(engine: LocalEngine) -> Run:
    """Run a coroutine function on a client of the engine's HTTP application."""

    def run(work: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
        async def with_client() -> Any:
            transport = httpx.ASGITransport(create_app(engine, key=None))
            async with Client(transport=transport, base_url="http://engine", timeout=60) as client:
                return await work(client)

        return asyncio.run(with_client())

    return run


@pytest.fixture
def post(run: Run) -> Callable[..., httpx.Response]:
    """POST one body and return the response."""

    def post(path: str, **body: Any) -> httpx.Response:
        async def work(client: Client) -> httpx.Response:
            return await client.post(path, json=body)

        response: httpx.Response = run(work)
        return response

    return post

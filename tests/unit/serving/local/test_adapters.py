from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seald.serving.local.engine import EngineSettings, LocalEngine

from .conftest import Client, Plain, Run, make_adapter

LOAD, UNLOAD, TEXT = "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/completions"
PROMPT = [50, 60, 70, 80]


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[LocalEngine]:
    """An engine without adapters."""
    running = LocalEngine(EngineSettings(tiny_model, max_num_seqs=8, max_loras=1, max_lora_rank=8))
    running.start()
    yield running
    running.stop()


async def write(client: Client, name: str, length: int = 10) -> Any:
    body = {"model": name, "prompt": PROMPT, "max_tokens": length, "temperature": 0, "ignore_eos": True}
    answer = await client.post(TEXT, json={**body, "logprobs": 0})
    return answer.json()["choices"][0]["logprobs"]["tokens"] if answer.status_code == 200 else answer.status_code


async def load(client: Client, name: str, folder: Path) -> int:
    return (await client.post(LOAD, json={"lora_name": name, "lora_path": str(folder)})).status_code


async def unload(client: Client, name: str) -> int:
    return (await client.post(UNLOAD, json={"lora_name": name})).status_code


def test_load_use_unload_and_load_again(run: Run, engine: LocalEngine, adapters: dict[str, Path], plain: Plain) -> None:
    async def work(client: Client) -> list[Any]:
        return [
            await write(client, "a"),
            await load(client, "a", adapters["one"]),
            await load(client, "a", adapters["one"]),
            await load(client, "base", adapters["one"]),
            await write(client, "a"),
            await load(client, "b", adapters["two"]),
            await write(client, "b"),
            await write(client, "base"),
            await unload(client, "a"),
            await write(client, "a"),
            await write(client, "b"),
            await unload(client, "a"),
            await unload(client, "b"),
            await load(client, "a", adapters["two"]),
            await write(client, "a"),
            await unload(client, "a"),
        ]

    decode = engine.model.tokenizer.decode
    one, two, base = ([decode([t]) for t in plain.greedy(name, PROMPT, 10)] for name in ("one", "two", "base"))
    expected = [404, 200, 400, 400, one, 200, two, base, 200, 404, two, 404, 200, 200, two, 200]
    assert run(work) == expected


def test_unloading_one_in_use_lets_its_requests_finish_and_then_frees_it(
    run: Run, engine: LocalEngine, adapters: dict[str, Path], plain: Plain
) -> None:
    async def work(client: Client) -> tuple[Any, ...]:
        await load(client, "a", adapters["one"])
        await load(client, "b", adapters["two"])
        running = asyncio.create_task(write(client, "a", 150))
        await asyncio.sleep(0.05)
        refused = await unload(client, "a"), await write(client, "a")
        unfinished = not running.done()
        held = {"v" in key for key in engine.model.network.peft_config}
        other = await write(client, "b")
        written = await running
        await asyncio.sleep(0.05)
        left = [name for name, _ in engine.model.network.named_parameters() if "lora_A" in name]
        await unload(client, "b")
        return refused, unfinished, held, other, written, left

    refused, unfinished, _, other, written, left = run(work)
    decode = engine.model.tokenizer.decode
    assert refused == (200, 404)
    assert unfinished
    assert other == [decode([t]) for t in plain.greedy("two", PROMPT, 10)]
    assert written == [decode([t]) for t in plain.greedy("one", PROMPT, 150)]
    assert left
    assert len({name.split("lora_A.")[1].split(".")[0] for name in left}) == 1


def test_more_adapters_than_fit_one_batch_wait_their_turn(
    run: Run, adapters: dict[str, Path], engine: LocalEngine
) -> None:
    async def work(client: Client) -> Any:
        for name, folder in adapters.items():
            await load(client, name, folder)
        answers = await asyncio.gather(*(write(client, name, 30) for name in ("one", "two", "base", "one", "two")))
        for name in adapters:
            await unload(client, name)
        return answers

    assert [len(tokens) for tokens in run(work)] == [30] * 5


@pytest.fixture
def bad_adapters(tiny_model: Path, adapters: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    def copied(name: str) -> Path:
        return Path(shutil.copytree(adapters["one"], tmp_path / name))

    pickled = copied("pickled")
    (pickled / "adapter_model.safetensors").unlink()
    torch.save({}, pickled / "adapter_model.bin")
    torn = copied("torn")
    (torn / "adapter_model.safetensors").write_bytes(b"\x00" * 100)
    unreadable = copied("unreadable")
    (unreadable / "adapter_config.json").write_text("{")
    misfit = copied("misfit")
    config = json.loads((misfit / "adapter_config.json").read_text())
    (misfit / "adapter_config.json").write_text(json.dumps({**config, "r": 2}))
    narrow = copied("narrow")
    (narrow / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["q_proj"]}))
    other_kind = copied("other_kind")
    (other_kind / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "IA3"}))
    meddling = copied("meddling")
    (meddling / "adapter_config.json").write_text(json.dumps({**config, "init_lora_weights": "pissa"}))
    importing = copied("importing")
    (importing / "adapter_config.json").write_text(
        json.dumps({**config, "megatron_config": {"a": 1}, "megatron_core": "antigravity"})
    )
    dora = make_adapter(tiny_model, tmp_path / "dora", seed=3, use_dora=True)
    wide = make_adapter(tiny_model, tmp_path / "wide", seed=3, r=9)
    return {
        "missing": tmp_path / "missing",
        "pickled": pickled,
        "torn": torn,
        "unreadable": unreadable,
        "misfit": misfit,
        "narrow": narrow,
        "other_kind": other_kind,
        "meddling": meddling,
        "importing": importing,
        "dora": dora,
        "wide": wide,
    }


def test_what_cannot_be_loaded_is_refused_and_leaves_nothing_behind(
    run: Run, engine: LocalEngine, bad_adapters: dict[str, Path], adapters: dict[str, Path], plain: Plain
) -> None:
    async def work(client: Client) -> tuple[dict[str, int], Any, Any]:
        statuses = {name: await load(client, name, folder) for name, folder in bad_adapters.items()}
        after = await write(client, "base")
        await load(client, "good", adapters["one"])
        again = {name: await load(client, name, folder) for name, folder in bad_adapters.items()}
        assert again == statuses
        good = await write(client, "good")
        await unload(client, "good")
        return statuses, after, good

    statuses, after, good = run(work)
    assert statuses == {name: 404 if name in {"missing", "pickled"} else 400 for name in bad_adapters}
    decode = engine.model.tokenizer.decode
    assert after == [decode([t]) for t in plain.greedy("base", PROMPT, 10)]
    assert good == [decode([t]) for t in plain.greedy("one", PROMPT, 10)]
    assert not hasattr(engine.model.network, "peft_config")

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import httpx
import pytest

from seald.serving.local.engine import LocalEngine

from .conftest import Client, Plain, Run

NAMES = ("base", "one", "two")


def prompt(length: int, seed: int) -> list[int]:
    return [random.Random(seed * 1000 + i).randrange(3, 259) for i in range(length)]


async def continued(client: Client, name: str, ids: list[int], length: int, delay: float = 0.0) -> Any:
    """Texts of the tokens written after `ids`."""
    await asyncio.sleep(delay)
    body = {"model": name, "prompt": ids, "max_tokens": length, "temperature": 0, "ignore_eos": True}
    call = await client.post("/v1/completions", json={**body, "logprobs": 0})
    assert call.status_code == 200, call.text
    return call.json()["choices"][0]["logprobs"]["tokens"]


def test_greedy_in_a_mixed_batch_joined_midway_is_that_of_each_alone(
    run: Run, plain: Plain, engine: LocalEngine
) -> None:
    jobs = [
        # prompt length, tokens to write, seconds until it joins
        ("base", prompt(3, 1), 60, 0.0),
        ("one", prompt(40, 2), 50, 0.0),
        ("two", prompt(7, 3), 20, 0.02),
        ("base", prompt(300, 4), 30, 0.03),  # longer than a step: read in pieces
        ("one", prompt(1, 5), 40, 0.05),
        ("two", prompt(600, 6), 25, 0.05),
        ("two", prompt(90, 7), 5, 0.08),
        ("base", prompt(15, 8), 40, 0.1),
        ("one", prompt(64, 9), 1, 0.1),
        ("one", prompt(65, 10), 33, 0.12),
    ]

    async def work(client: Client) -> Any:
        return await asyncio.gather(*(continued(client, *job) for job in jobs))

    decode = engine.model.tokenizer.decode
    for (name, ids, length, _), got in zip(jobs, run(work), strict=True):
        assert got == [decode([token]) for token in plain.greedy(name, ids, length)]


def test_adapters_do_write_different_texts(plain: Plain) -> None:
    texts = {tuple(plain.greedy(name, prompt(10, 1), 20)) for name in NAMES}
    assert len(texts) == 3


def test_scores_in_a_mixed_load_are_plain_pefts(run: Run, plain: Plain) -> None:
    lengths = (2, 3, 17, 64, 130, 131, 700)
    rows = [(name, prompt(length, 20 + length)) for length in lengths for name in NAMES]

    async def work(client: Client) -> Any:
        writing = asyncio.gather(*(continued(client, name, prompt(9, 3), 60) for name in NAMES))
        scored = await asyncio.gather(*(score(client, name, [ids]) for name, ids in rows))
        await writing
        return scored

    for (name, ids), ((first, *values),) in zip(rows, run(work), strict=True):
        expected = plain.logprobs(name, ids).gather(1, _column(ids)).flatten().tolist()
        assert first is None
        assert values == pytest.approx(expected, abs=1e-4)


def test_scores_of_many_prompts_with_one_beginning_are_plain_pefts(run: Run, plain: Plain) -> None:
    shared = prompt(40, 99)
    rows = [shared + prompt(5 + i % 20, i) for i in range(60)]

    async def work(client: Client) -> Any:
        return [await score(client, name, rows) for name in ("one", "base", "one")]

    for name, scored in zip(("one", "base", "one"), run(work), strict=True):
        for ids, (_, *values) in zip(rows, scored, strict=True):
            expected = plain.logprobs(name, ids).gather(1, _column(ids)).flatten().tolist()
            assert values == pytest.approx(expected, abs=1e-4)


def test_a_prompt_that_begins_like_an_earlier_one_is_continued_as_if_read_anew(
    run: Run, plain: Plain, engine: LocalEngine
) -> None:
    shared = prompt(50, 7)
    jobs = [(name, shared + prompt(n, n), 12) for n in (1, 30, 2) for name in NAMES]

    async def work(client: Client) -> Any:
        return [await continued(client, *job) for job in jobs]

    for (name, ids, length), got in zip(jobs, run(work), strict=True):
        assert got == [engine.model.tokenizer.decode([token]) for token in plain.greedy(name, ids, length)]


async def score(client: Client, name: str, rows: list[list[int]]) -> list[list[float | None]]:
    body = {"model": name, "prompt": rows, "max_tokens": 0, "echo": True, "logprobs": 1}
    response = await client.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    return [choice["logprobs"]["token_logprobs"] for choice in response.json()["choices"]]


def _column(ids: list[int]) -> Any:
    import torch

    return torch.tensor(ids[1:])[:, None]


def test_a_short_request_overtakes_a_long_one(run: Run) -> None:
    async def work(client: Client) -> list[str]:
        order: list[str] = []

        async def one(what: str, ids: list[int], length: int, delay: float) -> None:
            await continued(client, "base", ids, length, delay)
            order.append(what)

        await asyncio.gather(one("long", prompt(5, 1), 400, 0), one("short", prompt(5, 2), 3, 0.05))
        return order

    assert run(work) == ["short", "long"]


def test_many_prompts_of_one_request_do_not_shut_out_another(run: Run) -> None:
    async def work(client: Client) -> list[str]:
        order: list[str] = []

        async def many() -> None:
            body = {"model": "base", "prompt": [prompt(5, i) for i in range(40)], "max_tokens": 100}
            await client.post("/v1/completions", json={**body, "ignore_eos": True})
            order.append("many")

        async def one() -> None:
            await continued(client, "one", prompt(5, 2), 3, 0.05)
            order.append("one")

        await asyncio.gather(many(), one())
        return order

    assert run(work) == ["one", "many"]


def test_a_cancelled_stream_frees_its_rows(run: Run, engine: LocalEngine) -> None:
    async def work(client: Client) -> float:
        body = {"model": "one", "prompt": prompt(5, 1), "max_tokens": 900, "ignore_eos": True, "n": 4}
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.post("/v1/completions", json=body), 0.15)
        began = time.monotonic()
        while engine.worker._batch.sequences or engine.worker._open:
            await asyncio.sleep(0.01)
            assert time.monotonic() - began < 2
        return time.monotonic() - began

    assert run(work) < 1


def test_a_failing_step_fails_its_requests_and_no_later_ones(
    run: Run, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(client: Client) -> tuple[httpx.Response, httpx.Response]:
        body = {"model": "one", "prompt": "hello", "max_tokens": 5}
        with monkeypatch.context() as patch:
            patch.setattr(engine.model, "logits", _broken)
            failed = await client.post("/v1/completions", json=body)
        return failed, await client.post("/v1/completions", json=body)

    failed, later = run(work)
    assert failed.status_code == 500
    assert "out of memory" in failed.json()["error"]["message"]
    assert later.status_code == 200


def _broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("out of memory")

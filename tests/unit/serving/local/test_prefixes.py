from __future__ import annotations

from typing import Any

import pytest

from seald.serving.local.engine import LocalEngine

from .conftest import Client, Run


@pytest.fixture
def tokens_read(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens of each forward pass, padding included."""
    passes: list[int] = []
    plain = engine.model.logits

    def counted(ids: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        passes.append(sum(map(len, ids)))
        return plain(ids, *args, **kwargs)

    monkeypatch.setattr(engine.model, "logits", counted)
    return passes


def test_a_shared_beginning_is_read_once(run: Run, tokens_read: list[int]) -> None:
    first = list(range(3, 103))

    async def work(client: Client) -> None:
        for end in ([104, 105], [106, 107, 108]):
            await client.post("/v1/completions", json={"model": "one", "prompt": first + end, "max_tokens": 1})

    run(work)
    assert tokens_read == [102, 3]


def test_the_same_beginning_under_another_adapter_is_read_again(run: Run, tokens_read: list[int]) -> None:
    prompt = list(range(60, 160))

    async def work(client: Client) -> None:
        for name in ("base", "two"):
            await client.post("/v1/completions", json={"model": name, "prompt": prompt, "max_tokens": 1})

    run(work)
    assert tokens_read == [100, 100]


def test_scores_of_a_shared_beginning_are_repeated_with_no_fewer_alternatives(run: Run, tokens_read: list[int]) -> None:
    prompt = [250 - token for token in range(100)]

    async def work(client: Client) -> list[Any]:
        body = {"model": "one", "prompt": prompt, "max_tokens": 0, "echo": True}
        answers = [await client.post("/v1/completions", json={**body, "logprobs": k}) for k in (1, 0, 3)]
        return [answer.json()["choices"][0]["logprobs"] for answer in answers]

    one, none, three = run(work)
    # With 3 alternatives wanted, what was kept with 1 is of no use.
    assert tokens_read == [100, 1, 100]
    assert none["token_logprobs"][1:] == pytest.approx(one["token_logprobs"][1:], abs=1e-5)
    assert [len(top) for top in none["top_logprobs"][1:]] == [1] * 99
    # Tokens that are part of a character read the same and share an entry.
    assert sum(len(top) for top in three["top_logprobs"][1:]) > 2 * 99


def test_many_prompts_with_one_new_beginning_read_it_once(run: Run, tokens_read: list[int]) -> None:
    beginning = [3 + token * 7 % 250 for token in range(40)]
    prompts = [beginning + [100 + i] * 5 for i in range(20)]

    async def work(client: Client) -> None:
        body = {"model": "two", "prompt": prompts, "max_tokens": 0, "echo": True, "logprobs": 0}
        await client.post("/v1/completions", json=body)

    run(work)
    # One token of the beginning is read again, for the score of the token after it.
    assert (tokens_read[0], sum(tokens_read[1:])) == (45, 19 * 6)


def test_a_long_known_prompt_does_not_widen_the_rows_of_short_ones(run: Run, tokens_read: list[int]) -> None:
    long = [3 + token * token % 250 for token in range(700)]
    short = [[200 - token + i for token in range(30)] for i in range(10)]

    async def work(client: Client) -> None:
        body = {"model": "base", "max_tokens": 0, "echo": True, "logprobs": 0}
        await client.post("/v1/completions", json={**body, "prompt": [long]})
        tokens_read.clear()
        await client.post("/v1/completions", json={**body, "prompt": [long, *short]})

    run(work)
    assert sum(tokens_read) <= 1 + 10 * 30

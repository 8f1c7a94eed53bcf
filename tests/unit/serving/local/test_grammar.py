"""Answers under a grammar. The tiny model is random: what it writes as wanted, the grammar has made it write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Post = Callable[..., httpx.Response]
HELLO = [{"role": "user", "content": "Hello"}]
CARD = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "kind": {"enum": ["cat", "dog"]},
        "age": {"type": "integer", "minimum": 3, "maximum": 17},
        "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}, "maxItems": 2},
    },
    "required": ["name", "kind", "age", "friends"],
    "additionalProperties": False,
    "$defs": {"friend": {"type": "boolean"}},
}


def chat(post: Post, **options: Any) -> dict[str, Any]:
    asked = {"model": "base", "messages": HELLO, "max_tokens": 300, "seed": 3, **options}
    answer = post("/v1/chat/completions", **asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def as_schema(wanted: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "card", "schema": wanted}}}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("model", ["base", "one"])
def test_an_answer_follows_its_schema_and_ends(post: Post, temperature: float, model: str) -> None:
    body = chat(post, **as_schema(CARD), temperature=temperature, model=model, n=3)
    for choice in body["choices"]:
        assert choice["finish_reason"] == "stop"
        card = json.loads(choice["message"]["content"])
        assert list(card) == ["name", "kind", "age", "friends"]
        assert len(card["name"]) <= 8
        assert card["kind"] in ("cat", "dog")
        assert 3 <= card["age"] <= 17
        assert all(friend in (True, False) for friend in card["friends"])
        assert choice["message"]["content"] == json.dumps(card, ensure_ascii=False)


def test_choices_of_one_request_go_their_own_ways(post: Post) -> None:
    drawn = chat(post, **as_schema(CARD), temperature=1.0, n=4)["choices"]
    assert len({choice["message"]["content"] for choice in drawn}) > 1


def test_a_stream_says_the_same(post: Post) -> None:
    whole = chat(post, **as_schema(CARD), temperature=1.0)["choices"][0]["message"]["content"]
    answer = post(
        "/v1/chat/completions",
        model="base",
        messages=HELLO,
        max_tokens=300,
        seed=3,
        temperature=1.0,
        stream=True,
        **as_schema(CARD),
    )
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    deltas = [json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines]
    assert "".join(deltas) == whole


def test_any_object(post: Post) -> None:
    said = chat(post, response_format={"type": "json_object"}, temperature=0.0, max_tokens=20)
    assert said["choices"][0]["message"]["content"].startswith("{")


def test_plain_text_is_no_grammar(post: Post) -> None:
    said = [chat(post, temperature=0.0, max_tokens=20, **more) for more in ({}, {"response_format": {"type": "text"}})]
    assert said[0]["choices"] == said[1]["choices"]


@pytest.mark.parametrize(
    ("wanted", "pattern"),
    [
        ({"choice": ["a b", 'ü"\n']}, 'a b|ü"\n'),
        ({"regex": "[0-9]{3}-(x|yy)"}, "[0-9]{3}-(x|yy)"),
        ({"json": {"type": "string", "maxLength": 4}}, '"(.|\n){0,8}"'),
    ],
)
def test_vllms_own_words(post: Post, wanted: dict[str, Any], pattern: str) -> None:
    answer = post("/v1/completions", model="base", prompt="x", max_tokens=60, seed=1, structured_outputs=wanted)
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "stop"
    assert re.fullmatch(pattern, choice["text"])


def test_beside_others_in_one_batch(post: Post) -> None:
    """A grammar is one row's, not the batch's: the same free answer, whether or not another one is bound."""
    prompts = ["x", "y"]
    free = post("/v1/completions", model="base", prompt=prompts, max_tokens=12, temperature=0, ignore_eos=True).json()
    bound = post(
        "/v1/completions",
        model="base",
        prompt=prompts,
        max_tokens=12,
        temperature=0,
        structured_outputs={"regex": "[0-9]+"},
    )
    again = post("/v1/completions", model="base", prompt=prompts, max_tokens=12, temperature=0, ignore_eos=True).json()
    assert [c["text"] for c in free["choices"]] == [c["text"] for c in again["choices"]]
    assert all(re.fullmatch("[0-9]+", choice["text"]) for choice in bound.json()["choices"])

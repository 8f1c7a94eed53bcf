from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from seald.serving.local.engine import LocalEngine
from seald.serving.local.routes import create_app

from .conftest import Client, Plain, Run

Post = Callable[..., httpx.Response]
HELLO = [{"role": "user", "content": "hello"}]


def events(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_models_are_listed_as_vllm_lists_them(run: Run, adapters: dict[str, Any]) -> None:
    async def work(client: Client) -> Any:
        return (await client.get("/v1/models")).json()

    listed = run(work)
    assert [(m["id"], m["parent"]) for m in listed["data"]] == [("base", None), ("one", "base"), ("two", "base")]
    assert listed["data"][1]["root"] == str(adapters["one"])
    assert listed["data"][0]["max_model_len"] == 1024


def test_a_chat_answer_has_openais_shape(post: Post) -> None:
    answer = post("/v1/chat/completions", model="one", messages=HELLO, max_tokens=5, temperature=0, ignore_eos=True)
    body = answer.json()
    (choice,) = body["choices"]
    assert (body["object"], body["model"]) == ("chat.completion", "one")
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "length"
    assert choice["logprobs"] is None
    assert body["usage"] == {"prompt_tokens": 61, "completion_tokens": 5, "total_tokens": 66}


def test_a_streamed_chat_is_the_whole_one_in_pieces(post: Post) -> None:
    asked = {"model": "two", "messages": HELLO, "max_tokens": 20, "temperature": 0, "ignore_eos": True}
    whole = post("/v1/chat/completions", **asked).json()
    chunks = events(post("/v1/chat/completions", **asked, stream=True, stream_options={"include_usage": True}))
    *spoken, last = chunks
    assert (
        "".join(c["choices"][0]["delta"].get("content", "") for c in spoken)
        == whole["choices"][0]["message"]["content"]
    )
    assert spoken[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [c["choices"][0]["finish_reason"] for c in spoken if c["choices"][0]["finish_reason"]] == ["length"]
    assert (last["choices"], last["usage"]) == ([], whole["usage"])


def test_choices_of_one_seed_differ_and_repeat(post: Post) -> None:
    asked = {"model": "base", "prompt": ["abc", "abd"], "max_tokens": 8, "n": 5, "seed": 7, "ignore_eos": True}
    first, second = (post("/v1/completions", **asked).json()["choices"] for _ in range(2))
    assert [c["index"] for c in first] == list(range(10))
    assert [c["text"] for c in first] == [c["text"] for c in second]
    assert len({c["text"] for c in first[:5]}) == 5
    other = post("/v1/completions", **{**asked, "seed": 8}).json()["choices"]
    assert [c["text"] for c in other] != [c["text"] for c in first]


def test_generation_ends_at_a_stop_string_that_is_not_shown(post: Post) -> None:
    asked = {"model": "one", "prompt": "xyz", "max_tokens": 60, "seed": 1, "ignore_eos": True}
    text = post("/v1/completions", **asked).json()["choices"][0]["text"]
    stop = text[20:23]
    cut = text[: text.index(stop)]
    (choice,) = post("/v1/completions", **asked, stop=["never found", stop]).json()["choices"]
    assert (choice["text"], choice["finish_reason"]) == (cut, "stop")
    kept = post("/v1/completions", **asked, stop=stop, include_stop_str_in_output=True).json()["choices"][0]
    assert kept["text"] == cut + stop
    streamed = events(post("/v1/completions", **asked, stop=stop, stream=True))
    assert "".join(c["choices"][0]["text"] for c in streamed) == cut


def test_generation_ends_at_the_end_token(
    post: Post, plain: Plain, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = post("/tokenize", messages=HELLO).json()["tokens"]
    written = plain.greedy("one", ids, 12)
    monkeypatch.setattr(engine.model, "end_tokens", frozenset({written[4]}))
    asked = {"model": "one", "messages": HELLO, "max_tokens": 12, "temperature": 0}
    body = post("/v1/chat/completions", **asked).json()
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == written.index(written[4]) + 1
    waited = post("/v1/chat/completions", **asked, min_tokens=8).json()
    assert waited["usage"]["completion_tokens"] > 8


def test_echo_reports_the_prompts_log_probabilities(post: Post) -> None:
    asked = {"model": "two", "prompt": "hi you", "echo": True, "temperature": 0, "ignore_eos": True}
    scored = post("/v1/completions", **asked, max_tokens=0, logprobs=2).json()
    logprobs = scored["choices"][0]["logprobs"]
    assert scored["choices"][0]["text"] == "hi you"
    assert logprobs["tokens"] == list("hi you")
    assert logprobs["text_offset"] == [0, 1, 2, 3, 4, 5]
    assert logprobs["token_logprobs"][0] is None
    assert logprobs["top_logprobs"][0] is None
    assert logprobs["top_logprobs"][1]["i"] == logprobs["token_logprobs"][1]
    assert scored["usage"]["completion_tokens"] == 0
    both = post("/v1/completions", **asked, max_tokens=3, logprobs=0).json()["choices"][0]
    assert both["text"].startswith("hi you")
    assert len(both["logprobs"]["token_logprobs"]) == 9
    assert both["logprobs"]["token_logprobs"][1:6] == pytest.approx(logprobs["token_logprobs"][1:], abs=1e-5)


def test_chat_log_probabilities_have_openais_shape(post: Post) -> None:
    asked = {"model": "base", "messages": HELLO, "max_tokens": 4, "temperature": 0, "ignore_eos": True}
    (choice,) = post("/v1/chat/completions", **asked, logprobs=True, top_logprobs=3).json()["choices"]
    content = choice["logprobs"]["content"]
    assert len(content) == 4
    for entry in content:
        assert entry["logprob"] == entry["top_logprobs"][0]["logprob"] < 0
        assert len(entry["top_logprobs"]) == 3
        assert bytes(entry["bytes"]).decode() == entry["token"]


def test_a_chat_can_continue_its_last_message(post: Post) -> None:
    turns = [*HELLO, {"role": "assistant", "content": "I am"}]
    ids = post("/tokenize", messages=turns, add_generation_prompt=False, continue_final_message=True).json()["tokens"]
    text = post("/detokenize", tokens=ids).json()["prompt"]
    assert text.endswith("<|im_start|>assistant\nI am")
    asked = {"messages": turns, "add_generation_prompt": False, "continue_final_message": True, "max_tokens": 2}
    assert post("/v1/chat/completions", model="base", **asked).json()["usage"]["prompt_tokens"] == len(ids)


def test_tokenize_counts(post: Post) -> None:
    body = post("/tokenize", model="base", prompt="abc", add_special_tokens=False).json()
    assert (body["count"], body["max_model_len"], len(body["tokens"])) == (3, 1024, 3)
    assert post("/detokenize", tokens=body["tokens"]).json() == {"prompt": "abc"}


CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
CHOICE = {"structured_outputs": {"choice": ["yes", "no"]}}


def schema(wanted: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": wanted}}}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        (CHAT, {"model": "nobody", "messages": HELLO}, 404, "model_not_found", "`nobody` does not exist"),
        (CHAT, {"messages": []}, 400, "invalid_request", "messages"),
        (CHAT, {"messages": "hello"}, 400, "invalid_request", "messages"),
        (CHAT, {"messages": [{"role": "user", "content": 3}]}, 400, "invalid_request", "messages.0.content"),
        (CHAT, {"messages": HELLO, "temperature": "hot"}, 400, "invalid_request", "temperature"),
        (CHAT, {"messages": HELLO, "temperature": -1}, 400, "invalid_request", "temperature"),
        (CHAT, {"messages": HELLO, "max_tokens": 0}, 400, "invalid_request", "max_tokens"),
        (CHAT, {"messages": HELLO, "stop": ["a", "b", "c", "d", "e"]}, 400, "invalid_request", "stop"),
        (CHAT, {"messages": HELLO, "stop": ""}, 400, "invalid_request", "stop"),
        (CHAT, {"messages": HELLO, "tools": [{"type": "function"}]}, 400, "unsupported_parameter", "tools"),
        (CHAT, {"messages": HELLO, "logit_bias": {"1": 3}}, 400, "unsupported_parameter", "logit_bias"),
        (CHAT, {"messages": HELLO, "response_format": {"type": "xml"}}, 400, "invalid_request", "response_format.type"),
        (CHAT, {"messages": HELLO, "response_format": {"type": "json_schema"}}, 400, "invalid_request", "json_schema"),
        (CHAT, {"messages": HELLO, **schema({"type": "nonsense"})}, 400, "invalid_schema", "Invalid type"),
        (CHAT, {"messages": HELLO, **schema({"uniqueItems": True})}, 400, "invalid_schema", "uniqueItems"),
        (CHAT, {"messages": HELLO, **schema({}), "min_tokens": 9}, 400, "invalid_request", "min_tokens"),
        (CHAT, {"messages": HELLO, **schema({}), "ignore_eos": True}, 400, "invalid_request", "ignore_eos"),
        (CHAT, {"messages": HELLO, **schema({}), **CHOICE}, 400, "invalid_request", "leave one out"),
        (TEXT, {"prompt": "a", "structured_outputs": {}}, 400, "invalid_request", "structured_outputs"),
        (TEXT, {"prompt": "a", "structured_outputs": {"regex": "("}}, 400, "invalid_schema", "structured_outputs"),
        (TEXT, {"prompt": "a", "structured_outputs": {"grammar": "root"}}, 400, "invalid_request", "grammar"),
        (CHAT, {"messages": HELLO, "continue_final_message": True}, 400, "invalid_request", "add_generation_prompt"),
        (CHAT, {"messages": HELLO, "top_logprobs": 2}, 400, "invalid_request", "logprobs"),
        (CHAT, {"messages": [{"role": "user", "content": "x" * 2000}]}, 400, "context_length_exceeded", "1024 tokens"),
        (CHAT, {"messages": HELLO, "max_tokens": 1000}, 400, "context_length_exceeded", "you requested"),
        (TEXT, {"prompt": []}, 400, "invalid_request", "prompt"),
        (TEXT, {"prompt": ""}, 400, "invalid_request", "empty"),
        (TEXT, {"prompt": [[1, 2], []]}, 400, "invalid_request", "prompt"),
        (TEXT, {"prompt": [1, 99999]}, 400, "invalid_request", "out of vocabulary"),
        (TEXT, {"prompt": ["a", 1]}, 400, "invalid_request", "prompt"),
        (TEXT, {"prompt": "a", "max_tokens": 0}, 400, "invalid_request", "at least 1"),
        (TEXT, {"prompt": [1.5]}, 400, "invalid_request", "prompt: "),
        (TEXT, {"prompt": "a", "best_of": 4}, 400, "unsupported_parameter", "best_of"),
        (TEXT, {"prompt": "a", "logprobs": 21}, 400, "invalid_request", "logprobs"),
        ("/v1/embeddings", {"input": "a"}, 404, None, "Not Found"),
    ],
)
def test_bad_requests(post: Post, path: str, body: dict[str, Any], status: int, code: str | None, says: str) -> None:
    response = post(path, **body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert says in error["message"]
    assert error["type"] == "invalid_request_error"


def test_malformed_json_gets_the_error_shape(run: Run) -> None:
    async def work(client: Client) -> httpx.Response:
        return await client.post(CHAT, content=b"{not json", headers={"content-type": "application/json"})

    response = run(work)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_tokens_are_counted_under_vllms_names(post: Post, run: Run) -> None:
    async def work(client: Client) -> str:
        return (await client.get("/metrics")).text

    def scraped() -> dict[str, float]:
        lines = [line.split() for line in run(work).splitlines() if line.startswith("vllm:")]
        return {name: float(value) for name, value in lines}

    before = scraped()
    post("/v1/chat/completions", model="one", messages=HELLO, max_tokens=5, temperature=0, ignore_eos=True)
    after = scraped()
    grown = {name: after[name] - before[name] for name in after if name.endswith("_total")}
    assert grown == {"vllm:prompt_tokens_total": 61, "vllm:generation_tokens_total": 5}
    assert (after["vllm:num_requests_running"], after["vllm:num_requests_waiting"]) == (0, 0)


def test_with_a_key_every_route_but_health_wants_it(engine: LocalEngine, run: Run) -> None:
    async def work(_: Client) -> list[int]:
        transport = httpx.ASGITransport(create_app(engine, key="secret"))
        async with Client(transport=transport, base_url="http://engine") as client:
            good = {"authorization": "Bearer secret"}
            answers = [
                await client.get("/health"),
                await client.get("/v1/models"),
                await client.get("/v1/models", headers={"authorization": "Bearer wrong"}),
                await client.get("/v1/models", headers=good),
                await client.get("/version", headers=good),
            ]
        return [answer.status_code for answer in answers]

    assert run(work) == [200, 401, 401, 200, 200]


def test_the_openai_client_works(engine: LocalEngine, run: Run) -> None:
    async def work(client: Client) -> tuple[str, str]:
        ai = openai.AsyncOpenAI(api_key="none", base_url="http://engine/v1", http_client=client)
        asked: dict[str, Any] = {"model": "two", "messages": HELLO, "max_tokens": 10, "temperature": 0}
        whole = await ai.chat.completions.create(**asked)
        stream = await ai.chat.completions.create(**asked, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        with pytest.raises(openai.NotFoundError):
            await ai.chat.completions.create(**{**asked, "model": "gone"})
        return whole.choices[0].message.content or "", "".join(pieces)

    whole, streamed = run(work)
    assert whole == streamed != ""

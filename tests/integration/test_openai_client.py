"""The official client against the real model: shapes, streaming, sampling options, error classes."""

from __future__ import annotations

import json

import openai
import pytest

from tests.daemon_process import DaemonProcess


def say(client: openai.OpenAI, text: str, **options: object) -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(  # type: ignore[call-overload,no-any-return]
        model="base", messages=[{"role": "user", "content": text}], **{"max_tokens": 8, "temperature": 0, **options}
    )


def test_chat(client: openai.OpenAI) -> None:
    answer = say(client, "What is the capital of France?", max_tokens=16)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 16
    assert answer.system_fingerprint == "base"


def test_stream_gives_the_same_text(client: openai.OpenAI) -> None:
    whole = say(client, "Count to five.", max_tokens=16).choices[0].message.content
    chunks = list(say(client, "Count to five.", max_tokens=16, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole  # type: ignore[attr-defined]
    assert chunks[-1].usage is not None  # type: ignore[attr-defined]
    assert {c.model for c in chunks} == {"base"}  # type: ignore[attr-defined]


def test_several_choices_with_a_seed(client: openai.OpenAI) -> None:
    twice = [say(client, "Invent a name.", n=3, seed=7, temperature=1.0) for _ in range(2)]
    texts = [[c.message.content for c in answer.choices] for answer in twice]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 1


def test_stop_is_left_out(client: openai.OpenAI) -> None:
    answer = say(client, "Repeat after me: one two three", max_tokens=24, stop=["two"])
    assert "two" not in (answer.choices[0].message.content or "")


def test_logprobs(client: openai.OpenAI) -> None:
    content = say(client, "Say yes.", logprobs=True, top_logprobs=3).choices[0].logprobs
    assert content is not None
    assert content.content
    for token in content.content:
        assert len(token.top_logprobs) == 3
        assert token.logprob == pytest.approx(max(t.logprob for t in token.top_logprobs), abs=1e-4)


WEATHER = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}


@pytest.fixture
def vllm(daemon: DaemonProcess) -> None:
    if daemon.environment["SEALD_ENGINE__KIND"] != "vllm":
        pytest.skip("the bundled engine calls no tools and gives no responses")


@pytest.mark.usefixtures("vllm")
def test_a_tool_that_must_be_called(client: openai.OpenAI) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": WEATHER}}
    choice = {"type": "function", "function": {"name": "weather"}}
    answer = say(client, "How is the weather in Paris?", tools=[tool], tool_choice=choice, max_tokens=64)
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"
    assert "Paris" in call.function.arguments


def test_an_answer_in_a_schema(client: openai.OpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER, "strict": True}}
    answer = say(client, "In which city is the Eiffel Tower?", response_format=form, max_tokens=64)
    assert set(json.loads(answer.choices[0].message.content or "")) >= {"city"}


def test_prompt_logprobs_by_echo(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="base", prompt="The sky is blue.", max_tokens=0, echo=True, logprobs=1)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.token_logprobs is not None
    assert logprobs.token_logprobs[0] is None
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])
    assert answer.choices[0].text == "The sky is blue."


def test_models(client: openai.OpenAI) -> None:
    ids = {model.id for model in client.models.list()}
    assert {"seald", "base"} <= ids
    assert client.models.retrieve("seald").id == "seald"


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "Hi"}])
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as long:
        say(client, "word " * 4000)
    assert long.value.code == "context_length_exceeded"


CAPITAL = {"model": "base", "input": "What is the capital of France?", "max_output_tokens": 16, "temperature": 0}


@pytest.mark.usefixtures("vllm")
def test_a_response(client: openai.OpenAI) -> None:
    raw = client.responses.with_raw_response.create(**CAPITAL)  # type: ignore[call-overload]
    answer = raw.parse()
    assert "Paris" in answer.output_text
    assert answer.model == raw.headers["x-seald-adapter"] == "base"
    assert answer.usage.output_tokens <= 16


@pytest.mark.usefixtures("vllm")
def test_a_streamed_response_gives_the_same_text(client: openai.OpenAI) -> None:
    whole = client.responses.create(**CAPITAL).output_text  # type: ignore[call-overload]
    events = list(client.responses.create(**CAPITAL, stream=True))  # type: ignore[call-overload]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].response.model == events[-1].response.model == "base"


def test_a_route_that_the_engine_lacks_is_told_from_a_model_that_it_lacks(
    client: openai.OpenAI, daemon: DaemonProcess
) -> None:
    with pytest.raises(openai.NotFoundError, match="the engine has no /v1/embeddings"):
        client.embeddings.create(model="base", input="Paris")
    if daemon.environment["SEALD_ENGINE__KIND"] == "local":
        with pytest.raises(openai.NotFoundError, match="the engine has no /v1/responses"):
            client.responses.create(**CAPITAL)  # type: ignore[call-overload]
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="gpt-x", input="Paris")
    assert unknown.value.code == "model_not_found"

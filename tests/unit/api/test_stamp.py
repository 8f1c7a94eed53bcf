"""What is stamped by its bytes says exactly what it would say parsed and written anew."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seald.api.stamp import StampedResponse, StampedStream, parsed, stamped
from seald.errors import EngineError, EngineRefused
from seald.ports import Route

CHAT = "/v1/chat/completions"
ROUTE = Route("seald:ops@3", "ops@3", "seald-0123456789ab")
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1763755555, "model": "seald-0123456789ab"}


def compact(value: Any) -> bytes:
    """As pydantic, and so vLLM, writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def chat(**delta: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}


def by_parsing(data: bytes) -> dict[str, Any]:
    return stamped(parsed(data, ROUTE, CHAT), ROUTE)


def takes_the_short_way(data: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    took: list[bytes] = []
    monkeypatch.setattr("seald.api.stamp.parsed", lambda text, *_: took.append(text) or json.loads(text))
    StampedStream(ROUTE, CHAT).event(data)
    return not took


REAL = [
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763755555,"model":"seald-0123456789ab",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}',
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763755555,"model":"base",'
    b'"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
    b'"function":{"name":"weather","arguments":"{\\"model\\": \\"x\\"}"}}]},"logprobs":null,"finish_reason":null}]}',
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763755555,"model":"base",'
    b'"choices":[],"usage":{"prompt_tokens":31,"total_tokens":47,"completion_tokens":16}}',
    b'{"id":"cmpl-1","object":"text_completion","created":1763755555,"model":"base",'
    b'"choices":[{"index":0,"text":" Paris","logprobs":null,"finish_reason":"stop","stop_reason":null}]}',
    b'{"id": "chatcmpl-1", "created": 1763755555, "model": "base", "object": "chat.completion.chunk", '
    b'"choices": [{"index": 0, "delta": {"content": "Z\xc3\xbcrich"}, "finish_reason": null}]}',
]


@pytest.mark.parametrize("data", REAL)
def test_engines_chunks_are_not_parsed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(StampedStream(ROUTE, CHAT).event(data)) == by_parsing(data)
    assert takes_the_short_way(data, monkeypatch)


HOSTILE_TEXTS = [
    'he said "model":"x", and "system_fingerprint":"fp"',
    '{"id":"a","object":"b","created":1,"model":"x",',
    'data: [DONE]\n\ndata: {"error": {"message": "no"}}',
    "a\u2028b\u2029c\x85d",
    "\\",
    '\\"model\\"',
    "\x00\x1f\x7f",
    "城\U0001f600",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_content_is_taken_for_a_key(text: str) -> None:
    for value in (chat(content=text), {**chat(), "id": text}, {**chat(), "model": text}, chat(**{text: text})):
        for data in (compact(value), json.dumps(value).encode()):
            sent = StampedStream(ROUTE, CHAT).take(b"data: " + data + b"\n\n")
            assert sent.startswith(b"data: ") and sent.endswith(b"\n\n")
            assert (
                json.loads(sent[6:])
                == by_parsing(data)
                == {**value, "model": "seald:ops@3", "system_fingerprint": "ops@3"}
            )
            assert len(sent.decode().splitlines()) == 2, "a client that splits by Unicode's rules would cut it"


@pytest.mark.parametrize(
    "data",
    [
        compact({**chat(content="x"), "system_fingerprint": "vllm-0.32"}),
        compact({**chat(content="x"), "model": "a"})[:-1] + b',"model":"b"}',
        compact(chat(content="x"))[:-1] + b',"mod\\u0065l":"b"}',
        compact(chat(content="x"))[:-1] + b',"system\\u005ffingerprint":"b"}',
        compact(chat(content="x"))[:-1] + b',"error":null}',
        b'{"choices":[],"model":"base"}',
        b'{"model":"base"}',
        b'{ "id":"a","model":"base","choices":[]}',
        b"{}",
    ],
)
def test_what_is_not_clear_from_its_bytes_is_parsed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(StampedStream(ROUTE, CHAT).event(data)) == by_parsing(data)
    assert not takes_the_short_way(data, monkeypatch)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"id":"a","model":"base",}', EngineError),
        (b'{"id":"a","model":"base","choices":[', EngineError),
        (b'{"id":"a","model":"base","error":{"message":"bad","code":400},"choices":[]}', EngineRefused),
        (b'{"id":"a","model":"base","choices":[],"err\\u006fr":{"message":"bad","code":400}}', EngineRefused),
        (b"[]", EngineError),
        (b"", EngineError),
    ],
)
def test_an_error_or_no_json_ends_the_stream_after_what_came_before(data: bytes, error: type[EngineError]) -> None:
    stream, good = StampedStream(ROUTE, CHAT), b"data: %s\n\n" % REAL[0]
    sent = stream.take(good + b"data: " + data + b"\n\n" + good)
    assert sent.count(b"data: ") == 1
    assert stream.ended
    assert type(stream.error) is error


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["model", "system_fingerprint", "choices", "usage", "id", "text"]) | st.text(max_size=5)


@given(st.text(), st.dictionaries(NAMES, JSON, max_size=4), st.booleans())
def test_both_ways_say_the_same(content: str, more: dict[str, Any], ascii_only: bool) -> None:
    value = {**chat(content=content), **{name: given for name, given in more.items() if name != "error"}}
    data = json.dumps(value).encode() if ascii_only else compact(value)
    assert json.loads(StampedStream(ROUTE, CHAT).event(data)) == by_parsing(data)


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=8))
def test_it_does_not_matter_where_the_network_cuts(texts: list[str], cuts: list[int]) -> None:
    events = [b": ping\r\n\r\n", *(b"data:%s\r\n\r\n" % compact(chat(content=text)) for text in texts)]
    body = b"".join([*events, b"data: [DONE]\n\n"])
    whole, cut = StampedStream(ROUTE, CHAT), StampedStream(ROUTE, CHAT)
    places = [0, *sorted(place % len(body) for place in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert b"".join(map(cut.take, pieces)) == whole.take(body)
    assert whole.ended and cut.ended


RESPONSE = {"id": "resp_1", "object": "response", "model": "seald-0123456789ab", "status": "in_progress", "output": []}


def response_event(kind: str, **more: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), compact({**more, "sequence_number": 3, "type": kind}))


def test_a_responses_stream_keeps_its_names_and_is_stamped_where_it_holds_the_answer() -> None:
    stream = StampedResponse(ROUTE, "/v1/responses")
    delta = response_event("response.output_text.delta", delta='"response": {"model": 1}\u2029', item_id="msg_1")
    created = stream.take(response_event("response.created", response=RESPONSE))
    name, data = created.strip().split(b"\n")
    assert name == b"event: response.created"
    assert json.loads(data[6:])["response"] == {**RESPONSE, "model": "seald:ops@3", "system_fingerprint": "ops@3"}
    assert json.loads(stream.take(delta).split(b"data: ")[1]) == json.loads(delta.split(b"data: ")[1])
    plain = response_event("response.output_text.delta", delta="Zürich", item_id="msg_1")
    assert stream.take(plain) == plain
    assert not stream.ended
    stream.take(response_event("response.completed", response={**RESPONSE, "status": "completed"}))
    assert stream.ended
    assert stream.error is None


def test_a_responses_stream_that_breaks_says_so_in_an_error_event() -> None:
    error = {"message": "gone", "type": "server_error", "param": None, "code": "engine_unavailable"}
    name, data = StampedResponse(ROUTE, "/v1/responses").failure({"error": error}).strip().split(b"\n")
    assert name == b"event: error"
    told = {"type": "error", "code": "engine_unavailable", "message": "gone", "param": None, "error": error}
    assert json.loads(data[6:]) == told

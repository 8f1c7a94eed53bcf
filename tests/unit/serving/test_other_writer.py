"""A writer elsewhere, over a real connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from seald.domain.policy import OtherWriter
from seald.errors import ConfigError, EngineRefused, EngineUnavailable
from seald.ports import Sampling
from seald.serving.chat_endpoint import ATTEMPTS
from seald.serving.other_writer import EndpointWriter, OtherWriters
from tests.small_server import answering

SAMPLING = Sampling(max_tokens=64, temperature=0.5, top_p=0.9, seed=40)


@dataclass
class Elsewhere:
    """What came in, and how the next requests are to fail."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """Statuses of the next answers, first one first; 0 hangs up. When none are left, replies follow."""
    said: str = "not now"
    reply: str = ""
    """In place of a sentence that repeats the question."""
    together: threading.Barrier | None = None
    """Where every request waits for the others."""


def handler(state: Elsewhere) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append({"path": self.path, "key": self.headers.get("authorization"), **body})
            failure = state.failures.pop(0) if state.failures else 200
            if state.together:
                state.together.wait(10)
            asked = body["messages"][-1]["content"]
            said = {"choices": [{"message": {"content": state.reply or f"About {asked}."}}]}
            if failure:
                self._say(failure, said if failure == 200 else {"error": {"message": state.said}})

        def _say(self, status: int, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            if 300 <= status < 400:
                self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    state = Elsewhere()
    with answering(handler(state)) as address:
        state.url = f"{address}/v1"
        yield state


@pytest.fixture
def writer(elsewhere: Elsewhere) -> Iterator[EndpointWriter]:
    made = EndpointWriter(OtherWriter(url=elsewhere.url, model="a-writer"), wait_seconds=0.001)
    yield made
    made.close()


def test_each_question_is_one_request_with_its_own_seed(elsewhere: Elsewhere, writer: EndpointWriter) -> None:
    questions = [f"mill {n}" for n in range(12)]
    elsewhere.together = threading.Barrier(4)
    assert writer.ask(questions, SAMPLING, model="base") == [f"About {question}." for question in questions]
    seeds = {request["messages"][0]["content"]: request["seed"] for request in elsewhere.requests}
    assert seeds == {question: 40 + n for n, question in enumerate(questions)}
    for request in elsewhere.requests:
        assert (request["path"], request["model"]) == ("/v1/chat/completions", "a-writer")
        assert (request["max_tokens"], request["temperature"], request["top_p"]) == (64, 0.5, 0.9)
        assert request["key"] is None


def test_what_is_not_asked_for_is_not_sent(elsewhere: Elsewhere, writer: EndpointWriter) -> None:
    writer.ask(["mill"], Sampling(max_tokens=8, stop=("\n",)), model="base")
    (request,) = elsewhere.requests
    assert "seed" not in request
    assert request["stop"] == ["\n"]


def test_thoughts_are_not_the_reply(elsewhere: Elsewhere, writer: EndpointWriter) -> None:
    elsewhere.reply = "<think>They want\nfacts.</think>\n\nThe mill is old. "
    assert writer.ask(["mill"], SAMPLING, model="base") == ["The mill is old."]


def test_what_may_pass_is_tried_again(elsewhere: Elsewhere, writer: EndpointWriter) -> None:
    elsewhere.failures = [503, 0, 429]
    assert writer.ask(["mill"], SAMPLING, model="base") == ["About mill."]
    assert [request["seed"] for request in elsewhere.requests] == [40] * 4


@pytest.mark.parametrize("failure", [500, 429, 0])
def test_what_does_not_pass_is_waited_for(elsewhere: Elsewhere, writer: EndpointWriter, failure: int) -> None:
    elsewhere.failures = [failure] * ATTEMPTS
    with pytest.raises(EngineUnavailable, match=elsewhere.url):
        writer.ask(["mill"], SAMPLING, model="base")
    assert len(elsewhere.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [401, 307])
def test_a_refusal_is_one_and_a_redirect_is_not_followed(
    elsewhere: Elsewhere, writer: EndpointWriter, status: int
) -> None:
    elsewhere.failures = [status]
    with pytest.raises(EngineRefused, match=str(status)) as refused:
        writer.ask(["mill"], SAMPLING, model="base")
    assert refused.value.status == status
    assert len(elsewhere.requests) == 1


def test_an_answer_that_is_no_completion_is_a_refusal(elsewhere: Elsewhere, writer: EndpointWriter) -> None:
    elsewhere.failures = [202]
    with pytest.raises(EngineRefused, match="no chat completion"):
        writer.ask(["mill"], SAMPLING, model="base")


def test_the_key_comes_from_the_variable_and_is_never_told(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = OtherWriter(url=elsewhere.url, model="a-writer", key_env="A_WRITER_KEY")
    monkeypatch.delenv("A_WRITER_KEY", raising=False)
    with pytest.raises(ConfigError, match="A_WRITER_KEY"):
        EndpointWriter(named)
    monkeypatch.setenv("A_WRITER_KEY", "sk-secret\n")
    made = EndpointWriter(named)
    elsewhere.failures, elsewhere.said = [403], "no such key: sk-secret"
    with pytest.raises(EngineRefused) as refused:
        made.ask(["mill"], SAMPLING, model="base")
    made.close()
    assert elsewhere.requests[0]["key"] == "Bearer sk-secret"
    assert "sk-secret" not in refused.value.message + refused.value.body


def test_no_proxy_of_the_environment_sees_a_passage(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    made = EndpointWriter(OtherWriter(url=elsewhere.url, model="a-writer"), wait_seconds=0.001)
    assert made.ask(["mill"], SAMPLING, model="base") == ["About mill."]
    made.close()


def test_no_address() -> None:
    with pytest.raises(ConfigError, match="no address"):
        EndpointWriter(OtherWriter(url="http://host:port/v1", model="a-writer"))


def test_one_client_for_one_writer(elsewhere: Elsewhere) -> None:
    writers = OtherWriters()
    one, same, other = (OtherWriter(url=elsewhere.url, model=model) for model in ("a", "a", "b"))
    assert writers(one) is writers(same) is not writers(other)
    writers.close()

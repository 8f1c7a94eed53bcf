"""A judge that listens on a socket: an OpenAI-compatible endpoint whose verdict the reply under judgement names."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.small_server import answering


@dataclass
class JudgeServer:
    """What came in, and how the next requests are to fail."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """Statuses of the next answers, first one first; 0 hangs up. When none are left, verdicts follow."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    together: threading.Barrier | None = None
    """Where every request waits for the others."""


VERDICTS = {
    "right": "Yes.",
    "wrong": "no",
    "thought over": "<think>It could be no.\nBut yes</think>\n\n**Yes**",
    "unclear": "It depends on the reading: yes and no.",
    "nothing": None,
}


def handler(state: JudgeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with state.lock:
                state.requests.append({"path": self.path, **body})
                state.keys.append(self.headers.get("authorization"))
                failure = state.failures.pop(0) if state.failures else 200
            if state.together:
                state.together.wait(10)
            if failure:
                self._say(failure, self._completion(body) if failure == 200 else {"error": {"message": "not now"}})

        def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
            asked = body["messages"][-1]["content"]
            said = next(v for reply, v in VERDICTS.items() if f"reply: {reply}" in asked)
            return {"choices": [{"message": {"role": "assistant", "content": said}}]}

        def _say(self, status: int, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@pytest.fixture
def judge_server() -> Iterator[JudgeServer]:
    state = JudgeServer()
    with answering(handler(state)) as address:
        state.url = f"{address}/v1"
        yield state

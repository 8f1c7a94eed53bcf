"""`python -m seald.bench.stub_engine PORT`: answers every chat at once, to measure what the daemon adds."""

from __future__ import annotations

import json
import sys
from typing import Any

import uvicorn

ANSWER = {
    "id": "chatcmpl-0",
    "object": "chat.completion",
    "created": 0,
    "model": "base",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
}
MODELS = {"object": "list", "data": [{"id": "base", "object": "model"}]}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application: the same answer to everything but the question what it serves."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = json.dumps(MODELS if scope["path"] == "/v1/models" else ANSWER).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)

"""The engine's answers, made ours: the model that was asked for, the version that answered, our error shape."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from fastapi.responses import JSONResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seald.api.completion_request import CompletionRequest
from seald.api.errors import body_of
from seald.api.hangup import unless_hung_up
from seald.api.metrics import Metrics
from seald.errors import ContextTooLong, EngineError, EngineRefused, EngineUnavailable, SealdError
from seald.ports import BASE, Gateway, Route, Upstream

log = structlog.get_logger(__name__)

ADAPTER_HEADER = "x-seald-adapter"
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
CONTEXT_WORDS = ("maximum context length", "max_model_len", "maximum model length")
"""How vLLM says that a prompt is too long; it has no code for it."""


class RelayedAnswer(Response):
    """An ASGI response that fetches itself from the engine.

    Lease, connection and client belong to one call, so that whichever ends first ends the others: the lease is
    given back when the last byte is sent, when the engine dies, and when the client hangs up.
    """

    media_type = "application/json"

    def __init__(self, gateway: Gateway, metrics: Metrics, path: str, request: CompletionRequest) -> None:
        super().__init__()
        self._gateway = gateway
        self._metrics = metrics
        self._path = path
        self._request = request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises a SealdError as long as nothing was sent."""
        with self._metrics.chat(self._path, stream=self._request.stream):
            await unless_hung_up(self._answer(scope, receive, send), receive)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with (
            self._gateway.lease(self._request.model) as route,
            self._gateway.forward(route, self._path, self._request.body) as upstream,
        ):
            if upstream.status >= 400:
                raise refusal(upstream.status, await upstream.read(), route)
            if self._request.stream:
                await self._stream(upstream, route, send)
            else:
                answer = stamped(parsed(await upstream.read(), route), route)
                headers = {ADAPTER_HEADER: route.label}
                await JSONResponse(answer, headers=headers)(scope, receive, send)

    async def _stream(self, upstream: Upstream, route: Route, send: Send) -> None:
        async with aclosing(_events(upstream, route)) as events:
            # A refusal or a death before the first event still gets a status of its own.
            event = await anext(events)
            await send(_start(route))
            try:
                await send(_part(event))
                async for event in events:
                    await send(_part(event))
            except Exception as error:
                await send(_part(_event(body_of(_reported(error)))))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _events(upstream: Upstream, route: Route) -> AsyncGenerator[bytes, None]:
    """The engine's server-sent events, each stamped; `[DONE]` only where the engine said so.

    Raises EngineUnavailable when the engine stops before it is done, EngineRefused when it sends an error.
    """
    async for line in upstream.lines():
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            yield b"data: [DONE]\n\n"
            return
        yield _event(stamped(parsed(data, route), route))
    raise EngineUnavailable("the engine broke off its answer; ask again")


def parsed(text: bytes | str, route: Route) -> dict[str, Any]:
    """One JSON object of the engine. Raises EngineRefused when it is an error, EngineError when it is no object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise EngineError("the engine sent something that is not a JSON object; see its log")
    error = value.get("error")
    if error:
        status = error.get("code") if isinstance(error, dict) else None
        raise refusal(status if isinstance(status, int) else 500, text, route)
    return value


def stamped(answer: dict[str, Any], route: Route) -> dict[str, Any]:
    """`answer` under the model id that the client asked for, and with the version that gave it."""
    return {**answer, "model": route.model, "system_fingerprint": route.label}


def refusal(status: int, body: bytes | str, route: Route) -> SealdError:
    """The engine's error answer as one of our exceptions, its internal names replaced by the client's.

    A 404, 401 or 403 is between the daemon and the engine (an adapter that a restarted engine has not got back
    yet, a wrong key), not the client's doing.
    """
    said = _engine_error(body)
    message = str(said.get("message") or f"the engine answered with status {status}")
    if route.engine_name != BASE:
        message = message.replace(route.engine_name, route.model)
    if status == 404:
        return EngineUnavailable(f"the engine does not have {route.label} at this moment; ask again in a few seconds")
    if status in (401, 403):
        return EngineError("the engine refuses this daemon's key; check engine.url and its key")
    code, param = said.get("code"), said.get("param")
    if code == ContextTooLong.code or any(words in message for words in CONTEXT_WORDS):
        return ContextTooLong(message, param=param if isinstance(param, str) else None)
    refused = EngineRefused(message, status=status)
    refused.param = param if isinstance(param, str) else None
    refused.code = code if isinstance(code, str) else EngineRefused.code
    return refused


def _engine_error(body: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    inner = value.get("error", value) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner}


def _reported(error: Exception) -> Exception:
    if isinstance(error, SealdError):
        log.warning("stream_broke", code=error.code, error=error.message)
    else:
        log.exception("stream_broke")
    return error


def _start(route: Route) -> dict[str, Any]:
    headers = {"content-type": "text/event-stream; charset=utf-8", ADAPTER_HEADER: route.label, **STREAM_HEADERS}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _event(value: dict[str, Any]) -> bytes:
    # ASCII only: clients that split lines by Unicode's rules would cut an event at U+2028.
    return b"data: " + json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n\n"

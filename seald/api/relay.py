"""A chat request's answer, fetched from the engine and made ours on the way to the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

import structlog
from fastapi.responses import JSONResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seald.api.completion_request import CompletionRequest
from seald.api.errors import body_of
from seald.api.hangup import unless_hung_up
from seald.api.headers import ADAPTER, REQUEST
from seald.api.metrics import Metrics
from seald.api.refusal import refusal
from seald.api.stamp import StampedStream, parsed, stamped
from seald.errors import EngineUnavailable, SealdError
from seald.ports import Answers, Gateway, Route, Upstream

log = structlog.get_logger(__name__)

ADAPTER_HEADER = "x-seald-adapter"
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class RelayedAnswer(Response):
    """An ASGI response that fetches itself from the engine.

    Lease, connection and client belong to one call, so that whichever ends first ends the others: the lease is
    given back when the last byte is sent, when the engine dies, and when the client hangs up.
    """

    media_type = "application/json"

    def __init__(
        self,
        gateway: Gateway,
        answers: Answers | None,
        metrics: Metrics,
        path: str,
        request: CompletionRequest,
        streams: type[StampedStream] = StampedStream,
    ) -> None:
        """`answers` is told which version answers, where its answer can be rated."""
        super().__init__()
        self._gateway = gateway
        self._answers = answers
        self._metrics = metrics
        self._path = path
        self._request = request
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises a SealdError as long as nothing was sent."""
        with self._metrics.chat(self._path, stream=self._request.stream):
            await unless_hung_up(partial(self._answer, scope, receive), receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._request
        async with self._gateway.ask(request.model, self._path, request.body) as (route, upstream):
            scope[ADAPTER] = route.label
            if upstream.status >= 400:
                raise refusal(upstream.status, await upstream.read(), route, self._path)
            if self._answers is not None:
                self._answers.note(scope[REQUEST], route.model, route.label)
            if request.stream:
                await self._stream(upstream, route, send)
            else:
                answer = stamped(parsed(await upstream.read(), route, self._path), route)
                headers = {ADAPTER_HEADER: route.label}
                await JSONResponse(answer, headers=headers)(scope, receive, send)
                self._metrics.engine("answered")

    async def _stream(self, upstream: Upstream, route: Route, send: Send) -> None:
        stream = self._streams(route, self._path)
        async with aclosing(_pieces(upstream, stream)) as pieces:
            # A refusal or a death before the first event still gets a status of its own.
            piece = await anext(pieces)
            await send(_start(route))
            try:
                await send(_part(piece))
                async for piece in pieces:
                    await send(_part(piece))
            except Exception as error:
                self._metrics.engine("broken")
                await send(_part(stream.failure(body_of(_reported(error)))))
            else:
                self._metrics.engine("answered")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pieces(upstream: Upstream, stream: StampedStream) -> AsyncGenerator[bytes, None]:
    """The engine's events as they come, those of one read together; `[DONE]` only where the engine said so.

    Raises EngineUnavailable when the engine stops before it is done, EngineRefused when it sends an error.
    """
    async for part in upstream.parts():
        if events := stream.take(part):
            yield events
        if stream.ended:
            break
    else:
        # The last line may lack its end.
        if events := stream.take(b"\n"):
            yield events
    if stream.error is not None:
        raise stream.error
    if not stream.ended:
        raise EngineUnavailable("the engine broke off its answer; ask again")


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

"""How an answer leaves: whole, or as server-sent events; and what happens when the client hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from seald.errors import SealdError
from seald.serving.local.answers import Shape
from seald.serving.local.engine import LiveCall
from seald.serving.local.http_errors import body_of
from seald.serving.local.protocol import Generate
from seald.serving.local.sequence import Delta

HUNG_UP = 499
"""nginx's status for a client that closed the connection; nobody reads it."""


async def deliver(call: LiveCall, shape: Shape, body: Generate, request: Request) -> Response:
    """Answer in the way the request asks for."""
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        return StreamingResponse(_events(call, shape, with_usage=with_usage), media_type="text/event-stream")
    choices = await _unless_gone(call, request)
    return Response(status_code=HUNG_UP) if choices is None else JSONResponse(shape.whole(choices, call.usage()))


async def _events(call: LiveCall, shape: Shape, *, with_usage: bool) -> AsyncIterator[str]:
    for chunk in shape.opening(call.choices):
        yield _event(chunk)
    try:
        async for delta in call.deltas():
            for chunk in shape.chunks(delta):
                yield _event(chunk)
    except SealdError as error:
        yield _event(body_of(error)[1])
    else:
        if with_usage:
            yield _event(shape.chunk([], call.usage()))
    yield "data: [DONE]\n\n"


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


async def _unless_gone(call: LiveCall, request: Request) -> list[list[Delta]] | None:
    """Every choice's deltas, or None when the client hung up first."""
    answer = asyncio.ensure_future(_collect(call))
    gone = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None
    finally:
        gone.cancel()
        if not answer.done():
            call.cancel()
            answer.cancel()


async def _collect(call: LiveCall) -> list[list[Delta]]:
    choices: list[list[Delta]] = [[] for _ in range(call.choices)]
    async for delta in call.deltas():
        choices[delta.choice].append(delta)
    return choices


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""Around every request: its id, its line in the log, its count in the metrics, and an answer even when a route
breaks."""

from __future__ import annotations

import asyncio
import re
import time
import uuid

import structlog
from fastapi.responses import JSONResponse, Response
from opentelemetry import trace
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seald.api.errors import answer_for, body_of
from seald.api.headers import ADAPTER, KEY, REQUEST, header
from seald.api.metrics import Metrics
from seald.api.retrying import advice
from seald.api.telemetry import PROBED
from seald.errors import Draining

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
HUNG_UP = 499
"""Counted, never sent: the client was gone before the answer began."""


class Envelope:
    """ASGI middleware, outermost. Echoes `x-request-id`, or makes one; turns the unexpected into a plain 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope[REQUEST] = request_id
        status, began = HUNG_UP, time.perf_counter()

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = [*message.get("headers", ())]
                ours = [(b"x-request-id", request_id.encode("ascii")), *advice(scope, status, given)]
                message["headers"] = given + ours
                _tell_span(scope)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, with_id)
            except (Exception, asyncio.CancelledError) as error:
                instead = _instead(error, scope["path"])
                if instead is not None and status != HUNG_UP:
                    # Half an answer must not look whole: the server drops the connection.
                    raise
                if instead is not None:
                    await instead(scope, receive, with_id)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = _method(scope), _template(scope)
        who = {"adapter": scope.get(ADAPTER), "key": scope.get(KEY)}
        self._metrics.count(method=method, route=route, status=status)
        say = log.debug if route in PROBED else log.info
        # Never the path or the query: they hold names, and whatever a client puts there.
        say("request", method=method, route=route, status=status, seconds=round(seconds, 4), **who)


def _instead(error: Exception | asyncio.CancelledError, path: str) -> Response | None:
    """What to answer where no answer came; None: the client went away in the middle of its own body."""
    if isinstance(error, ClientDisconnect):
        return None
    if isinstance(error, asyncio.CancelledError):  # the daemon ends, after having waited as long as it does
        return answer_for(Draining("seald is stopping; ask again in a moment"))
    log.exception("request_broke", path=path)
    return JSONResponse(body_of(error), status_code=500)


def _tell_span(scope: Scope) -> None:
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes({"seald.request_id": scope[REQUEST], "seald.adapter": scope.get(ADAPTER, "")})


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id") or ""
    return given if REQUEST_ID.fullmatch(given) else f"req-{uuid.uuid4().hex}"


def _template(scope: Scope) -> str:
    # Templates, not paths: a metric with one label a document would grow without end.
    return str(getattr(scope.get("route"), "path_format", "unmatched"))


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
    return scope["method"] if scope["method"] in known else "other"

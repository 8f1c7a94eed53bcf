"""An adaptation's events as server-sent events, until there is nothing more to come."""

from __future__ import annotations

import asyncio
import time

from fastapi.sse import format_sse_event
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seald.api.hangup import unless_hung_up
from seald.api.services import Services
from seald.api.shapes import EventObject
from seald.domain.adaptation import RUNNABLE, AdaptationEvent

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": heartbeat\n\n"
PAGE = 200


class EventStream(Response):
    """Sends what is stored, then what comes. Ends after a terminal or held status, and when the daemon stops."""

    media_type = "text/event-stream"

    def __init__(self, services: Services, id: str, after: int) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._services = services
        self._id = id
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer."""
        await unless_hung_up(self._follow, receive, send)

    async def _follow(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        last_sent, more = time.monotonic(), True
        while more and not self._services.draining():
            # The status first: the events up to it were written in its own transaction.
            more, events = await run_in_threadpool(self._read)
            body = b"".join(map(_event, events))
            if not body and time.monotonic() - last_sent > HEARTBEAT_SECONDS:
                body = HEARTBEAT
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
                last_sent = time.monotonic()
            if more and len(events) < PAGE:
                await asyncio.sleep(POLL_SECONDS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _read(self) -> tuple[bool, list[AdaptationEvent]]:
        moving = self._services.adaptations.get(self._id).status in RUNNABLE
        events = self._services.adaptations.events(self._id, after=self._after, limit=PAGE)
        if events:
            self._after = events[-1].seq
        return moving or len(events) == PAGE, events


def _event(event: AdaptationEvent) -> bytes:
    data = to_json(EventObject.of(event), inf_nan_mode="null").decode("utf-8")
    return format_sse_event(data_str=data, event=event.type, id=str(event.seq))

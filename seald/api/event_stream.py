"""Events of an adaptation or a retraining as server-sent events, until there is nothing more to come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seald.api.hangup import unless_hung_up
from seald.domain.adaptation import AdaptationEvent
from seald.domain.retraining import RetrainingEvent

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": heartbeat\n\n"
PAGE = 200

Event = AdaptationEvent | RetrainingEvent


class EventObject(BaseModel):
    """Something that happened. `at` is in Unix seconds, with fractions."""

    seq: int
    at: float
    type: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> EventObject:
        """Shape an event."""
        return cls(seq=event.seq, at=event.at.timestamp(), type=event.type, data=event.data)


class Events(Protocol):
    """One thing's events with a `seq` above `after`, oldest first."""

    def __call__(self, *, after: int, limit: int) -> Sequence[Event]:
        """At most `limit` of them."""
        ...


class EventStream(Response):
    """Sends what is stored, then what comes. Ends once nothing moves any more, and when the daemon stops."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, moving: Callable[[], bool], draining: Callable[[], bool], after: int) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._moving = moving
        self._draining = draining
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer."""
        await unless_hung_up(self._follow, receive, send)

    async def _follow(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        last_sent, more = time.monotonic(), True
        while more and not self._draining():
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

    def _read(self) -> tuple[bool, Sequence[Event]]:
        moving = self._moving()
        events = self._events(after=self._after, limit=PAGE)
        if events:
            self._after = events[-1].seq
        return moving or len(events) == PAGE, events


def _event(event: Event) -> bytes:
    data = to_json(EventObject.of(event), inf_nan_mode="null").decode("utf-8")
    return format_sse_event(data_str=data, event=event.type, id=str(event.seq))

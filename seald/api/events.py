"""What a client wants of the events of an adaptation or a retraining: a page of them, or a stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query

from seald.api.event_stream import EventObject, Events, EventStream
from seald.api.paging import LARGEST
from seald.api.services import Services
from seald.api.shapes import Listing


@dataclass(frozen=True)
class EventQuery:
    """Which events a client wants, and how."""

    after: int
    limit: int
    stream: bool

    def answer(
        self, services: Services, events: Events, moving: Callable[[], bool]
    ) -> Listing[EventObject] | EventStream:
        """A page of `events`, or a stream of them that ends once the thing is no longer `moving`."""
        if self.stream:
            return EventStream(events, moving, services.draining, self.after)
        found = events(after=self.after, limit=self.limit + 1)
        return Listing(data=[EventObject.of(event) for event in found[: self.limit]], has_more=len(found) > self.limit)


async def _query(
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    accept: Annotated[str, Header()] = "",
    last_event_id: Annotated[str, Header()] = "",
) -> EventQuery:
    stream = "text/event-stream" in accept
    return EventQuery(_resume_at(last_event_id, after) if stream else after, limit, stream)


Asked = Annotated[EventQuery, Depends(_query)]
"""A route's parameter of this type receives what the client wants of the events."""


def _resume_at(last_event_id: str, after: int) -> int:
    if not re.fullmatch("[0-9]{1,10}", last_event_id):
        return after
    return min(int(last_event_id), LARGEST)

"""`/v1/retrainings`: runs that teach the policy."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from seald.api.event_stream import EventObject
from seald.api.events import Asked
from seald.api.idempotency import Idempotent
from seald.api.paging import After, Limit
from seald.api.policy_shapes import RetrainingObject
from seald.api.reasons import REASON_BODY, Reason
from seald.api.services import Wired
from seald.api.shapes import Listing
from seald.domain.retraining import RUNNABLE

router = APIRouter(tags=["policies"], route_class=Idempotent)


@router.get("/v1/retrainings")
def list_retrainings(services: Wired, after: After = None, limit: Limit = 20) -> Listing[RetrainingObject]:
    """Retrainings, oldest first, those after the id `after`."""
    page = services.retrainings.page(after=after, limit=limit)
    return Listing(data=[RetrainingObject.of(retraining) for retraining in page.data], has_more=page.has_more)


@router.get("/v1/retrainings/{id}")
def show_retraining(id: str, services: Wired) -> RetrainingObject:
    """One retraining with the figures of its rounds and of its tournament."""
    return RetrainingObject.of(services.retrainings.get(id))


@router.get("/v1/retrainings/{id}/events", response_model=Listing[EventObject])
def list_events(id: str, services: Wired, asked: Asked) -> Listing[EventObject] | Response:
    """Events with a `seq` above `after` as a list, or as a stream with `Accept: text/event-stream`."""
    store = services.retrainings
    store.get(id)
    return asked.answer(services, partial(store.events, id), lambda: store.get(id).status in RUNNABLE)


@router.post("/v1/retrainings/{id}/cancel", openapi_extra=REASON_BODY)
def cancel(id: str, reason: Reason, services: Wired) -> RetrainingObject:
    """Stop a retraining: at once when it is queued, else at the pipeline's next step. 409 once it has ended."""
    retraining = services.retrainings.request_cancel(id, reason=reason)
    services.wake()
    return RetrainingObject.of(retraining)

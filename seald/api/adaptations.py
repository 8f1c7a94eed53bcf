"""`/v1/adaptations`: what became of the documents, and a person's word on it."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from seald.api.event_stream import EventObject
from seald.api.events import Asked
from seald.api.idempotency import Idempotent
from seald.api.paging import After, Limit
from seald.api.reasons import REASON_BODY, Reason
from seald.api.services import Services, Wired
from seald.api.shapes import AdaptationDetail, AdaptationObject, Listing
from seald.domain.adaptation import APPROVED, RELEASED, RUNNABLE, Adaptation, AdaptationStatus
from seald.domain.verdict import Verdict
from seald.errors import IllegalTransition

router = APIRouter(tags=["adaptations"], route_class=Idempotent)

REJECTED_BY_PERSON = {"code": "rejected_by_person", "message": "a person rejected it"}


@router.get("/v1/adaptations")
def list_adaptations(
    services: Wired,
    collection: str | None = None,
    status: AdaptationStatus | None = None,
    after: After = None,
    limit: Limit = 20,
) -> Listing[AdaptationObject]:
    """Adaptations, oldest first, those after the id `after`."""
    page = services.adaptations.page(collection=collection, status=status, after=after, limit=limit)
    return Listing(data=[shaped(services, adaptation) for adaptation in page.data], has_more=page.has_more)


@router.get("/v1/adaptations/{id}")
def show_adaptation(id: str, services: Wired) -> AdaptationDetail:
    """One adaptation with its verdicts, and what they come to in plain words."""
    adaptation = services.adaptations.get(id)
    return AdaptationDetail.explained(adaptation, _verdicts(services, adaptation))


@router.get("/v1/adaptations/{id}/events", response_model=Listing[EventObject])
def list_events(id: str, services: Wired, asked: Asked) -> Listing[EventObject] | Response:
    """Events with a `seq` above `after` as a list, or as a stream with `Accept: text/event-stream`."""
    store = services.adaptations
    store.get(id)
    return asked.answer(services, partial(store.events, id), lambda: store.get(id).status in RUNNABLE)


@router.post("/v1/adaptations/{id}/approve", openapi_extra=REASON_BODY)
def approve(id: str, reason: Reason, services: Wired) -> AdaptationObject:
    """Promote a held adaptation, or queue one that was held before anything was written. 409 when it is not held."""
    unwritten = services.adaptations.get(id).version is None
    after, said = (AdaptationStatus.QUEUED, RELEASED) if unwritten else (AdaptationStatus.PROMOTING, APPROVED)
    adaptation = services.adaptations.move(id, AdaptationStatus.HELD, after, figures={said: True}, reason=reason)
    services.wake()
    return shaped(services, adaptation)


@router.post("/v1/adaptations/{id}/reject", openapi_extra=REASON_BODY)
def reject(id: str, reason: Reason, services: Wired) -> AdaptationObject:
    """Give up a held adaptation and its candidate. 409 when it is not held; rejecting twice is once."""
    adaptation = services.adaptations.get(id)
    status = adaptation.status
    if status not in (AdaptationStatus.HELD, AdaptationStatus.REJECTED):
        raise IllegalTransition(f"{id} is {status}; only a held adaptation can be rejected (a running one: cancel)")
    if status is AdaptationStatus.HELD:
        if adaptation.version is None:
            services.adaptations.move(id, status, AdaptationStatus.REJECTED, error=REJECTED_BY_PERSON, reason=reason)
        else:
            services.adapters.reject(id, error=REJECTED_BY_PERSON, reason=reason)
        services.wake()
    return shaped(services, services.adaptations.get(id))


@router.post("/v1/adaptations/{id}/cancel", openapi_extra=REASON_BODY)
def cancel(id: str, reason: Reason, services: Wired) -> AdaptationObject:
    """Stop an adaptation: at once when it is queued or held, else at the pipeline's next step."""
    adaptation = services.adaptations.request_cancel(id, reason=reason)
    services.wake()
    return shaped(services, adaptation)


def shaped(services: Services, adaptation: Adaptation) -> AdaptationObject:
    """An adaptation with the verdicts on its candidate."""
    return AdaptationObject.of(adaptation, _verdicts(services, adaptation))


def _verdicts(services: Services, adaptation: Adaptation) -> list[Verdict]:
    version = adaptation.version
    return services.adapters.verdicts(adaptation.collection, version) if version is not None else []

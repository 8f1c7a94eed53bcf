"""`/v1/keys`: make, list, show, revoke."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from seald.api.bodies import JSON, read_object, validate
from seald.api.idempotency import Idempotent
from seald.api.key_shapes import KeyObject, NewKeyObject, RevokedKey
from seald.api.paging import After, Limit
from seald.api.reasons import ReasonParam
from seald.api.services import Wired
from seald.api.shapes import Listing
from seald.domain.key import KeyAsk, new_secret

router = APIRouter(tags=["keys"], route_class=Idempotent)

REQUEST_BODY = {"requestBody": {"required": True, "content": {JSON: {"schema": KeyAsk.model_json_schema()}}}}
"""The body as OpenAPI describes it."""


async def read_ask(request: Request, services: Wired) -> KeyAsk:
    """The body of a POST. Limits that it leaves out are as configured, those of null there are not."""
    return validate(KeyAsk, {**services.settings.keys.model_dump(), **await read_object(request)})


@router.post("/v1/keys", status_code=201, openapi_extra=REQUEST_BODY)
def create_key(asked: Annotated[KeyAsk, Depends(read_ask)], response: Response, services: Wired) -> NewKeyObject:
    """Make a key. Its secret is in this answer and nowhere else. The first one must have the scope admin."""
    secret = new_secret()
    key = services.keys.create(asked, secret)
    response.headers["cache-control"] = "no-store"
    return NewKeyObject.of(key, secret=secret)


@router.get("/v1/keys")
def list_keys(services: Wired, after: After = None, limit: Limit = 20) -> Listing[KeyObject]:
    """Keys, oldest first, those after the id `after`; expired and revoked ones, too."""
    page = services.keys.page(after=after, limit=limit)
    return Listing(data=[KeyObject.of(key) for key in page.data], has_more=page.has_more)


@router.get("/v1/keys/{id}")
def show_key(id: str, services: Wired) -> KeyObject:
    """One key, without its secret."""
    return KeyObject.of(services.keys.get(id))


@router.delete("/v1/keys/{id}")
def revoke_key(id: str, services: Wired, reason: ReasonParam = None) -> RevokedKey:
    """Revoke a key: its next request is refused. Twice is once."""
    return RevokedKey.of(services.keys.revoke(id, reason=reason))

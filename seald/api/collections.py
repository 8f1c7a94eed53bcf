"""`/v1/collections`: what each collection has otherwise than the configuration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError

from seald.api.bodies import JSON, read_object, validate
from seald.api.errors import SchemaViolation, violation
from seald.api.paging import After, Most, listing
from seald.api.services import Services, Wired
from seald.api.shapes import CollectionObject, Listing
from seald.domain.collection import Collection, CollectionSettings, overlaid
from seald.domain.document import check_collection
from seald.domain.policy_version import number_of
from seald.errors import ConfigError, NotFound
from seald.pipeline.scrub import check_scrubbing
from seald.policy.registry import load_policy

router = APIRouter(tags=["collections"])

REQUEST_BODY = {
    "requestBody": {"required": True, "content": {JSON: {"schema": CollectionSettings.model_json_schema()}}}
}
"""The body as OpenAPI describes it."""


@router.get("/v1/collections")
def list_collections(services: Wired, after: After = None, limit: Most = None) -> Listing[CollectionObject]:
    """Every collection that holds something or has settings, by name."""
    return listing([_shaped(services, collection) for collection in services.collections.all()], after, limit)


@router.get("/v1/collections/{name}")
def show_collection(name: str, services: Wired) -> CollectionObject:
    """One collection with its settings."""
    return _shaped(services, services.collections.get(name))


async def read_settings(request: Request, services: Wired) -> CollectionSettings:
    """The body of a PUT. Raises SchemaViolation, naming the first key that is wrong."""
    body = await read_object(request)
    _check_guards(services, body.get("guards"))
    settings = validate(CollectionSettings, body)
    if settings.policy is not None:
        _check("policy", partial(_check_policy, services, settings.policy))
    if settings.scrub:
        _check("scrub", check_scrubbing)
    return settings


@router.put("/v1/collections/{name}", openapi_extra=REQUEST_BODY)
def put_collection(
    name: str, settings: Annotated[CollectionSettings, Depends(read_settings)], services: Wired
) -> CollectionObject:
    """Replace a collection's settings; what the body leaves out is as configured. The collection need not be there.

    What is under way is not judged anew; the next step of each adaptation goes by what is set then.
    """
    return _shaped(services, services.collections.put(check_collection(name), settings))


def _check_guards(services: Services, overlay: Any) -> None:
    if not isinstance(overlay, dict):
        return  # left to the whole body's check
    try:
        overlaid(services.settings.guards, overlay)
    except ValidationError as error:
        first = error.errors()[0]
        raise violation({**first, "loc": ("guards", *first["loc"])}) from None
    if "file" in overlay.get("general", {}):
        # Whoever holds a key is not to have the daemon read the machine's files.
        key = "guards.general.file"
        raise SchemaViolation(f"{key} names a file of the machine: set it in seald.toml", param=key)


def _check_policy(services: Services, name: str) -> None:
    number = number_of(name)
    if number is None:
        load_policy(name, "passage")
    else:
        services.policies.get(number).for_writing()


def _check(key: str, use: Callable[[], object]) -> None:
    """What the daemon cannot work with is refused now, not when a document comes."""
    try:
        use()
    except (ConfigError, NotFound) as error:
        raise SchemaViolation(f"{key}: {error.message}", param=key, code="invalid_value") from None


def _shaped(services: Services, collection: Collection) -> CollectionObject:
    return CollectionObject.of(collection, services.adapters.live(collection.name))

"""`/v1/adapters/{collection}/watches`: what watching found of live versions, and what it did."""

from __future__ import annotations

from fastapi import APIRouter

from seald.api.adapters import list_versions
from seald.api.lineages import names_task, require_lineage
from seald.api.paging import AfterNumber, Limit
from seald.api.services import Wired
from seald.api.shapes import AdapterObject, Listing, WatchObject

router = APIRouter(tags=["adapters"])
NAME = "watches"


@router.get("/v1/adapters/{collection:lineage}/watches")
def list_watches(
    collection: str, services: Wired, after: AfterNumber = 0, limit: Limit = 20
) -> Listing[WatchObject] | Listing[AdapterObject]:
    """Every look at a live version of one collection, oldest first. Tasks' versions are not watched."""
    if names_task(services, collection, NAME):
        return list_versions(f"{collection}/{NAME}", services)
    require_lineage(services, collection)
    page = services.watches.page(collection, after=after, limit=limit)
    return Listing(data=[WatchObject.of(watch) for watch in page.data], has_more=page.has_more)

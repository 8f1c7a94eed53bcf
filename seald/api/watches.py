"""`/v1/adapters/{collection}/watches`: what watching found of live versions, and what it did."""

from __future__ import annotations

from fastapi import APIRouter

from seald.api.adapters import require_collection
from seald.api.paging import AfterNumber, Limit
from seald.api.services import Wired
from seald.api.shapes import Listing, WatchObject

router = APIRouter(tags=["adapters"])


@router.get("/v1/adapters/{collection}/watches")
def list_watches(collection: str, services: Wired, after: AfterNumber = 0, limit: Limit = 20) -> Listing[WatchObject]:
    """Every look at a live version of one collection, oldest first."""
    require_collection(services, collection)
    page = services.watches.page(collection, after=after, limit=limit)
    return Listing(data=[WatchObject.of(watch) for watch in page.data], has_more=page.has_more)

"""`/v1/status`: the whole daemon at one glance."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from seald.api.services import Wired

router = APIRouter(tags=["health"])


@router.get("/v1/status")
def show_status(services: Wired) -> dict[str, Any]:
    """Model, engine, collections with what is live, adaptations by status, training, the policy that writes."""
    return {"object": "status", "version": services.version, **services.status()}

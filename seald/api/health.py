"""`/livez`, `/readyz`, `/metrics`: for whoever watches over the daemon."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from seald.api.metrics import Metrics
from seald.api.services import Wired
from seald.errors import EngineUnavailable


def router(metrics: Metrics) -> APIRouter:
    """The three routes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz(services: Wired) -> dict[str, str]:
        """Chat requests can be answered; 503 says why not."""
        services.refuse_new_work_while_draining()
        ready, why = services.gateway.ready()
        if not ready:
            raise EngineUnavailable(f"not ready: {why}")
        return {"status": "ready"}

    @routes.get("/metrics", response_class=PlainTextResponse)
    def scrape() -> PlainTextResponse:
        """Prometheus' text format."""
        return PlainTextResponse(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return routes

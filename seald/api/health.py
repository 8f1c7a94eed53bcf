"""`/livez`, `/readyz`, `/metrics`: for whoever watches over the daemon."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from seald.api.errors import error_body
from seald.api.metrics import Metrics
from seald.api.services import Wired
from seald.errors import EngineUnavailable, StoreError


def router(metrics: Metrics) -> APIRouter:
    """The three routes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/livez")
    async def livez(services: Wired) -> JSONResponse:
        """The process answers, and its scheduler lives; 503: only a restart helps."""
        if services.sight.alive():
            return JSONResponse({"status": "ok"})
        message = "the scheduler's thread is gone: nothing is learned or watched until the daemon is started again"
        return JSONResponse(error_body(503, message, code="not_alive"), status_code=503)

    @routes.get("/readyz")
    async def readyz(services: Wired) -> dict[str, str]:
        """Requests can be answered; 503 says why not."""
        services.refuse_new_work_while_draining()
        ready, why = services.gateway.ready()
        if not ready:
            raise EngineUnavailable(f"not ready: {why}")
        no_writes = services.sight.no_writes()
        if no_writes is not None:
            raise StoreError(f"not ready: {no_writes}")
        return {"status": "ready"}

    for path, route in (("/livez", livez), ("/readyz", readyz)):
        # Many who only look ask by HEAD.
        routes.add_api_route(path, route, methods=["HEAD"], include_in_schema=False)

    @routes.get("/metrics", response_class=PlainTextResponse)
    def scrape() -> PlainTextResponse:
        """Prometheus' text format: the daemon's own, then the engines', which have the label `replica`."""
        return PlainTextResponse(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return routes

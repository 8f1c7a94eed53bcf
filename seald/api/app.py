"""The ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from seald.api import (
    adaptations,
    adapters,
    audit,
    chat,
    collections,
    documents,
    feedback,
    health,
    keys,
    models,
    policies,
    retrainings,
    status,
    tasks,
    watches,
)
from seald.api.admission import Admission
from seald.api.direct import direct
from seald.api.envelope import Envelope
from seald.api.errors import RESPONSES, install_handlers
from seald.api.limits import BodyLimit
from seald.api.metrics import Metrics
from seald.api.openapi import describe_keys
from seald.api.origin import LocalOrigin
from seald.api.services import Services, services_of
from seald.api.telemetry import telemetry


def create_app(services: Services) -> FastAPI:
    """Wire every route to `services`."""
    metrics = Metrics(services.sight, services.status, services.version)
    server = services.settings.server
    app = FastAPI(
        title="seald",
        summary="Serves an open-weights model and keeps teaching it your documents",
        version=services.version,
        # Their pages load scripts from a CDN.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=telemetry(),
        lifespan=_lifespan,
        responses=RESPONSES,
        middleware=[
            Middleware(Envelope, metrics=metrics),
            Middleware(Admission, bound=server.host),
            Middleware(LocalOrigin, bound=server.host),
            Middleware(BodyLimit, max_bytes=server.max_body_bytes),
        ],
    )
    app.state.services = services
    install_handlers(app)
    chats = chat.router(metrics)
    app.router.routes.extend(direct(chats))
    routers = (chats, models.router, documents.router, tasks.router, adaptations.router, collections.router)
    # A watch list stands where a version's number else would.
    for router in (*routers, watches.router, adapters.router, policies.router, retrainings.router):
        app.include_router(router)
    for router in (feedback.router(metrics), health.router(metrics), status.router, keys.router, audit.router):
        app.include_router(router)
    describe_keys(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    # Here, since the connections belong to the event loop that ends next.
    await services_of(app).gateway.close()

"""`/v1/chat/completions` and `/v1/completions`: passed through to the engine, the model's name resolved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from seald.api.bodies import read_object
from seald.api.completion_request import check_chat, check_text
from seald.api.metrics import Metrics
from seald.api.relay import RelayedAnswer
from seald.api.services import Services
from seald.ports import Gateway

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"


def router(metrics: Metrics) -> APIRouter:
    """The two routes. They never touch the store: an answer must not wait for a disk."""
    routes = APIRouter(tags=["chat"])

    @routes.post(CHAT, openapi_extra=_body("model", "messages"), response_class=Response)
    async def chat(request: Request) -> Response:
        """A chat completion, as OpenAI's API has it."""
        return RelayedAnswer(_gateway(request), metrics, CHAT, check_chat(await read_object(request)))

    @routes.post(TEXT, openapi_extra=_body("model", "prompt"), response_class=Response)
    async def text(request: Request) -> Response:
        """A text completion, as OpenAI's API has it."""
        return RelayedAnswer(_gateway(request), metrics, TEXT, check_text(await read_object(request)))

    return routes


def _gateway(request: Request) -> Gateway:
    services: Services = request.app.state.services
    return services.gateway


def _body(*required: str) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "additionalProperties": True}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

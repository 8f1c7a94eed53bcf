"""The engine's own routes, passed through to it with the model's name resolved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from seald.api.bodies import read_object
from seald.api.completion_request import CompletionRequest, check_chat, check_embeddings, check_text
from seald.api.metrics import Metrics
from seald.api.relay import RelayedAnswer
from seald.api.response_request import check_response
from seald.api.services import services_for
from seald.api.stamp import StampedResponse, StampedStream
from seald.api.trace import TracedAnswer, wants_trace

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
ENGINE_ROUTES = frozenset({CHAT, TEXT, RESPONSES, EMBEDDINGS})


def router(metrics: Metrics) -> APIRouter:
    """The routes. They never touch the store: an answer must not wait for a disk."""
    routes = APIRouter(tags=["chat"])

    @routes.post(CHAT, openapi_extra=_body("model", "messages"), response_class=Response)
    async def chat(request: Request) -> Response:
        """A chat completion, as OpenAI's API has it."""
        return _rateable(request, metrics, CHAT, check_chat(await read_object(request)))

    @routes.post(TEXT, openapi_extra=_body("model", "prompt"), response_class=Response)
    async def text(request: Request) -> Response:
        """A text completion, as OpenAI's API has it."""
        return _rateable(request, metrics, TEXT, check_text(await read_object(request)))

    @routes.post(RESPONSES, openapi_extra=_body("model", "input"), response_class=Response)
    async def responses(request: Request) -> Response:
        """A response, as OpenAI's API has it, of an engine that has this route. Nothing is stored."""
        asked = check_response(await read_object(request))
        return _rateable(request, metrics, RESPONSES, asked, StampedResponse)

    @routes.post(EMBEDDINGS, openapi_extra=_body("model", "input"), response_class=Response)
    async def embeddings(request: Request) -> Response:
        """Embeddings, as OpenAI's API has them, of an engine that has this route."""
        gateway, asked = services_for(request).gateway, check_embeddings(await read_object(request))
        return RelayedAnswer(gateway, None, metrics, EMBEDDINGS, asked)

    return routes


def _rateable(
    request: Request,
    metrics: Metrics,
    path: str,
    asked: CompletionRequest,
    streams: type[StampedStream] = StampedStream,
) -> Response:
    services = services_for(request)
    answer = RelayedAnswer(services.gateway, services.answers, metrics, path, asked, streams)
    traced = services.settings.server.trace and wants_trace(request.scope)
    return TracedAnswer(answer, asked.body) if traced else answer


def _body(*required: str) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "additionalProperties": True}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

"""The routes of vLLM's HTTP dialect that the daemon uses, answered by the local engine."""

from __future__ import annotations

import hmac
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.responses import PlainTextResponse, Response

from seald import __version__
from seald.errors import InvalidRequest, Unauthorized
from seald.serving.local.adapters import Adapter
from seald.serving.local.answers import ChatShape, TextShape
from seald.serving.local.delivery import deliver
from seald.serving.local.engine import LocalEngine
from seald.serving.local.http_errors import handle_errors
from seald.serving.local.prompts import chat_tokens, completion_tokens, room_for_answer, text_tokens
from seald.serving.local.protocol import (
    ChatRequest,
    CompletionRequest,
    Detokenize,
    LoadAdapter,
    TokenizeChat,
    TokenizeText,
    UnloadAdapter,
)


def create_app(engine: LocalEngine, *, key: str | None) -> FastAPI:
    """The HTTP application. With a `key`, every route but /health wants it as a bearer token."""
    app = FastAPI(title="seald local engine", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.engine = engine
    app.state.key = key
    handle_errors(app)
    app.include_router(open_routes)
    app.include_router(routes)
    return app


def _engine(request: Request) -> LocalEngine:
    engine: LocalEngine = request.app.state.engine
    return engine


def _authorised(request: Request, authorization: Annotated[str | None, Header()] = None) -> None:
    key: str | None = request.app.state.key
    if key and not hmac.compare_digest((authorization or "").encode(), f"Bearer {key}".encode()):
        raise Unauthorized("this engine wants the key that its process was started with as a bearer token")


Engine = Annotated[LocalEngine, Depends(_engine)]
open_routes = APIRouter()
routes = APIRouter(dependencies=[Depends(_authorised)])


@open_routes.get("/health")
async def health() -> Response:
    """200 as long as the process lives: it listens only once the model is loaded."""
    return Response()


@routes.get("/version")
async def version() -> dict[str, str]:
    """Ours."""
    return {"version": __version__}


@routes.get("/metrics")
async def metrics(engine: Engine) -> PlainTextResponse:
    """Prometheus' text format."""
    return PlainTextResponse(engine.metrics.exposition())


@routes.get("/v1/models")
async def models(engine: Engine) -> dict[str, Any]:
    """The base model and the loaded adapters."""
    return {"object": "list", "data": [_card(engine, adapter) for adapter in engine.adapters.listed()]}


def _card(engine: LocalEngine, adapter: Adapter) -> dict[str, Any]:
    base = engine.settings.served_model_name
    return {
        "id": adapter.name,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "seald",
        "root": adapter.path,
        "parent": None if adapter.name == base else base,
        "max_model_len": engine.model.max_model_len,
    }


@routes.post("/v1/load_lora_adapter")
async def load_adapter(body: LoadAdapter, engine: Engine) -> PlainTextResponse:
    """Load a PEFT folder; returns once requests may name it."""
    if body.load_inplace:
        raise InvalidRequest("load_inplace is not supported: load it under a new name", param="load_inplace")
    await engine.change(lambda: engine.adapters.load(body.lora_name, Path(body.lora_path)))
    return PlainTextResponse(f"Success: LoRA adapter '{body.lora_name}' added successfully.")


@routes.post("/v1/unload_lora_adapter")
async def unload_adapter(body: UnloadAdapter, engine: Engine) -> PlainTextResponse:
    """Take no more requests for it; those under way are finished with its weights."""
    await engine.change(lambda: engine.adapters.unload(body.lora_name))
    return PlainTextResponse(f"Success: LoRA adapter '{body.lora_name}' removed successfully.")


@routes.post("/tokenize")
async def tokenize(body: TokenizeChat | TokenizeText, engine: Engine) -> dict[str, Any]:
    """Token ids of a text or a chat."""
    if isinstance(body, TokenizeChat):
        tokens = chat_tokens(engine.model, body)
    else:
        tokens = text_tokens(engine.model, body.prompt, add_special_tokens=body.add_special_tokens)
    return {"count": len(tokens), "max_model_len": engine.model.max_model_len, "tokens": tokens}


@routes.post("/detokenize")
async def detokenize(body: Detokenize, engine: Engine) -> dict[str, str]:
    """The text of token ids."""
    return {"prompt": engine.model.tokenizer.decode(body.tokens)}


@routes.post("/v1/chat/completions")
async def chat(body: ChatRequest, request: Request, engine: Engine) -> Response:
    """Answer a chat."""
    prompts = [chat_tokens(engine.model, body)]
    room, grammar = room_for_answer(engine.model, prompts, body.limit), await engine.grammar(body.wanted)
    options = body.options(engine.model.sampling_defaults, room, grammar)
    call = engine.begin(body.model, prompts, options, body.n)
    return await deliver(call, ChatShape(_name(body, engine), engine.model.tokenizer), body, request)


@routes.post("/v1/completions")
async def completions(body: CompletionRequest, request: Request, engine: Engine) -> Response:
    """Continue texts, or score them."""
    prompts = completion_tokens(engine.model, body.prompt, add_special_tokens=body.add_special_tokens)
    room, grammar = room_for_answer(engine.model, prompts, body.limit), await engine.grammar(body.wanted)
    options = body.options(engine.model.sampling_defaults, room, grammar)
    call = engine.begin(body.model, prompts, options, body.n)
    echoed = _echoed(body, prompts, engine) if body.echo else ()
    return await deliver(call, TextShape(_name(body, engine), engine.model.tokenizer, echoed, body.n), body, request)


def _echoed(body: CompletionRequest, prompts: list[list[int]], engine: LocalEngine) -> list[tuple[str, list[int]]]:
    said = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    texts = [text if isinstance(text, str) else None for text in said]
    decode = engine.model.tokenizer.decode
    if len(texts) != len(prompts):  # one prompt, given as token ids
        texts = [None]
    return [(decode(ids) if text is None else text, ids) for text, ids in zip(texts, prompts, strict=True)]


def _name(body: ChatRequest | CompletionRequest, engine: LocalEngine) -> str:
    return body.model or engine.settings.served_model_name

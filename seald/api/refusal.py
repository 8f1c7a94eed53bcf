"""The engine's errors as our exceptions."""

from __future__ import annotations

import json
from typing import Any

from seald.errors import ContextTooLong, EngineError, EngineRefused, EngineUnavailable, NotFound, SealdError
from seald.ports import BASE, Route

CONTEXT_WORDS = ("maximum context length", "max_model_len", "maximum model length")
"""How vLLM says that a prompt is too long; it has no code for it."""
AWAY = frozenset({503, 529})
"""An engine, or a proxy before it, that is overloaded, or starts."""


def refusal(status: int, body: bytes | str, route: Route, path: str) -> SealdError:
    """The engine's error answer to `path` as one of our exceptions, its internal names replaced by the client's.

    A 404 for the model, a 401 or 403 is between the daemon and the engine (an adapter that a restarted engine has not
    got back yet, a wrong key), not the client's doing.
    """
    said = _engine_error(body)
    message = str(said.get("message") or f"the engine answered with status {status}")
    if status in (404, 501):
        return _missing(said, message, route, path)
    if status in (401, 403):
        return EngineError("the engine refuses this daemon's key; check engine.url and its key")
    if status in AWAY:
        return EngineUnavailable("the engine takes no requests at this moment; try again shortly")
    if route.engine_name != BASE:
        message = message.replace(route.engine_name, route.model)
    code, param = said.get("code"), said.get("param")
    if code == ContextTooLong.code or any(words in message for words in CONTEXT_WORDS):
        return ContextTooLong(message, param=param if isinstance(param, str) else None)
    refused = EngineRefused(message, status=status)
    refused.param = param if isinstance(param, str) else None
    refused.code = code if isinstance(code, str) else EngineRefused.code
    return refused


def _missing(said: dict[str, Any], message: str, route: Route, path: str) -> SealdError:
    """The version is not there, or the whole route: only an answer about a model names it."""
    if said.get("param") == "model" or route.engine_name in message:
        return EngineUnavailable(f"the engine does not have {route.label} at this moment; ask again in a few seconds")
    return NotFound(f"the engine has no {path}, or not for this kind of model; use a route that it has")


def _engine_error(body: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    inner = value.get("error", value) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner}

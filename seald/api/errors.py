"""Exceptions to answers: one table of statuses, one shape `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from seald import errors

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
SECONDS_OF_A_REQUEST = 1
"""What creates work is answered within it: the work comes later."""


class SchemaViolation(errors.InvalidRequest):
    """Well-formed, but a field is missing, unknown, or of the wrong type."""

    code = "invalid_value"


class ErrorDetail(BaseModel):
    """What is wrong: in words, in kind, where, and as a stable code."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorObject(BaseModel):
    """The body of every error."""

    error: ErrorDetail


RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorObject}, "5XX": {"model": ErrorObject}}
"""What each route may answer besides, as OpenAPI describes it."""

STATUSES: dict[type[errors.SealdError], int] = {
    errors.SealdError: 500,
    errors.InvalidRequest: 400,
    SchemaViolation: 422,
    errors.UnreadableDocument: 422,
    errors.UnsupportedDocument: 415,
    errors.TooLarge: 413,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.TooManyRequests: 429,
    errors.Draining: 503,
    errors.EngineError: 502,
    errors.EngineUnavailable: 503,
    errors.StoreError: 503,
    errors.InsufficientStorage: 507,
}

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def status_of(error: errors.SealdError) -> int:
    """The HTTP status of an exception: the engine's own 4xx, else the table's entry for the nearest class."""
    if isinstance(error, errors.EngineRefused) and 400 <= error.status < 500:
        return error.status
    return next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)


def error_body(status: int, message: str, *, param: str | None = None, code: str) -> dict[str, Any]:
    """The documented shape; `type` follows from `status`."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def body_of(error: Exception) -> dict[str, Any]:
    """The documented shape of any exception; what is not ours says nothing about our insides."""
    if isinstance(error, errors.SealdError):
        return error_body(status_of(error), error.message, param=error.param, code=error.code)
    message = "something went wrong in the daemon; its log has the details under this answer's x-request-id"
    return error_body(500, message, code="internal_error")


def answer_for(error: errors.SealdError) -> JSONResponse:
    """The HTTP answer for one of our exceptions."""
    status = status_of(error)
    return JSONResponse(body_of(error), status_code=status, headers=_headers(error, status))


def _headers(error: errors.SealdError, status: int) -> dict[str, str]:
    if isinstance(error, errors.TooManyRequests):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, errors.StillInProgress):
        return {"retry-after": str(SECONDS_OF_A_REQUEST)}
    if status == 401:
        return {"www-authenticate": "Bearer"}
    return {"retry-after": str(RETRY_AFTER_SECONDS)} if status in (429, 503, 507) else {}


def violation(details: Mapping[str, Any]) -> SchemaViolation:
    """What pydantic found, in our words: the field as `param`, a stable `code`."""
    param = ".".join(str(part) for part in details["loc"]) or None
    kind, where = details["type"], param or "the body"
    if kind == "missing":
        return SchemaViolation(f"{where} is missing", param=param, code="missing_field")
    if kind == "extra_forbidden":
        return SchemaViolation(f"{where} is not a field that this route takes", param=param, code="unknown_field")
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    said = details["msg"].removeprefix("Value error, ")
    return SchemaViolation(f"{where}: {said}", param=param, code=code)


def install_handlers(app: FastAPI) -> None:
    """Override FastAPI's and Starlette's own error shapes."""
    app.add_exception_handler(errors.SealdError, _on_seald_error)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_seald_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.SealdError)
    # A daemon that starts is asked every second whether it is ready; "not yet" is no failure.
    if status_of(error) >= 500 and request.url.path != "/readyz":
        log.warning("request_failed", path=request.url.path, code=error.code, error=error.message)
    return answer_for(error)


async def _on_os_error(request: Request, error: Exception) -> JSONResponse:
    """A large upload is kept in a file meanwhile; other errors of the system are nobody's fault but ours."""
    disk = errors.of_disk(error)
    if disk is None:
        raise error
    return await _on_seald_error(request, disk)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place, *rest = first["loc"]
    if place == "path":
        return answer_for(errors.NotFound(f"there is nothing at {request.url.path}"))
    return answer_for(violation({**first, "loc": tuple(rest)}))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, message, headers = error.status_code, str(error.detail), error.headers
    if status == 404:
        message = f"there is no route {request.method} {request.url.path}; GET /openapi.json lists them"
    elif status == 405:
        message = f"{request.url.path} does not take {request.method}"
        headers = {"allow": ", ".join(_methods(request))}
    body = error_body(status, message, code=_CODES.get(status, "invalid_request"))
    return JSONResponse(body, status_code=status, headers=headers)


def _methods(request: Request) -> list[str]:
    """What the path takes; Starlette says only what the first of its routes does."""
    here = [r for r in iter_route_contexts(request.app.routes) if r.path_regex.match(request.scope["path"])]
    return sorted({method for route in here for method in route.methods or ()})

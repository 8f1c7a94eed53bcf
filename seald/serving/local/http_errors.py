"""Every error in OpenAI's shape."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from seald.errors import Conflict, Draining, InvalidRequest, NotFound, SealdError, Unauthorized

STATUSES: tuple[tuple[type[SealdError], int], ...] = (
    (InvalidRequest, 400),
    (Conflict, 400),  # vLLM's answer to a name that is taken
    (Unauthorized, 401),
    (NotFound, 404),
    (Draining, 503),
)


UNIONS = ("str", "list[str]", "list[int]", "list[list[int]]")
"""Members of unions of types, which pydantic puts among the names of fields."""


def error_body(message: str, status: int, *, param: str | None, code: str | None) -> dict[str, object]:
    """`{"error": {message, type, param, code}}`."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def body_of(error: SealdError) -> tuple[int, dict[str, object]]:
    """Status and body of one of our errors."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    return status, error_body(error.message, status, param=error.param, code=error.code)


def handle_errors(app: FastAPI) -> None:
    """Replace FastAPI's own error shapes."""
    app.add_exception_handler(SealdError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SealdError)
    status, body = body_of(error)
    return JSONResponse(body, status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"] if part not in ("body", *UNIONS)) or None
    message = f"{param or 'body'}: {first['msg']}"
    return JSONResponse(error_body(message, 400, param=param, code="invalid_request"), 400)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return JSONResponse(error_body(str(error.detail), status, param=None, code=None), status, error.headers)


async def _unforeseen(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse(error_body(f"internal error: {type(error).__name__}", 500, param=None, code=None), 500)

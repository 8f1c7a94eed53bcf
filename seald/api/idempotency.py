"""`Idempotency-Key`: what a client sends twice is done once, and answered as it was the first time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import to_json
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from seald.api.bodies import JSON, MULTIPART, media_type
from seald.api.errors import body_of, status_of
from seald.api.services import services_of
from seald.domain.actor import acting
from seald.domain.receipt import Receipt
from seald.errors import Conflict, InvalidRequest, SealdError, StillInProgress, StoreError
from seald.ports import Receipts

log = structlog.get_logger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "idempotent-replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
NOT_REPEATABLE = "/rollback"
"""Done again, this one goes back one more. Whatever else is done again finds what is there."""
CHANGES_NOTHING = "/solve"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The same request again within 24 hours gets the same answer, and nothing is done",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


class Idempotent(APIRoute):
    """The route class of routers whose POSTs create or change something."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        self._once = "POST" in (more.get("methods") or ()) and not path.endswith(CHANGES_NOTHING)
        if self._once:
            more["openapi_extra"] = {**(more.get("openapi_extra") or {}), "parameters": [PARAMETER]}
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Handler:
        """FastAPI's own, called once for each Idempotency-Key."""
        handler, repeatable = super().get_route_handler(), not self.path.endswith(NOT_REPEATABLE)

        async def once(request: Request) -> Response:
            if HEADER not in request.headers:
                return await handler(request)
            return await _answer_once(request, handler, repeatable=repeatable)

        return once if self._once else handler


async def _answer_once(request: Request, handler: Handler, *, repeatable: bool) -> Response:
    receipts: Receipts = services_of(request.app).receipts
    id, fingerprint = _id(request), _fingerprint(request, await request.body())
    known = await run_in_threadpool(receipts.begin, id, fingerprint, repeatable=repeatable)
    if known is not None:
        return _again(known, fingerprint)
    try:
        answer = await handler(request)
    except Exception as error:
        if isinstance(error, StoreError) and not repeatable:
            # Of a commit that failed nobody knows whether it was made: it stays as what was broken off.
            await run_in_threadpool(receipts.leave, id)
        elif _is_refused(error):
            await run_in_threadpool(receipts.drop, id)
        else:
            # Nobody knows how far it came: it must not be tried again under this key.
            status = status_of(error) if isinstance(error, SealdError) else 500
            await run_in_threadpool(receipts.keep, id, status, to_json(body_of(error)).decode())
        raise
    await _keep(receipts, id, answer)
    return answer


async def _keep(receipts: Receipts, id: str, answer: Response) -> None:
    # What is not to be stored on its way (a secret) is not stored here either.
    secret = "no-store" in answer.headers.get("cache-control", "")
    body = None if secret else bytes(answer.body).decode()
    try:
        await run_in_threadpool(receipts.keep, id, answer.status_code, body)
    except StoreError as error:
        # It is done: the client is to hear of it.
        log.warning("receipt_not_kept", error=error.message)


def _again(known: Receipt, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        message = f"this {HEADER} came with another request before; take a new one for each"
        raise Conflict(message, param=HEADER, code="idempotency_conflict")
    if known.running:
        raise StillInProgress("the same request is being answered; send it again in a moment", param=HEADER)
    if known.status is None:
        message = "the daemon broke off while it did this: see what is there now, and send it with a new key if need be"
        raise Conflict(message, param=HEADER, code="idempotency_broken_off")
    if known.body is None:
        message = "this was done, but its answer is not kept: it held a secret, or words that were taken back"
        raise Conflict(message, param=HEADER, code="idempotency_answer_gone")
    return Response(known.body, known.status, {REPLAYED: "true"}, media_type=JSON)


def _is_refused(error: Exception) -> bool:
    """Whether nothing was done: the client's fault, or not now."""
    if isinstance(error, SealdError):
        return status_of(error) < 500 or status_of(error) in (503, 507)
    return isinstance(error, HTTPException | RequestValidationError)


def _id(request: Request) -> str:
    """Of whoever asks, what is asked, and the key. Raises InvalidRequest."""
    key = request.headers[HEADER]
    if not KEY.fullmatch(key):
        message = f"{HEADER} must have 1 to 255 characters of ASCII, and no spaces"
        raise InvalidRequest(message, param=HEADER, code="invalid_idempotency_key")
    return _hash(acting.get().name.encode(), request.scope["path"].encode(), key.encode())


def _fingerprint(request: Request, body: bytes) -> str:
    if media_type(request) == MULTIPART:
        # Sent again, a form has another one.
        boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
        body = body.replace(boundary, b"") if boundary else body
    # With the key in it, so that nobody can test whether a text was sent.
    return _hash(request.headers[HEADER].encode(), body)


def _hash(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()

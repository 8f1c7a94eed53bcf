"""Request bodies: bytes to checked values, with errors that say what to change."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from seald.api.errors import SchemaViolation, violation
from seald.errors import InvalidRequest, UnsupportedDocument

M = TypeVar("M", bound=BaseModel)

JSON = "application/json"
MULTIPART = "multipart/form-data"


def media_type(request: Request) -> str:
    """The content type without its parameters, in lower case; empty when the client named none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(text: bytes | str, *, param: str | None = None) -> Any:
    """JSON as RFC 8259 has it: no NaN, no lone surrogates, no endless nesting. Of members of one name the last counts.

    Raises:
        InvalidRequest: code `malformed_json`; or a number or string that no later step could write down again.
    """
    where = param or "the body"
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"{where} is not valid JSON: {error}", param=param, code="malformed_json") from None
    if not _writable(value):
        message = f"{where} holds a number that is too large or a NUL character; leave it out"
        raise InvalidRequest(message, param=param, code="malformed_json")
    return value


async def read_object(request: Request, *, or_empty: bool = False) -> dict[str, Any]:
    """The body as a JSON object; with `or_empty`, no body at all is an empty one.

    Raises:
        UnsupportedDocument: a content type other than JSON (415).
        InvalidRequest: not JSON (400). SchemaViolation: not an object (422). TooLarge: over the cap (413).
    """
    body = await request.body()
    if or_empty and not body:
        return {}
    if media_type(request) not in ("", JSON):
        message = f"the content type is {media_type(request)!r}; send JSON with 'Content-Type: {JSON}'"
        raise UnsupportedDocument(message, code="unsupported_media_type")
    return require_object(parse_json(body))


def require_object(value: Any, *, param: str | None = None) -> dict[str, Any]:
    """Return `value`, or raise SchemaViolation when it is not a JSON object."""
    if not isinstance(value, dict):
        raise SchemaViolation(f"{param or 'the body'} must be a JSON object", param=param, code="invalid_type")
    return value


def validate(model: type[M], value: dict[str, Any]) -> M:
    """`value` as `model`. Raises SchemaViolation, naming the first field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise violation(error.errors()[0]) from None


def _writable(value: Any) -> bool:
    # The parser refuses `NaN` but reads 1e999 as infinity; Postgres holds no NUL in text; engines hand numbers on in 64
    # bits.
    found = [value]
    for each in found:
        if isinstance(each, str):
            if "\0" in each:
                return False
        elif isinstance(each, dict):
            found += each
            found += each.values()
        elif isinstance(each, list):
            found += each
        elif isinstance(each, int | float) and not _fits(each):
            return False
    return True


def _fits(number: float) -> bool:
    return math.isfinite(number) if isinstance(number, float) else -(2**63) <= number < 2**63

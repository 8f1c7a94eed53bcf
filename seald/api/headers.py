"""Headers of a request, read where Starlette's `Headers` would be an object and three calls for each middleware."""

from __future__ import annotations

from starlette.types import Scope

REQUEST = "seald.request_id"
"""Where a request's scope holds its id, once the envelope has given it one."""
KEY = "seald.key"
"""Where it holds the id of the key that it came with, if it was admitted by one."""
ADAPTER = "seald.adapter"
"""Likewise the version that answers it, once that is known."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of this name (in small letters, as ASGI has them)."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None

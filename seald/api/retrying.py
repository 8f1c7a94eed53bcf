"""`x-should-retry`: what the official clients go by when they were refused."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Scope

from seald.api.chat import ENGINE_ROUTES

NAME = b"x-should-retry"


def advice(scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The header of an error: true where the answer says when, and where what broke has no effect that a second try
    could repeat."""
    if status < 400:
        return []
    said_when = any(name == b"retry-after" for name, _ in headers)
    harmless = scope["method"] != "POST" or scope["path"] in ENGINE_ROUTES
    return [(NAME, b"true" if said_when or (status >= 500 and harmless) else b"false")]

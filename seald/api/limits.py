"""What a request may weigh, refused before anything is done with it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seald.api.errors import answer_for
from seald.api.headers import header
from seald.errors import InvalidRequest, SealdError, TooLarge


class BodyLimit:
    """ASGI middleware: 413 for a body over the cap, by its declared length, else as soon as it has come that far."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            await answer_for(refused)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _refusal(self, scope: Scope) -> SealdError | None:
        declared = header(scope, b"content-length") or "0"
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self._max_bytes:
            return self._too_large()
        if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
            return InvalidRequest("the address holds a NUL character; leave it out")
        return None

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the body is over {self._max_bytes} bytes; send less, or raise server.max_body_bytes in seald.toml"
        )

"""The words of one request, logged because both the operator and the client asked for it; else none are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from seald.api.headers import header

log = structlog.get_logger(__name__)


def wants_trace(scope: Scope) -> bool:
    """Whether the request says `x-seald-trace: 1`."""
    return header(scope, b"x-seald-trace") == "1"


class TracedAnswer(Response):
    """An ASGI response that passes another one on, and logs what was asked and what was answered, as far as it came."""

    def __init__(self, answer: Response, asked: Mapping[str, Any]) -> None:
        super().__init__()
        self._answer = answer
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        parts: list[bytes] = []

        async def kept(message: Message) -> None:
            parts.append(message.get("body", b""))
            await send(message)

        try:
            await self._answer(scope, receive, kept)
        finally:
            log.info("trace", asked=self._asked, answer=b"".join(parts).decode(errors="replace"))

"""Connections to engines: one POST for one chat request, its answer read as it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import Any

import aiohttp
from opentelemetry import propagate

from seald.errors import EngineUnavailable

CONNECT_SECONDS = 5.0
LARGE_BYTES = 2**20
KEPT_SECONDS = 3.0
"""How long an idle connection may be taken again. uvicorn, and so vLLM, closes it after 5 seconds, and a POST that
meets the closing is lost: nobody can tell whether the engine had begun with it, so it is not sent again."""


class EngineAnswer:
    """The engine's answer to one forwarded request, its body not yet read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The engine's HTTP status."""
        return self._response.status

    async def read(self) -> bytes:
        """The whole body. Raises EngineUnavailable when the engine dies in the middle."""
        with _engine_death():
            return await self._response.read()

    async def parts(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes. Raises EngineUnavailable when the engine dies in the middle."""
        with _engine_death():
            async for part in self._response.content.iter_any():
                yield part


class EngineConnections:
    """Kept connections to any number of engines. Used from one event loop."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=timeout_seconds)
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close them all."""
        if self._opened is not None:
            await self._opened.close()

    @asynccontextmanager
    async def post(
        self, url: str, path: str, body: Mapping[str, Any], *, key: str | None
    ) -> AsyncIterator[EngineAnswer]:
        """POST `body` to the engine at `url`. Leaving the context before the answer has ended cancels it there.

        Raises EngineUnavailable when there is no connection, or no answer within `timeout_seconds`.
        """
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        propagate.inject(headers)  # nothing, unless this request has a span
        content = json.dumps(body).encode("ascii")
        with _engine_death():
            response = await self._session().post(
                f"{url}{path}", data=_payload(content), headers=headers, allow_redirects=False
            )
        try:
            yield EngineAnswer(response)
        finally:
            # One that has ended gave its connection back already; any other is closed with it.
            response.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            # Made with the first request, because it belongs to the event loop that runs then.
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
                # A proxy of the environment must never see what goes to our own engine.
                trust_env=False,
            )
        return self._opened


def _payload(content: bytes) -> bytes | BytesIO:
    """What is large goes out piece by piece, so that other requests go on meanwhile."""
    return content if len(content) <= LARGE_BYTES else BytesIO(content)


@contextmanager
def _engine_death() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise EngineUnavailable(f"the engine stopped answering: {reason}") from error

"""Requests over kept connections, timed to the first byte and to the end, by a client that costs next to nothing.

httpx would cost as much a request as the daemon that is to be measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Server:
    """Where requests go."""

    url: str
    key: str | None = None


@dataclass(frozen=True)
class Reply:
    """How one request went."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters"""
    body: bytes
    first: float
    """Seconds to the first byte of the body"""
    seconds: float
    ended: float
    """`time.perf_counter()` at its end"""


class Connection:
    """One kept connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Send and read to the end. Raises OSError or asyncio.IncompleteReadError when the connection breaks."""
        reader, writer = await self._open()
        began = time.perf_counter()
        writer.write(self._request(path, json.dumps(body).encode()))
        status, headers = await _head(reader)
        first, text = await _body(reader, headers)
        ended = time.perf_counter()
        return Reply(status, headers, text, first - began, ended - began, ended)

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            at = urlsplit(self._server.url)
            self._streams = await asyncio.open_connection(at.hostname, at.port)
        return self._streams

    def _request(self, path: str, body: bytes) -> bytes:
        at = urlsplit(self._server.url)
        key = f"authorization: Bearer {self._server.key}\r\n" if self._server.key else ""
        head = f"POST {path} HTTP/1.1\r\nhost: {at.netloc}\r\n{key}content-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def send(server: Server, path: str, bodies: Sequence[Mapping[str, Any]], at_once: int) -> list[Reply]:
    """All of them over `at_once` connections; each one's replies in turn."""
    waiting, replies = iter(bodies), []

    async def work() -> None:
        connection = Connection(server)
        try:
            replies.extend([await connection.post(path, body) for body in waiting])
        finally:
            connection.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return replies


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:] if line)
    return int(lines[0].split(" ", 2)[1]), {name.lower(): value.strip() for name, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> tuple[float, bytes]:
    """When the first byte came, and all of them."""
    if headers.get("transfer-encoding") != "chunked":
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return time.perf_counter(), body
    first, parts = 0.0, []
    while size := int(await reader.readline(), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
        first = first or time.perf_counter()
    await reader.readline()
    return first, b"".join(parts)

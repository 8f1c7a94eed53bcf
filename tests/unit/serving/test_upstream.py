"""Against a server that does exactly what each test says, byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seald.errors import EngineUnavailable
from seald.serving import upstream
from seald.serving.upstream import EngineConnections

CHAT = "/v1/chat/completions"
BODY = {"model": "base", "messages": [{"role": "user", "content": "Zürich\u2028"}]}


class Server:
    """`answer` is called with the stream to write to, once a request."""

    def __init__(self, answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._answer = answer
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.hung_up = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                self.requests.append(await _request(reader))
                await self._answer(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return first, headers, await reader.readexactly(int(headers["content-length"]))


@asynccontextmanager
async def serving(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=200)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def connections(timeout_seconds: float = 5.0) -> AsyncIterator[EngineConnections]:
    made = EngineConnections(timeout_seconds=timeout_seconds)
    try:
        yield made
    finally:
        await made.close()


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{line}\r\n" for line in (*headers, f"content-length: {len(body)}"))
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


async def read(pool: EngineConnections, url: str, key: str | None = None) -> tuple[int, bytes]:
    async with pool.post(url, CHAT, BODY, key=key) as answer:
        return answer.status, await answer.read()


def test_the_engine_gets_the_body_and_its_key_and_nothing_more() -> None:
    async def scenario() -> Any:
        async with serving(whole(b"{}")) as server, connections() as pool:
            assert await read(pool, server.url, "secret") == (200, b"{}")
            assert await read(pool, server.url) == (200, b"{}")
            assert server.connections == 1
            return server.requests

    (first, headers, body), (_, keyless, _) = asyncio.run(scenario())
    assert first == f"POST {CHAT} HTTP/1.1"
    assert json.loads(body) == BODY
    assert headers["authorization"] == "Bearer secret"
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert "authorization" not in keyless


def test_every_request_names_its_engine() -> None:
    async def scenario() -> None:
        async with serving(whole(b"one")) as one, serving(whole(b"two")) as two, connections() as pool:
            assert [(await read(pool, server.url))[1] for server in (one, two, one)] == [b"one", b"two", b"one"]

    asyncio.run(scenario())


def test_neither_cookies_nor_proxies_nor_redirects_nor_decompression(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    packed = gzip.compress(b"{}")
    headers = ("set-cookie: a=b", "content-encoding: gzip", "location: /elsewhere")

    async def scenario() -> Any:
        async with serving(whole(packed, *headers, status="307 Temporary Redirect")) as server, connections() as pool:
            assert [await read(pool, server.url) for _ in range(2)] == [(307, packed)] * 2
            return server.requests

    requests = asyncio.run(scenario())
    assert all(first == f"POST {CHAT} HTTP/1.1" and "cookie" not in got for first, got, _ in requests)


def test_parts_come_as_they_are_sent() -> None:
    go_on = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"data: 1\n\n") + chunk(b"data: 2\n"))
        await go_on.wait()
        writer.write(chunk(b"\n") + b"0\r\n\r\n")

    async def scenario() -> None:
        async with serving(answer) as server, connections() as pool, pool.post(server.url, CHAT, BODY, key=None) as got:
            parts = got.parts()
            assert await anext(parts) == b"data: 1\n\ndata: 2\n"
            go_on.set()
            assert [part async for part in parts] == [b"\n"]

    asyncio.run(scenario())


@pytest.mark.parametrize("first", [b"", CHUNKED, CHUNKED + chunk(b"data: 1\n\n")], ids=["head", "body", "middle"])
def test_leaving_cancels_the_request_at_the_engine(first: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(first)

    async def ask(pool: EngineConnections, url: str) -> None:
        async with pool.post(url, CHAT, BODY, key=None) as got:
            await got.read()

    async def scenario() -> None:
        async with serving(answer) as server, connections() as pool:
            asking = asyncio.create_task(ask(pool, server.url))
            while not server.requests:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.hung_up.wait(), 5)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", CHUNKED + chunk(b"data: 1\n\n"), b"nonsense\r\n\r\n"],
    ids=["nothing", "half", "unfinished", "nonsense"],
)
def test_an_engine_that_dies_is_unavailable(sent: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    async def scenario() -> None:
        async with serving(answer) as server, connections() as pool:
            with pytest.raises(EngineUnavailable, match=r"the engine stopped answering: .+"):
                await read(pool, server.url)
            assert len(server.requests) == 1, "sent again, though the engine may have begun with it"

    asyncio.run(scenario())


def test_no_engine_is_unavailable() -> None:
    async def scenario() -> None:
        async with connections() as pool:
            with pytest.raises(EngineUnavailable):
                await read(pool, "http://127.0.0.1:1")

    asyncio.run(scenario())


def test_the_timeout_is_between_reads_not_for_the_whole() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(5):
            writer.write(chunk(b"x"))
            await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")

    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"x"))

    async def scenario() -> None:
        async with connections(timeout_seconds=0.3) as pool:
            async with serving(slow) as server:
                assert await read(pool, server.url) == (200, b"xxxxx")
            async with serving(silent) as server:
                with pytest.raises(EngineUnavailable):
                    await read(pool, server.url)
                await asyncio.wait_for(server.hung_up.wait(), 5)

    asyncio.run(scenario())


def test_a_kept_connection_that_the_engine_closed_costs_no_request() -> None:
    async def scenario() -> None:
        async with serving(closing) as server, connections() as pool:
            for _ in range(3):
                assert await read(pool, server.url) == (200, b"{}")
                await asyncio.sleep(0.05)
            assert server.connections == 3

    async def closing(writer: asyncio.StreamWriter) -> None:
        await whole(b"{}")(writer)
        await writer.drain()
        writer.close()

    asyncio.run(scenario())


def test_a_connection_that_idled_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "KEPT_SECONDS", 0.05)

    async def scenario() -> None:
        async with serving(whole(b"{}")) as server, connections() as pool:
            for _ in range(2):
                await read(pool, server.url)
                await asyncio.sleep(0.1)
            assert server.connections == 2

    asyncio.run(scenario())


def test_as_many_at_once_as_there_are_requests() -> None:
    together = asyncio.Barrier(150)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await together.wait()
        await whole(b"{}")(writer)

    async def scenario() -> None:
        async with serving(answer) as server, connections(timeout_seconds=60) as pool:
            answers = await asyncio.wait_for(asyncio.gather(*(read(pool, server.url) for _ in range(150))), 60)
            assert answers == [(200, b"{}")] * 150

    asyncio.run(scenario())


def test_a_body_of_megabytes_is_sent_whole() -> None:
    body = {"model": "base", "prompt": "x" * 3_000_000}

    async def scenario() -> None:
        async with serving(whole(b"{}")) as server, connections() as pool:
            async with pool.post(server.url, CHAT, body, key=None) as answer:
                await answer.read()
            assert json.loads(server.requests[0][2]) == body

    asyncio.run(scenario())

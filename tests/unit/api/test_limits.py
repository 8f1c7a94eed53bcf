from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 1000


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/chat/completions", "/v1/adapters/default/rollback"])
def test_a_body_over_the_cap_is_413_also_in_chunks(world, client, path) -> None:
    headers = {"content-type": "application/json"}
    world.adapters.add(1)
    for body in (b" " * 4097, chunks(5)):
        got = client.post(path, content=body, headers=headers)
        assert (got.status_code, got.json()["error"]["code"]) == (413, "too_large")
        assert got.json()["error"]["type"] == "invalid_request_error"
    assert world.documents.rows == {}


def test_a_form_over_the_cap_in_chunks(client) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        yield from chunks(5)

    got = client.post("/v1/documents", content=body(), headers={"content-type": "multipart/form-data; boundary=b"})
    assert got.status_code == 413


def test_a_declared_length_is_believed_before_anything_is_read(world, calling) -> None:
    caller = calling("POST", "/v1/adaptations/a-1/cancel", content_length="99999999999999999999999")
    asyncio.run(caller.run())
    assert caller.sent[0]["status"] == 413


def test_a_body_at_the_cap_is_read(client) -> None:
    body: Any = b'{"title": "t", "text": "x"}'
    got = client.post("/v1/documents", content=body.ljust(4096), headers={"content-type": "application/json"})
    assert got.status_code == 202
